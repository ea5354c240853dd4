"""No run of a window is lost, or a typed error says why; the end is proven, not assumed."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.days import SECOND_US
from runs_assets.errors import ApiChangedError
from runs_assets.paging.cursor import CursorAsk, CursorPager
from runs_assets.paging.page import NO_TIME, Page, pages
from runs_assets_tests.paging.lists import START_US, ListedRuns, Run, pages_of

STATUSES = ("a", "b", "c")


def read(runs: ListedRuns, start_us: int, end_us: int, *, limit: int, max_limit: int = 10_000) -> set[str]:
    """The ids of the window's runs, as the pager reads them."""
    pager = CursorPager(start_us, end_us, limit=limit, max_limit=max_limit, statuses=STATUSES)
    shown: set[str] = set()
    before = end_us
    for _, page, as_it_stood in pages([(pager, runs.by_cursor)], stop=lambda: None):
        assert as_it_stood.mark_us <= before
        before = as_it_stood.mark_us
        inside = (page.created_us >= start_us) & (page.created_us < end_us)
        shown.update(np.array(page.keys, object)[inside])
    assert pager.mark_us == start_us
    return shown


def groups_of(sizes: list[int], step_us: int, chance: random.Random) -> list[Run]:
    """Runs in groups of equal time, `step_us` apart, with ids in no order that end in a status."""
    return [
        (f"{chance.random()}-{group}-{n}-{chance.choice(STATUSES)}", START_US + group * step_us)
        for group, size in enumerate(sizes)
        for n in range(size)
    ]


