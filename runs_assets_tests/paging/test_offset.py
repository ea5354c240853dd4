"""The window is found in any list, and no run of it is lost while the list moves; or a typed error says why."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.days import SECOND_US
from runs_assets.errors import ApiChangedError, PageLimitError
from runs_assets.paging.offset import OffsetAsk, OffsetPager
from runs_assets.paging.page import NO_TIME, Page, pages
from runs_assets_tests.paging.lists import EMPTY, START_US, ListedRuns, pages_of


def pager_of(start_us: int, end_us: int, limit: int) -> OffsetPager:
    return OffsetPager(start_us, end_us, limit=limit, max_limit=10_000)


def read(runs: ListedRuns, pager: OffsetPager, start_us: int, end_us: int) -> set[str]:
    """The ids of the window's runs, as the pager reads them."""
    shown: set[str] = set()
    for page in pages_of(pager, runs.by_offset):
        inside = (page.created_us >= start_us) & (page.created_us < end_us)
        shown.update(np.array(page.keys, object)[inside])
    assert pager.mark_us == start_us
    return shown


def seconds(*counts: int) -> list[tuple[str, int]]:
    """Runs in groups of equal time, a second apart, the first group the oldest."""
    return [(f"{at}-{n}", START_US + at * SECOND_US) for at, count in enumerate(counts) for n in range(count)]


