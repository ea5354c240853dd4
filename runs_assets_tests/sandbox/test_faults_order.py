from datetime import timedelta
from itertools import groupby

import pytest

from runs_assets.sandbox.faults.order import PageSizeCapped, TieGroupBeyondLargestPage, TiesAtPageEdge
from runs_assets_tests.sandbox.asking import NOW, PLATFORMS, Asker, created_of, id_of

both = pytest.mark.parametrize("platform", PLATFORMS)


@both
def test_without_a_fault_the_plain_recipe_finds_every_run_once(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 25)
    assert ask.read_plainly(platform, 10) == ids


@both
@pytest.mark.parametrize("limit", [2, 3, 4, 10, 12])
def test_pages_end_inside_groups_of_one_creation_time(ask: Asker, platform: str, limit: int) -> None:
    ids = ask.show(platform, 25)
    ask.sandbox.switch_on(platform, "ties_at_page_edge")
    ask.rows(platform, {"limit": limit})
    all_rows = ask.rows(platform, {"limit": 100})
    assert [id_of(row) for row in all_rows] == ids
    assert created_of(all_rows[limit - 1]) == created_of(all_rows[limit])
    assert [created_of(row) for row in all_rows] == sorted(map(created_of, all_rows), reverse=True)


@pytest.mark.parametrize("limit", [4, 10, 12])
def test_at_ties_every_page_of_the_plain_recipe_loses_runs_of_cloudcruise(ask: Asker, limit: int) -> None:
    ids = ask.show("cloudcruise", 40)
    ask.sandbox.switch_on("cloudcruise", "ties_at_page_edge")
    assert set(ask.read_plainly("cloudcruise", limit)) < set(ids)


def test_groups_of_ties_stay_as_they_are_when_another_page_size_is_asked_for(ask: Asker) -> None:
    ask.show("productsup", 25)
    ask.sandbox.switch_on("productsup", "ties_at_page_edge")
    times = {limit: [row["created-at"] for row in ask.rows("productsup", {"limit": limit})] for limit in (20, 10, 7)}
    assert times[20][:10] == times[10]
    assert times[20][:7] == times[7]


@both
def test_ties_stay_within_their_day(ask: Asker, platform: str) -> None:
    ask.show(platform, 40, seconds=3600)
    query: dict[str, str | int] = {"limit": 40} | (
        {"start_time": "2026-03-01T00:00:00Z"} if platform == "cloudcruise" else {}
    )
    days = [created_of(row).date() for row in ask.rows(platform, query)]
    ask.sandbox.switch_on(platform, TiesAtPageEdge(page_size=10))
    tied = ask.rows(platform, query)
    assert [created_of(row).date() for row in tied] == days
    assert len(set(map(created_of, tied))) < 20


@both
def test_more_runs_share_an_instant_than_the_largest_page_holds(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 9)
    ask.sandbox.switch_on(platform, TieGroupBeyondLargestPage(size=30, largest_page=20))
    page = ask.rows(platform, {"limit": 1000})
    assert len(page) == 20
    assert [id_of(row) for row in page[:5]] == ids[:5]
    assert {created_of(row) for row in page[4:]} == {created_of(page[4])}
    shown = ask.sandbox.shown(platform)
    assert len(shown) == 9 + 29
    assert len({str(row.body) for row in shown}) == 9 + 29


@both
def test_the_group_stands_where_it_is_told(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 9)
    ask.sandbox.switch_on(platform, TieGroupBeyondLargestPage(size=3, before=NOW - timedelta(minutes=2)))
    assert [id_of(row) for row in ask.rows(platform)] == [*ids[:3], "run-2-1", "run-2-2", *ids[3:]]


@both
def test_a_capped_page_is_smaller_than_asked_for_and_smaller_ones_are_obeyed(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 30)
    ask.sandbox.switch_on(platform, PageSizeCapped(largest_page=20))
    assert [len(ask.rows(platform, {"limit": limit})) for limit in (30, 20, 5)] == [20, 20, 5]
    assert len(ask.rows(platform)) == 20
    assert ask.read_plainly(platform, 30) == ids[:20]


@both
def test_printed_seconds_hide_the_microseconds_that_count(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 5, seconds=0)
    ask.sandbox.switch_on(platform, "times_printed_coarser")
    rows = ask.rows(platform)
    assert {id_of(row) for row in rows} == set(ids)
    assert {created_of(row).microsecond for row in rows} == {0}
    assert len({row.created_at for row in ask.sandbox.shown(platform)}) == 5


def test_a_printed_second_is_no_cursor_for_the_runs_that_share_it(ask: Asker) -> None:
    ask.show("cloudcruise", 5, seconds=0)
    ask.sandbox.switch_on("cloudcruise", "times_printed_coarser")
    assert len(ask.read_plainly("cloudcruise", 2)) == 2


@both
def test_ties_change_places_at_every_request_and_nothing_else_does(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 12)
    ask.sandbox.switch_on(platform, TiesAtPageEdge(page_size=4))  # groups of 5, 5 and 2
    ask.sandbox.switch_on(platform, "unstable_ties")
    answers = [[id_of(row) for row in ask.rows(platform)] for _ in range(4)]
    assert len(set(map(tuple, answers))) == 4
    for answer in answers:
        assert [set(answer[:5]), set(answer[5:10]), set(answer[10:])] == [set(ids[:5]), set(ids[5:10]), set(ids[10:])]


def test_unstable_ties_make_the_plain_recipe_lose_runs_of_productsup(ask: Asker) -> None:
    ids = ask.show("productsup", 12, seconds=0)
    ask.sandbox.switch_on("productsup", "unstable_ties")
    assert set(ask.read_plainly("productsup", 5)) < set(ids)


@both
def test_an_unsorted_list_has_every_run_in_one_lasting_order_that_is_none(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 25)
    ask.sandbox.switch_on(platform, "unsorted_list")
    rows = ask.rows(platform)
    assert sorted(map(id_of, rows)) == sorted(ids)
    times = list(map(created_of, rows))
    assert times not in (sorted(times), sorted(times, reverse=True))
    assert ask.rows(platform) == rows


def test_cloudcruise_keeps_to_start_time_and_cursor_although_its_list_is_unsorted(ask: Asker) -> None:
    ids = ask.show("cloudcruise", 20)
    ask.sandbox.switch_on("cloudcruise", "unsorted_list")
    window = {"start_time": "2026-03-18T11:49:00Z", "cursor": "2026-03-18T11:54:00Z"}
    assert set(ask.sessions(**window)) == set(ids[6:11])


@both
def test_a_page_ends_and_the_next_begins_with_the_same_run(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, 8)
    ask.sandbox.switch_on(platform, "ids_repeated_across_pages")
    listed = [id_of(row) for row in ask.rows(platform)]
    assert [(key, len(list(group))) for key, group in groupby(listed)] == [(key, 3) for key in ids]
    if platform == "productsup":
        first, second = (ask.run_ids({"from": start, "limit": 10}) for start in (0, 10))
        assert first[-1] == second[0]