@st.composite
def histories(draw: st.DrawFn) -> ListedRuns:
    """Runs with ties, spread in steps from a tenth of a millisecond to a minute, with inserts and deletes meanwhile."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.one_of(st.integers(0, 4), st.integers(0, 130)), max_size=12))
    runs = groups_of(sizes, draw(st.sampled_from([100, 700_000, SECOND_US, 60 * SECOND_US])), chance)
    inserted, deleted = draw(st.integers(0, 3)), draw(st.integers(0, 3))

    def change(listed: ListedRuns) -> None:
        for n in range(inserted):
            newest = max((us for _, us in listed.runs), default=START_US)
            listed.insert(f"new-{listed.asked}-{n}-a", chance.choice([newest, newest + 5 * SECOND_US, START_US]))
        for key, _ in chance.sample(listed.runs, min(deleted, len(listed.runs))):
            listed.delete(key)

    return ListedRuns(
        runs,
        printed_us=draw(st.sampled_from([1, 1000, SECOND_US])),
        cap=draw(st.sampled_from([100, 128, 1_000_000])),
        change=change,
        chance=chance,
    )


@settings(max_examples=400)
@given(histories(), st.sampled_from([1, 2, 7, 100, 1000, 10_000]), st.integers(-1, 8), st.integers(1, 12))
def test_every_run_that_existed_throughout_is_shown_or_an_error_says_why(
    runs: ListedRuns, limit: int, skipped_seconds: int, seconds: int
) -> None:
    start_us = START_US + skipped_seconds * SECOND_US
    end_us = start_us + seconds * 20 * SECOND_US
    try:
        shown = read(runs, start_us, end_us, limit=limit)
    except ApiChangedError as error:
        if "became empty" in str(error):  # every run was deleted meanwhile
            assert not runs.existing_throughout(start_us, end_us)
            return
        assert "runs share the second" in str(error)  # noqa: PT017
        times = [us // SECOND_US for _, us in runs.runs]
        assert max(times.count(second) for second in set(times)) >= min(runs.cap, 90)
    else:
        assert runs.existing_throughout(start_us, end_us) <= shown


@settings(max_examples=50)
@given(st.integers(1, 60), st.sampled_from([10, 100, 1000]))
def test_where_nothing_changes_three_requests_more_than_the_pages_suffice(seconds: int, limit: int) -> None:
    runs = ListedRuns([(f"{n}-a", START_US + n * SECOND_US) for n in range(seconds * 20)])
    shown = read(runs, START_US, START_US + 2000 * SECOND_US, limit=limit)
    assert len(shown) == seconds * 20
    # each page repeats one row of the page before it
    assert runs.asked <= -(-seconds * 20 // (limit - 1)) + 3


def test_rows_of_one_second_at_a_page_edge_are_all_read() -> None:
    # 3 + 4 runs, the 4 at one second; the plain recipe (cursor = last row's time) reads 3 + 2 and loses two.
    runs = ListedRuns(groups_of([4, 3], SECOND_US, random.Random(1)))
    assert len(read(runs, START_US, START_US + 9 * SECOND_US, limit=5)) == 7


def test_a_capped_page_is_not_taken_for_the_end() -> None:
    runs = ListedRuns(groups_of([3] * 100, SECOND_US, random.Random(1)), cap=100)
    assert len(read(runs, START_US, START_US + 200 * SECOND_US, limit=1000)) == 300


def test_a_second_that_fills_a_capped_page_is_an_error_that_names_it_and_the_count() -> None:
    runs = ListedRuns(groups_of([50, 150], SECOND_US, random.Random(1)), cap=100)
    with pytest.raises(ApiChangedError, match=r"At least 100 runs share the second 2025-06-15T15:06:41Z"):
        read(runs, START_US, START_US + 9 * SECOND_US, limit=1000)


def test_a_whole_window_in_one_second_is_confirmed_by_status() -> None:
    # 150 runs in one second, in a page that a server might have capped there: it is the largest page seen.
    runs = ListedRuns(groups_of([150], SECOND_US, random.Random(1)))
    assert len(read(runs, START_US, START_US + 9 * SECOND_US, limit=1000)) == 150
    assert runs.asked == 2 + 2 + len(STATUSES)  # the page, itself again, twice that nothing is older, each status


def test_a_second_capped_at_its_only_page_is_found_out_by_status() -> None:
    runs = ListedRuns(groups_of([150], SECOND_US, random.Random(1)), cap=120)
    with pytest.raises(ApiChangedError, match="share the second"):
        read(runs, START_US, START_US + 9 * SECOND_US, limit=1000)


def test_an_empty_window_takes_two_requests_since_an_empty_answer_counts_when_it_comes_twice() -> None:
    runs = ListedRuns([])
    assert read(runs, START_US, START_US + SECOND_US, limit=100) == set()
    assert runs.asked == 2


@pytest.mark.parametrize("broken", range(1, 9))
def test_one_empty_answer_anywhere_is_not_taken_for_the_end(broken: int) -> None:
    runs = ListedRuns(groups_of([2] * 12, SECOND_US, random.Random(1)))
    pager = CursorPager(START_US, START_US + 60 * SECOND_US, limit=5, max_limit=10_000, statuses=STATUSES)

    def sometimes_empty(ask: CursorAsk) -> Page:
        page = runs.by_cursor(ask)
        return page_at() if runs.asked == broken else page

    assert len({key for page in pages_of(pager, sometimes_empty) for key in page.keys}) == 24


def a_minute() -> tuple[ListedRuns, CursorPager]:
    """Two runs in each of 30 seconds, and a pager of pages of five over them."""
    runs = ListedRuns(groups_of([2] * 30, SECOND_US, random.Random(1)))
    return runs, CursorPager(START_US, START_US + 60 * SECOND_US, limit=5, max_limit=10_000, statuses=STATUSES)


def empty_at(runs: ListedRuns, broken: range) -> Callable[[CursorAsk], Page]:
    """Shows nothing in answer to these requests, the first being 1."""

    def fetch(ask: CursorAsk) -> Page:
        page = runs.by_cursor(ask)
        return page_at() if runs.asked in broken else page

    return fetch


@pytest.mark.parametrize("first", range(2, 7))
def test_an_outage_of_empty_answers_in_mid_walk_is_not_taken_for_the_end(first: int) -> None:
    runs, pager = a_minute()
    fetched = pages_of(pager, empty_at(runs, range(first, first + 3)))
    assert len({key for page in fetched for key in page.keys}) == 60


@pytest.mark.parametrize("read_before", [1, 5])
def test_an_outage_of_empty_answers_that_lasts_is_an_error(read_before: int) -> None:
    runs, pager = a_minute()
    with pytest.raises(ApiChangedError, match="became empty while it was being read"):
        list(pages_of(pager, empty_at(runs, range(read_before + 1, 1000))))


def test_answers_that_are_empty_again_and_again_are_an_error() -> None:
    runs, pager = a_minute()
    with pytest.raises(ApiChangedError, match="became empty while it was being read"):
        list(
            pages_of(pager, lambda ask: runs.by_cursor(ask) if ask.cursor_us > START_US + 20 * SECOND_US else page_at())
        )


def test_where_the_oldest_runs_vanish_while_they_are_read_the_others_are_the_window() -> None:
    runs, _ = a_minute()

    def delete_the_oldest(listed: ListedRuns) -> None:
        if listed.asked == 3:
            for key, _ in sorted(listed.runs, key=lambda run: run[1])[:54]:
                listed.delete(key)

    runs.change = delete_the_oldest
    read(runs, START_US, START_US + 60 * SECOND_US, limit=5)
    assert len(runs.throughout) == 6


def fixed(page: Page) -> CursorPager:
    pager = CursorPager(START_US, START_US + 60 * SECOND_US, limit=10, max_limit=10, statuses=STATUSES)
    list(pages_of(pager, lambda _ask: page))
    return pager


def page_at(*seconds: float | None) -> Page:
    times = [NO_TIME if second is None else START_US + int(second * SECOND_US) for second in seconds]
    return Page(pa.array([str(n) for n in range(len(times))], pa.string()), np.array(times, np.int64))


def test_a_list_that_is_not_newest_first_is_an_error() -> None:
    with pytest.raises(ApiChangedError, match="no longer listed newest first"):
        fixed(page_at(3, 5, 1))


def test_a_cursor_that_is_not_obeyed_is_an_error() -> None:
    with pytest.raises(ApiChangedError, match="no longer obeys its cursor"):
        fixed(page_at(90, 89))


def test_a_page_of_null_times_only_is_an_error() -> None:
    with pytest.raises(ApiChangedError, match="no usable creation time in any row"):
        fixed(page_at(None, None))


def test_a_null_time_inside_a_page_does_not_end_the_walk() -> None:
    runs = ListedRuns(groups_of([1] * 30, SECOND_US, random.Random(1)))
    pager = CursorPager(START_US, START_US + 60 * SECOND_US, limit=10, max_limit=10_000, statuses=STATUSES)

    def with_null_at_the_end(ask: CursorAsk) -> Page:
        page = runs.by_cursor(ask)
        return replace(page, ids=pa.array([*page.keys, "null"]), created_us=np.append(page.created_us, NO_TIME))

    shown = {key for page in pages_of(pager, with_null_at_the_end) for key in page.keys}
    assert len(shown) == 31


def test_a_page_capped_below_the_trusted_length_that_hides_older_runs_is_an_error() -> None:
    # 50 of 53 runs, in a page that is shorter than what is asked for and than what is taken as not capped
    runs = ListedRuns(groups_of([3, 50], SECOND_US, random.Random(1)), cap=50)
    with pytest.raises(ApiChangedError, match="At least 50 runs share the second"):
        read(runs, START_US, START_US + 9 * SECOND_US, limit=1000)


def test_a_second_that_is_shorter_than_an_earlier_page_needs_no_confirmation_by_status() -> None:
    runs = ListedRuns(groups_of([120, 50], SECOND_US, random.Random(1)))
    assert len(read(runs, START_US, START_US + 9 * SECOND_US, limit=1000)) == 170
    assert runs.asked == 4  # both seconds, the older one again, and twice that nothing is older


def test_a_run_that_appears_between_two_of_the_largest_pages_is_no_reason_to_give_up() -> None:
    runs = ListedRuns(groups_of([0, 0, 0, 0, 0, 3], SECOND_US, random.Random(1)))

    def appear(listed: ListedRuns) -> None:
        if listed.asked == 2:
            listed.insert("late-a", START_US)

    runs.change = appear
    assert len(read(runs, START_US, START_US + 9 * SECOND_US, limit=10, max_limit=10)) == 4