@st.composite
def histories(draw: st.DrawFn) -> ListedRuns:
    """Runs with ties, and inserts at the head, inserts of late rows and deletes anywhere after each answer."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    counts = draw(st.lists(st.one_of(st.just(1), st.integers(0, 6), st.integers(0, 60)), max_size=60))
    at_head, late, deleted = draw(st.integers(0, 15)), draw(st.integers(0, 2)), draw(st.integers(0, 10))
    changes = draw(st.integers(0, 20))

    def change(listed: ListedRuns) -> None:
        if listed.asked > changes:
            return
        newest = max((us for _, us in listed.runs), default=START_US)
        for n in range(at_head):
            listed.insert(f"new-{listed.asked}-{n}", newest + SECOND_US * chance.randint(0, 1))
        for n in range(late):
            listed.insert(f"late-{listed.asked}-{n}", START_US + SECOND_US * chance.randint(0, 60))
        for key, _ in chance.sample(listed.runs, min(deleted, len(listed.runs))):
            listed.delete(key)

    tells_total, refuses_past_end = draw(st.booleans()), draw(st.booleans())
    return ListedRuns(
        seconds(*counts),
        cap=draw(st.sampled_from([100, 128, 1_000_000])),
        tells_total=tells_total,
        change=change,
        chance=chance,
        refuses_past_end=tells_total and refuses_past_end,
        shown=draw(st.sampled_from([None, 30, 200])),
        # Past the end of a list that is longer than its total, a refusal is an error.
        counted=1_000_000 if refuses_past_end else draw(st.sampled_from([30, 1_000_000])),
    )


@settings(max_examples=500)
@given(histories(), st.sampled_from([1, 2, 7, 100, 1000]), st.integers(-2, 50), st.integers(1, 70))
def test_every_run_that_existed_throughout_is_shown_or_an_error_says_why(
    runs: ListedRuns, limit: int, skipped: int, length: int
) -> None:
    start_us, end_us = START_US + skipped * SECOND_US, START_US + (skipped + length) * SECOND_US
    pager = pager_of(start_us, end_us, limit)
    try:
        shown = read(runs, pager, start_us, end_us)
    except PageLimitError:
        assert runs.shown is not None
        assert runs.longest >= runs.shown
    except ApiChangedError as error:
        if "became empty" in str(error):  # every run was deleted meanwhile
            assert not runs.throughout
            return
        assert "share the creation time" in str(error)  # noqa: PT017
        assert max(Counter(us for _, us in runs.runs).values()) >= min(runs.cap, 60)
    else:
        assert runs.existing_throughout(start_us, end_us) <= shown
        assert pager.is_complete


def test_a_day_in_a_list_of_100000_runs_is_found_by_bisection() -> None:
    runs = ListedRuns([(str(n), START_US + n * SECOND_US) for n in range(100_000)])
    start_us, end_us = START_US + 30_000 * SECOND_US, START_US + 33_000 * SECOND_US
    shown = read(runs, pager_of(start_us, end_us, 100), start_us, end_us)
    assert shown == {str(n) for n in range(30_000, 33_000)}
    assert runs.asked <= 30 * 1.1 + 20


def test_a_window_within_what_a_server_shows_is_read_though_it_refuses_to_look_further() -> None:
    runs = ListedRuns(seconds(*[1] * 5000), shown=1000)
    start_us, end_us = START_US + 4001 * SECOND_US, START_US + 4200 * SECOND_US
    assert read(runs, pager_of(start_us, end_us, 100), start_us, end_us) == {f"{at}-0" for at in range(4001, 4200)}


def test_the_error_names_how_much_is_shown_and_what_lies_beyond() -> None:
    runs = ListedRuns(seconds(*[1] * 5000), shown=1000)
    pager = pager_of(START_US + 3990 * SECOND_US, START_US + 4200 * SECOND_US, 100)
    with pytest.raises(
        PageLimitError, match=r"beyond the 1,000 newest runs: HTTP 400\. .*of 2025-06-15T16:13:20Z and before"
    ):
        list(pages_of(pager, runs.by_offset))
    assert pager.mark_us == START_US + 4000 * SECOND_US + 1


def test_where_what_lies_past_the_end_is_refused_the_list_still_ends() -> None:
    runs = ListedRuns(seconds(*[1] * 50), refuses_past_end=True)
    pager = pager_of(START_US, START_US + 10 * SECOND_US, 10)
    assert read(runs, pager, START_US, START_US + 10 * SECOND_US) == {f"{at}-0" for at in range(10)}


@pytest.mark.parametrize("tells_total", [True, False])
def test_where_the_last_page_is_shown_for_what_lies_past_the_end_the_list_still_ends(*, tells_total: bool) -> None:
    runs = ListedRuns(seconds(*[1] * 50), tells_total=tells_total)

    def at_most_the_last_page(ask: OffsetAsk) -> Page:
        return runs.by_offset(replace(ask, offset=50 - ask.limit if ask.offset >= 50 else ask.offset))

    pager = pager_of(START_US, START_US + 10 * SECOND_US, 20)
    shown = {key for page in pages_of(pager, at_most_the_last_page) for key in page.keys}
    assert shown >= {f"{at}-0" for at in range(10)}


def test_a_refusal_without_a_total_is_not_taken_for_the_end() -> None:
    runs = ListedRuns(seconds(*[1] * 50), refuses_past_end=True, tells_total=False)
    with pytest.raises(PageLimitError, match="beyond the 50 newest runs"):
        list(pages_of(pager_of(START_US, START_US + 10 * SECOND_US, 20), runs.by_offset))


def test_an_offset_that_is_not_obeyed_is_an_error_after_few_requests() -> None:
    runs = ListedRuns([(str(second), START_US + second * SECOND_US) for second in range(200)])
    pager = pager_of(START_US, START_US + 10 * SECOND_US, 20)
    with pytest.raises(ApiChangedError, match="no longer obeys its offset"):
        list(pages_of(pager, lambda ask: runs.by_offset(replace(ask, offset=0))))
    assert runs.asked < 40


def test_deleted_rows_do_not_pull_others_past_the_next_page() -> None:
    runs = ListedRuns(seconds(*[1] * 40))

    def delete_the_newest(listed: ListedRuns) -> None:
        if listed.asked == 1:
            for at in range(30, 40):
                listed.delete(f"{at}-0")

    runs.change = delete_the_newest
    # Plain offset paging reads 0..9, then 10..19 of the shrunken list, and never sees runs 20..29.
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 10)
    assert read(runs, pager, START_US, START_US + 100 * SECOND_US) >= {f"{at}-0" for at in range(30)}


def test_a_capped_total_is_not_taken_for_the_end() -> None:
    runs = ListedRuns(seconds(*[1] * 50), counted=20)
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 10)
    assert len(read(runs, pager, START_US, START_US + 100 * SECOND_US)) == 50


@pytest.mark.parametrize("limit", [7, 10])
@pytest.mark.parametrize(("end", "lost"), [(5, "15:06:44"), (50, "15:07:10")])
def test_a_total_beyond_which_a_server_shows_nothing_is_not_taken_for_the_end(limit: int, end: int, lost: str) -> None:
    runs = ListedRuns(seconds(*[1] * 50), shown=20, counted=20)
    pager = pager_of(START_US, START_US + end * SECOND_US, limit)
    with pytest.raises(PageLimitError, match=rf"beyond the 20 newest runs: .*of 2025-06-15T{lost}Z and before"):
        list(pages_of(pager, runs.by_offset))


def test_a_list_without_order_that_is_not_shown_to_its_end_is_not_complete() -> None:
    chance = random.Random(3)
    runs = ListedRuns([(f"{chance.random()}", START_US + n * SECOND_US) for n in range(50)], is_sorted=False)
    runs.shown = runs.counted = 23  # pages of 12 end there
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 12)
    assert len(read(runs, pager, START_US, START_US + 100 * SECOND_US)) == 23
    assert not pager.is_complete


def test_equal_times_that_fill_a_page_take_a_larger_page() -> None:
    runs = ListedRuns(seconds(1, 25, 1))
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 10)
    assert len(read(runs, pager, START_US, START_US + 100 * SECOND_US)) == 27


def test_equal_times_beyond_the_largest_page_are_an_error_that_names_the_time_and_the_count() -> None:
    runs = ListedRuns(seconds(1, 150, 1), cap=100)
    with pytest.raises(ApiChangedError, match=r"At least 100 runs share the creation time 2025-06-15T15:06:41Z"):
        read(runs, pager_of(START_US, START_US + 100 * SECOND_US, 10), START_US, START_US + 100 * SECOND_US)


def test_a_list_without_order_is_read_whole_and_says_so() -> None:
    chance = random.Random(3)
    runs = ListedRuns([(f"{chance.random()}", START_US + n * SECOND_US) for n in range(300)], is_sorted=False)
    start_us, end_us = START_US + 100 * SECOND_US, START_US + 110 * SECOND_US
    pager = pager_of(start_us, end_us, 20)
    assert len(read(runs, pager, start_us, end_us)) == 10
    assert pager.notes == ("The list is not newest first, so all of it was read.",)
    assert pager.is_complete


@pytest.mark.parametrize("is_denied", [False, True])
def test_an_offset_that_is_not_obeyed_is_an_error_for_a_list_without_order_too(*, is_denied: bool) -> None:
    runs = ListedRuns([(f"{n:02d}", START_US + n * 7 % 60 * SECOND_US) for n in range(60)], is_sorted=False)

    def from_the_head(ask: OffsetAsk) -> Page:
        assert runs.asked < 500
        page = runs.by_offset(replace(ask, offset=0))
        return replace(page, offset=ask.offset) if is_denied else page

    with pytest.raises(ApiChangedError, match="no longer obeys its offset"):
        list(pages_of(pager_of(START_US, START_US + 100 * SECOND_US, 20), from_the_head))


def test_a_list_without_order_that_changes_meanwhile_is_not_complete() -> None:
    chance = random.Random(3)
    runs = ListedRuns([(f"{chance.random()}", START_US + n * SECOND_US) for n in range(300)], is_sorted=False)
    runs.change = lambda listed: listed.insert(f"0.0{listed.asked}", START_US)
    pager = pager_of(START_US, START_US + 400 * SECOND_US, 20)
    read(runs, pager, START_US, START_US + 400 * SECOND_US)
    assert not pager.is_complete


def test_a_list_that_grows_at_its_end_with_every_request_is_left_there_and_not_complete() -> None:
    runs = ListedRuns([(f"{n:03d}", START_US + n * 7 % 60 * SECOND_US) for n in range(50)], is_sorted=False)
    runs.change = lambda listed: listed.insert(f"9{listed.asked:05d}", START_US)
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 10)
    assert read(runs, pager, START_US, START_US + 100 * SECOND_US) >= {f"{n:03d}" for n in range(50)}
    assert not pager.is_complete


def test_an_empty_list_counts_only_when_it_comes_twice() -> None:
    runs = ListedRuns([])
    assert read(runs, pager_of(START_US, START_US + SECOND_US, 100), START_US, START_US + SECOND_US) == set()
    assert runs.asked == 2


def test_a_list_that_seems_empty_once_is_read_all_the_same() -> None:
    runs = ListedRuns(seconds(*[1] * 50))
    shown = [replace(EMPTY, total=0)]
    read_pages = list(
        pages_of(
            pager_of(START_US, START_US + 10 * SECOND_US, 20),
            lambda ask: shown.pop() if shown else runs.by_offset(ask),
        )
    )
    found = {key for page in read_pages for key in page.keys}
    assert {f"{second}-0" for second in range(10)} <= found


def test_null_times_beside_usable_ones_stop_nothing() -> None:
    runs = ListedRuns(seconds(*[1] * 50))

    def with_nulls(ask: OffsetAsk) -> Page:
        page = runs.by_offset(ask)
        times = np.where(np.arange(page.offset, page.end) % 3 == 0, NO_TIME, page.created_us)
        return Page(page.ids, times, page.offset, page.total)

    shown = {
        key for page in pages_of(pager_of(START_US, START_US + 100 * SECOND_US, 10), with_nulls) for key in page.keys
    }
    assert len(shown) == 50


def test_a_page_of_null_times_only_is_an_error() -> None:
    page = Page(pa.array(["a", "b"]), np.array([NO_TIME, NO_TIME]), 0, 2)
    with pytest.raises(ApiChangedError, match="no usable creation time"):
        list(pages_of(pager_of(START_US, START_US + SECOND_US, 10), lambda _ask: page))


def test_the_mark_falls_only_to_what_has_been_shown() -> None:
    runs = ListedRuns(seconds(*[3] * 30))
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 10)
    shown: set[str] = set()
    for _, page, as_it_stood in pages([(pager, runs.by_offset)], stop=lambda: None):
        shown |= set(page.keys)
        assert {key for key, us in runs.runs if us >= as_it_stood.mark_us} <= shown


def test_a_list_that_becomes_empty_while_it_is_read_is_an_error() -> None:
    runs = ListedRuns(seconds(*[1] * 50))
    runs.change = lambda listed: listed.runs.clear() if listed.asked == 2 else None
    with pytest.raises(ApiChangedError, match="became empty"):
        read(runs, pager_of(START_US, START_US + 100 * SECOND_US, 10), START_US, START_US + 100 * SECOND_US)


def test_runs_of_one_time_that_change_places_are_all_read_though_deletes_pull_them_up() -> None:
    runs = ListedRuns(seconds(*[1] * 5, 12, *[1] * 15))

    def delete_the_newest(listed: ListedRuns) -> None:
        if listed.asked == 1:
            for at in range(13, 21):
                listed.delete(f"{at}-0")

    runs.change = delete_the_newest
    # The first page shows 5 of the 12. The place after it then lies within them: 7 come before it, in another order.
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 20)
    assert read(runs, pager, START_US, START_US + 100 * SECOND_US) >= {f"5-{n}" for n in range(12)}


def test_without_a_total_an_empty_place_after_deletes_is_not_taken_for_the_end() -> None:
    runs = ListedRuns(seconds(*[1] * 25), cap=10, tells_total=False)

    def delete_the_newest(listed: ListedRuns) -> None:
        if listed.asked == 3:
            for at in range(9, 25):
                listed.delete(f"{at}-0")

    runs.change = delete_the_newest
    # Shown so far: 24 to 5, the page being 16 to 7 at offset 8. Of the 9 runs left, none is at 18, only the last at 8.
    pager = pager_of(START_US, START_US + 100 * SECOND_US, 100)
    assert read(runs, pager, START_US, START_US + 100 * SECOND_US) >= {f"{at}-0" for at in range(9)}


def test_no_run_of_a_list_without_order_is_lost_when_deletes_pull_it_up() -> None:
    chance = random.Random(3)
    runs = ListedRuns([(f"{chance.random()}", START_US + n * SECOND_US) for n in range(300)], is_sorted=False)

    def delete_the_first(listed: ListedRuns) -> None:
        if listed.asked == 5:
            for key, _ in sorted(listed.runs)[:10]:
                listed.delete(key)

    runs.change = delete_the_first
    start_us, end_us = START_US, START_US + 400 * SECOND_US
    pager = pager_of(start_us, end_us, 20)
    assert runs.existing_throughout(start_us, end_us) <= read(runs, pager, start_us, end_us)
    assert not pager.is_complete
