"""When each day is due, for what, and which days one run is asked for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.days import DayRange, end_of
from runs_assets.settings import ProjectSettings
from runs_assets.settling.attempts import Waits
from runs_assets.settling.due import MAX_DAYS, Due, Request, Unrecorded, Work, due_days, next_request
from runs_assets.settling.reach import Capabilities
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import DayState
from runs_assets.storage.ledger import BuiltTable
from runs_assets.storage.raw import RawDay
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage

RULES = Rules.of(ProjectSettings())
NO_REREADS = replace(RULES, reread_requests=0)
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
    lineage, raw = Lineage(read, open_runs, RULES.is_settled(day, read, open_runs), "1"), RawDay(read, 10, 0)
    return DayState(day, raw, tables=BuiltTable.of(lineage, raw), is_behind=is_behind)


def due(state: DayState, api: Capabilities = FORGETS, rules: Rules = RULES) -> list[tuple[Work, datetime]]:
    """What a stored day is due for, looked at when it was just read."""
    assert state.raw is not None
    now = state.raw.read.read_started_at
    return [(found.work, found.at) for found in due_days([state], api, rules, now)]


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
    assert due(settled, KEEPS, NO_REREADS) == []
    assert due(stored(datetime(2026, 4, 8, tzinfo=UTC))) == []


@pytest.mark.parametrize(
    ("read_after_end", "now_after_read", "due_after_end"),
    [
        (24.0, 0.0, 24 + 7 * 24 + 1),  # settled at midnight, so a week later at one o'clock
        (27.0, 0.0, 27 + 7 * 24),  # read in quiet hours itself
        (29.0, 0.0, 24 + 8 * 24 + 1),  # at five they are over
        (27.0, 7 * 24 + 10, 24 + 8 * 24 + 1),  # it was put off at night, so not at one in the afternoon
        (28 * 24 - 1.0, 0.0, 35 * 24 + 1),
        (28 * 24 + 2.0, 0.0, 58 * 24 + 2),  # from four weeks on, monthly
        (364 * 24 + 2.0, 0.0, 394 * 24 + 2),
    ],
)
def test_where_the_api_keeps_its_runs_settled_days_are_read_again_at_night(
    read_after_end: float, now_after_read: float, due_after_end: float
) -> None:
    read_at = END + read_after_end * HOUR
    [found] = due_days([stored(read_at)], KEEPS, RULES, read_at + now_after_read * HOUR)
    assert (found.work, found.at) == (Work.READ, END + due_after_end * HOUR)


def test_after_a_year_a_settled_day_is_left_alone() -> None:
    assert due(stored(END + timedelta(days=365)), KEEPS) == []
    assert due(stored(END + timedelta(hours=24)), KEEPS, NO_REREADS) == []


def test_what_is_too_much_for_a_night_is_put_off_to_the_next() -> None:
    night = datetime(2026, 4, 30, 1, tzinfo=UTC)
    days = [date(2026, 4, number) for number in range(1, 11)]
    states = [stored(end_of(day) + timedelta(days=2), day=day) for day in days]  # 10 runs each: 16 requests
    budget = replace(RULES, reread_requests=50)
    dues = due_days(states, KEEPS, budget, night)
    assert [due.day.day for due in dues if due.at <= night] == [10, 9, 8]
    assert {due.at for due in dues if due.at > night} == {night + timedelta(days=1)}
    read = [stored(night, day=day) if day.day > 8 else state for day, state in zip(days, states, strict=True)]
    later = due_days(read, KEEPS, budget, night + HOUR)
    assert [due.day.day for due in later if due.at <= night + HOUR] == [8]


def test_a_day_that_is_too_much_for_any_night_is_read_alone() -> None:
    night = datetime(2026, 4, 30, 1, tzinfo=UTC)
    states = [stored(end_of(day) + timedelta(days=2), day=day) for day in (DAY, DAY + timedelta(days=1))]
    dues = due_days(states, KEEPS, replace(RULES, reread_requests=1), night)
    assert [due.at <= night for due in dues] == [True, False]


def test_old_open_runs_alone_are_asked_for_by_id_where_that_can_be_done() -> None:
    abandoned = stored(END + timedelta(days=8), open_runs=2)
    assert due(abandoned, KEEPS) == [(Work.READ_OPEN_RUNS, END + timedelta(days=15))]
    never_whole = stored(END + timedelta(days=8), open_runs=2, is_whole=False)
    assert due(never_whole, KEEPS) == [(Work.READ, END + timedelta(days=15))]


def test_a_day_whose_tables_are_behind_is_rebuilt_without_the_api_until_its_reading_is_due() -> None:
    young = stored(END + 10 * HOUR, is_behind=True)
    [reading, rebuild] = due_days([young], FORGETS, RULES, END + 11 * HOUR)
    assert (reading.work, reading.at) == (Work.READ, END + 20 * HOUR)
    for hours, work in ((11, Work.REBUILD), (20, Work.READ)):
        found = next_request([reading, rebuild], END + hours * HOUR, Waits())
        assert found is not None
        assert found.work is work


def test_a_day_that_was_seen_whole_is_not_read_because_its_tables_are_behind() -> None:
    behind = stored(END + 30 * HOUR, open_runs=3, is_behind=True)
    now = END + timedelta(days=20)
    assert [found.work for found in due_days([behind], KEEPS, RULES, now)] == [Work.REBUILD]
    last_look = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(days=29)
    assert [found.at for found in due_days([behind], FORGETS, RULES, now) if found.work is Work.READ] == [last_look]


def test_tables_that_could_not_be_built_together_are_built_one_day_at_a_time() -> None:
    days = [at(TODAY - timedelta(days=back), 0, Work.REBUILD) for back in range(4)]
    waits = Waits(alone=frozenset({TODAY - timedelta(days=2)}))
    asked = next_request(days, NOW, waits)
    assert asked == Request(DayRange(TODAY - timedelta(days=1), TODAY), Work.REBUILD, "because")
    asked = next_request(days[2:], NOW, waits)
    assert asked == Request(DayRange(days[2].day, days[2].day), Work.REBUILD, "because")


def test_what_makes_readings_wait_does_not_keep_tables_from_being_built() -> None:
    waits = Waits(reading=NOW + HOUR, reading_days={TODAY: NOW + HOUR})
    asked = next_request([at(TODAY, 0), at(TODAY, 0, Work.REBUILD)], NOW, waits)
    assert asked == Request(DayRange(TODAY, TODAY), Work.REBUILD, "because")
    waits = Waits(building=NOW + HOUR)
    assert next_request([at(TODAY, 0, Work.REBUILD)], NOW, waits) is None


def test_a_day_whose_reading_lies_in_the_future_is_read_now() -> None:
    [found] = due_days([stored(END + 48 * HOUR)], KEEPS, RULES, END + 30 * HOUR)
    assert (found.work, found.why) == (Work.READ, "it was read by a clock that was ahead")


def test_a_day_that_was_not_read_to_its_end_is_as_urgent_as_one_that_was_never_read() -> None:
    now = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(days=29)
    [half] = due_days([stored(END - 23 * HOUR)], FORGETS, RULES, now)
    [whole] = due_days([stored(END + HOUR, open_runs=1)], FORGETS, RULES, now)
    assert (half.is_urgent, whole.is_urgent) == (True, False)


def test_patience_beyond_the_grace_does_not_put_off_the_grace() -> None:
    impatient = replace(RULES, give_up_after=timedelta(hours=12))
    lazy = replace(RULES, today_every=timedelta(days=7))
    assert due(stored(END + 13 * HOUR), KEEPS, impatient) == [(Work.READ, END + 24 * HOUR)]
    assert due(stored(END - HOUR), KEEPS, lazy) == [(Work.READ, END + 24 * HOUR)]


def test_what_dagster_does_not_know_is_due_again() -> None:
    settled, now = stored(END + 24 * HOUR), END + 25 * HOUR
    [read] = due_days([settled], KEEPS, RULES, now, Unrecorded(reads={DAY}))
    assert read.work is Work.READ
    assert read.at <= now
    [rebuild] = due_days([settled], KEEPS, NO_REREADS, now, Unrecorded(tables={DAY}))
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
    assert next_request(dues, now, Waits()) == Request(
        DayRange(date(2026, 3, 11), date(2026, 3, 12)), Work.READ, "it was never read"
    )
    assert next_request(dues[2:], now, Waits()) == Request(
        DayRange(date(2026, 3, 13), today), Work.READ, "it was never read"
    )


NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
TODAY = date(2026, 4, 10)


def at(day: date, hours: float, work: Work = Work.READ, join: float | None = None) -> Due:
    when = NOW + hours * HOUR
    return Due(day, work, "because", when, when if join is None else NOW + join * HOUR)


def test_a_neighbour_that_is_nearly_due_joins_and_no_other() -> None:
    yesterday, before = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
    asked = next_request([at(TODAY, 0), at(yesterday, 0.2, join=0), at(before, 0.2)], NOW, Waits())
    assert asked == Request(DayRange(yesterday, TODAY), Work.READ, "because")
    assert next_request([at(TODAY, 0.1, join=-1), at(yesterday, 0.2, join=0)], NOW, Waits()) is None
    gap = next_request([at(TODAY, 0), at(before, 0)], NOW, Waits())
    assert gap == Request(DayRange(TODAY, TODAY), Work.READ, "because")
    other = next_request([at(TODAY, 0), at(yesterday, 0, Work.REBUILD)], NOW, Waits())
    assert other == Request(DayRange(TODAY, TODAY), Work.READ, "because")


def test_a_run_is_asked_for_no_more_than_31_days() -> None:
    joining = [at(TODAY - timedelta(days=back), 0.2, join=0) for back in range(5)]
    ready = [at(TODAY - timedelta(days=back), 0) for back in range(5, 60)]
    asked = next_request([*joining, *ready], NOW, Waits())
    assert asked == Request(DayRange(TODAY - timedelta(days=35), TODAY - timedelta(days=5)), Work.READ, "because")
    asked = next_request([*joining, *ready[:28]], NOW, Waits())
    assert asked == Request(DayRange(TODAY - timedelta(days=32), TODAY - timedelta(days=2)), Work.READ, "because")


def test_a_day_that_has_to_wait_is_left_out_of_the_range() -> None:
    days = [at(TODAY - timedelta(days=back), 0) for back in range(4)]
    waiting = Waits(reading_days={TODAY - timedelta(days=2): NOW + HOUR})
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
    request = next_request(dues, NOW, Waits(reading_days=not_before))
    assert (request is None) is (not ready)
    if request is not None:
        assert ready[0] in request.days
        assert set(request.days.newest_first()) <= set(ready)
        assert len(request.days) <= MAX_DAYS
