"""When each day is due, for what, and which days one run is asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.days import DayRange, end_of
from runs_assets.settings import ProjectSettings
from runs_assets.settling.due import MAX_DAYS, Due, Request, Unrecorded, Work, due_days, next_request
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import DayState
from runs_assets.sources.reach import Capabilities
from runs_assets.storage.raw import RawDay
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage

RULES = Rules.of(ProjectSettings())
FORGETS = Capabilities(timedelta(days=31))
KEEPS = Capabilities(asks_by_id=True)
DAY = date(2026, 3, 10)
END = datetime(2026, 3, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stored(
    read_at: datetime, *, day: date = DAY, open_runs: int = 0, is_whole: bool = True, is_behind: bool = False
) -> DayState:
    """A day as it was read at `read_at`, whole if it was over then."""
    read = Read("r", read_at, read_at if is_whole and read_at >= end_of(day) else None)
    lineage = Lineage(read, open_runs, RULES.is_settled(day, read, open_runs), "1")
    return DayState(day, RawDay(read, 10, 0), runs=lineage, is_behind=is_behind)


def due(state: DayState, api: Capabilities = FORGETS, now: datetime = END) -> list[tuple[Work, datetime]]:
    return [(found.work, found.at) for found in due_days([state], api, RULES, now)]


@pytest.mark.parametrize(
    ("read_after_end", "open_runs", "due_after_end"),
    [
        (-13.0, 0, -12.0),  # a part-day: every hour
        (-0.5, 0, 0.5),  # read before its end, so once more soon after it
        (0.25, 0, 1.25),  # over, but young: not before an hour
        (3.0, 5, 6.0),  # twice as old
        (10.0, 0, 20.0),
        (13.0, 0, 24.0),  # twice as old would be 26 h: the end of the grace comes first
        (24.0, 1, 48.0),
        (30.0, 1, 54.0),  # twice as old would be 60 h: at least once a day
        (7 * 24.0, 1, 14 * 24.0),  # given up: weekly
    ],
)
def test_a_day_that_is_not_settled_is_read_when_it_is_twice_as_old(
    read_after_end: float, open_runs: int, due_after_end: float
) -> None:
    state = stored(END + read_after_end * HOUR, open_runs=open_runs)
    assert due(state) == [(Work.READ, END + due_after_end * HOUR)]


def test_a_settled_day_is_due_only_for_a_last_look_two_days_before_it_is_forgotten() -> None:
    settled = stored(END + 24 * HOUR)
    assert due(settled) == [(Work.READ, datetime(2026, 3, 10, tzinfo=UTC) + timedelta(days=29))]
    assert due(settled, KEEPS) == []
    assert due(stored(datetime(2026, 4, 8, tzinfo=UTC))) == []


def test_old_open_runs_alone_are_asked_for_by_id_where_that_can_be_done() -> None:
    abandoned = stored(END + timedelta(days=8), open_runs=2)
    assert due(abandoned, KEEPS) == [(Work.READ_OPEN_RUNS, END + timedelta(days=15))]
    never_whole = stored(END + timedelta(days=8), open_runs=2, is_whole=False)
    assert due(never_whole, KEEPS) == [(Work.READ, END + timedelta(days=15))]


def test_a_day_whose_tables_are_behind_is_rebuilt_without_the_api_until_its_reading_is_due() -> None:
    behind = stored(END + 30 * HOUR, is_behind=True)
    [reading, rebuild] = due_days([behind], FORGETS, RULES, END + 31 * HOUR)
    assert (reading.work, reading.at) == (Work.READ, END + 54 * HOUR)
    assert rebuild.work is Work.REBUILD
    found = next_request([reading, rebuild], END + 31 * HOUR, {})
    assert found is not None
    assert found.work is Work.REBUILD
    found = next_request([reading, rebuild], END + 54 * HOUR, {})
    assert found is not None
    assert found.work is Work.READ


def test_what_dagster_does_not_know_is_due_again() -> None:
    settled, now = stored(END + 24 * HOUR), END + 25 * HOUR
    [read] = due_days([settled], KEEPS, RULES, now, Unrecorded(reads={DAY}))
    assert read.work is Work.READ
    assert read.at <= now
    [rebuild] = due_days([settled], KEEPS, RULES, now, Unrecorded(tables={DAY}))
    assert rebuild.work is Work.REBUILD


def test_a_damaged_day_is_read_again_and_its_tables_are_not_built_from_it() -> None:
    [found] = due_days([DayState(DAY, damage="cut short")], KEEPS, RULES, END)
    assert (found.work, found.why) == (Work.READ, "its stored file is damaged")


def test_never_read_days_that_are_soon_forgotten_come_first_oldest_first_then_the_newest() -> None:
    today = date(2026, 4, 10)
    now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    days = DayRange(date(2026, 3, 11), today).newest_first()
    dues = due_days([DayState(day) for day in days], FORGETS, RULES, now)
    # 2026-03-11 begins to be forgotten on 04-11, 03-12 on 04-12 00:00 (36 h ahead), 03-13 60 h ahead.
    assert [found.day.isoformat() for found in dues[:4]] == ["2026-03-11", "2026-03-12", "2026-04-10", "2026-04-09"]
    assert next_request(dues, now, {}) == Request(
        DayRange(date(2026, 3, 11), date(2026, 3, 12)), Work.READ, "it was never read"
    )
    assert next_request(dues[2:], now, {}) == Request(
        DayRange(date(2026, 3, 13), today), Work.READ, "it was never read"
    )


NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
TODAY = date(2026, 4, 10)


def at(day: date, hours: float, work: Work = Work.READ, join: float | None = None) -> Due:
    when = NOW + hours * HOUR
    return Due(day, work, "because", when, when if join is None else NOW + join * HOUR)


def test_a_neighbour_that_is_nearly_due_joins_and_no_other() -> None:
    yesterday, before = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
    asked = next_request([at(TODAY, 0), at(yesterday, 0.2, join=0), at(before, 0.2)], NOW, {})
    assert asked == Request(DayRange(yesterday, TODAY), Work.READ, "because")
    assert next_request([at(TODAY, 0.1, join=-1), at(yesterday, 0.2, join=0)], NOW, {}) is None
    gap = next_request([at(TODAY, 0), at(before, 0)], NOW, {})
    assert gap == Request(DayRange(TODAY, TODAY), Work.READ, "because")
    other = next_request([at(TODAY, 0), at(yesterday, 0, Work.REBUILD)], NOW, {})
    assert other == Request(DayRange(TODAY, TODAY), Work.READ, "because")


def test_a_day_that_has_to_wait_is_left_out_of_the_range() -> None:
    days = [at(TODAY - timedelta(days=back), 0) for back in range(4)]
    waiting = {TODAY - timedelta(days=2): NOW + HOUR}
    assert next_request(days, NOW, waiting) == Request(DayRange(TODAY - timedelta(days=1), TODAY), Work.READ, "because")
    assert next_request(days[2:3], NOW, waiting) is None
    assert next_request(days[2:3], NOW + HOUR, waiting) is not None


@given(
    st.sets(st.integers(0, 80), min_size=1),
    st.sets(st.integers(0, 80)),
    st.sampled_from([FORGETS, KEEPS]),
)
def test_a_request_is_one_range_of_days_that_are_ready_and_holds_the_most_pressing(
    never_read: set[int], waiting: set[int], api: Capabilities
) -> None:
    states = [DayState(TODAY - timedelta(days=back)) for back in never_read]
    dues = due_days(states, api, RULES, NOW)
    not_before = {TODAY - timedelta(days=back): NOW + HOUR for back in waiting}
    ready = [found.day for found in dues if found.day not in not_before]
    request = next_request(dues, NOW, not_before)
    assert (request is None) is (not ready)
    if request is not None:
        assert ready[0] in request.days
        assert set(request.days.newest_first()) <= set(ready)
        assert len(request.days) <= MAX_DAYS
