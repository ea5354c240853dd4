"""Silences by what a pipeline did before, by the product and by the plain recomputation, against cases by hand."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from runs_assets.calendars import Expectation, Holidays
from runs_assets.days import to_us
from runs_assets.verdicts.local_times import instant_of, wall_clock, zone_of
from runs_assets.verdicts.silences import silences
from runs_assets.watch_file import WatchFile
from runs_assets_tests.verdicts import cases, plain_expected, plain_silences
from runs_assets_tests.verdicts.by_the_product import history_of as product_history
from runs_assets_tests.verdicts.cases import DAY, CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History
from runs_assets_tests.verdicts.timetables import BERLIN, days_between, local, random_runs, read_until
from runs_assets_tests.verdicts.worked import TODAY, health_of, history_of, judged, part_of, tables_of

HOUR = timedelta(hours=1)
FIRST = date(2026, 1, 1)
EASTER_TO_CORPUS_CHRISTI = frozenset(date(2026, *day) for day in ((4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (6, 4)))


def found(
    history: History, holidays: Iterable[date] = (), zone: ZoneInfo | None = None, kind: str = "no_runs"
) -> list[dict[str, Any]]:
    """The silences by both computations."""
    said = (Expectation(timezone=zone.key),) if zone else ()
    watch = WatchFile(expectations=said, holidays=(Holidays(dates=tuple(holidays)),) if holidays else ())
    rows = [
        {name: value for name, value in row.items() if name != "pipeline_name"}
        for row in silences(product_history(history), watch).to_pylist()
    ]
    expected = plain_silences.silences(history, frozenset(holidays), zone)
    assert sorted(rows, key=_key) == sorted(expected, key=_key)
    return [row for row in rows if row["kind"] == kind]


def _key(row: dict[str, Any]) -> tuple[str, str, datetime]:
    return str(row["pipeline_id"]), row["kind"], row["since"]


def hourly(first: datetime, last: datetime, step: timedelta = HOUR) -> list[CaseRun]:
    """From an instant to another, both inclusive."""
    return [run("p", first + n * step) for n in range((last - first) // step + 1)]


def when(row: dict[str, Any]) -> tuple[datetime, datetime, datetime | None, str]:
    return row["since"], row["expected_by"], row["ended_at"], row["state"]


def test_a_run_is_missed_an_hour_and_a_half_after_its_time() -> None:
    """Twice a day, at 08:00 and 08:15, until 03-14; after 08:15 the next has always come 23 h 45 min later."""
    [silence] = tables_of(daily("p", date(2026, 2, 2), date(2026, 3, 14), "ss"))["silences"]
    expected = {"kind": "no_runs", "basis": "timetable", "usual_interval_seconds": 23.75 * 3600}
    assert part_of(silence, expected) == expected
    assert when(silence) == (at(3, 14, 8, 15), at(3, 15, 9, 30), None, "open")
    health = health_of(daily("p", date(2026, 2, 2), date(2026, 3, 14), "ss"))
    expected = {"state": "silent", "since": at(3, 14, 8, 15), "expected_by": at(3, 15, 9, 30)}
    assert part_of(health, expected) == expected
    before, after = daily("p", date(2026, 2, 2), date(2026, 3, 14)), daily("p", date(2026, 3, 16), TODAY)
    usual = [*before, *after]
    for minutes, silent in ((29, 0), (30, 0), (31, 1)):
        assert len(tables_of([*usual, run("p", at(3, 15, 9, minutes))])["silences"]) == silent


def test_a_weekday_without_its_run_is_a_silence_and_a_weekend_is_none() -> None:
    tables = tables_of(cases.DAY_MISSED)
    [silence] = tables["silences"]
    assert when(silence) == (at(3, 10, 8, 15), at(3, 11, 9, 30), at(3, 12), "ended")
    [health] = tables["pipeline_health"]
    assert part_of(health, expected := {"state": "ok", "since": at(3, 12)}) == expected


def test_a_day_that_is_not_known_whole_makes_no_silence() -> None:
    history = history_of(cases.DAY_MISSED)
    known = [stored for stored in history.days if stored.day != date(2026, 2, 20)]
    assert judged(History("source", history.runs, known))["silences"] == []


def test_a_silence_that_has_lasted_for_three_usual_intervals_and_a_week_is_given_up() -> None:
    """On Mondays at 08:00 until 02-16: overdue on 02-23 at 09:30, given up 21 days later; daily until 03-10: 7."""
    for step, last, until in ((7, at(2, 16), at(3, 16, 9, 30)), (1, at(3, 10), at(3, 18, 9, 30))):
        runs = hourly(last - 42 * DAY, last, step * DAY)
        for read_at, state in ((until - HOUR, "open"), (until, "given up")):
            [silence] = found(read_until(runs, FIRST, read_at))
            assert (silence["expected_by"], silence["state"]) == (last + step * DAY + 1.5 * HOUR, state)
    assert tables_of(cases.STOPPED)["pipeline_health"][0]["state"] == "ok"


def test_the_next_run_comes_as_long_after_as_at_that_hour_of_the_week() -> None:
    """At 09:00 to 18:00 from Monday to Friday. 2026-03-13 is a Friday."""
    runs = [
        run("p", datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
        for day in days_between(date(2026, 2, 2), date(2026, 3, 17))
        if day.weekday() < 5
        for hour in range(9, 19)
    ]
    until = {one.created for one in runs}
    # After 18:00 on Friday until Monday; from 12:00 on the run of 13:00 may be missed, and that of 14:00 is not.
    for last, expected_by in ((at(3, 13, 18), at(3, 16, 10, 30)), (at(3, 13, 12), at(3, 13, 15, 30))):
        known = [one for one in runs if one.created <= last]
        assert last in until
        assert [row["expected_by"] for row in found(read_until(known, FIRST, at(3, 17, 12)))] == [expected_by]


def test_where_the_hours_of_the_weeks_differ_the_day_has_to_be_over() -> None:
    """Once a day: on odd days at 03:00, on even ones at 20:00; so weeks tell different hours of each weekday."""
    days = days_between(date(2026, 2, 2), date(2026, 3, 14))
    runs = [run("p", datetime(2026, day.month, day.day, 3 if day.toordinal() % 2 else 20, tzinfo=UTC)) for day in days]
    [silence] = found(read_until(runs, FIRST, at(3, 18)))
    # 03-14, a Saturday, is odd. On 03-07 and 02-21 the next run came at 20:00 of the Saturday, 17 hours after 03:00; on
    # 02-28 and 02-14 at 20:00 of the Sunday: then it is expected, and may come until 24:00.
    assert date(2026, 3, 14).toordinal() % 2 == 1
    assert (silence["since"], silence["usual_interval_seconds"]) == (at(3, 14, 3), 41 * 3600.0)
    assert silence["expected_by"] == at(3, 16, 0)


def test_what_runs_whenever_it_is_asked_to_is_not_missed_by_the_hour() -> None:
    """Of 28 days each weekday has 0, 8, 0 and 8 runs in turn, at 08:00 to 09:45."""
    days = [day for day in days_between(date(2026, 2, 2), date(2026, 3, 14)) if day.isocalendar().week % 2]
    assert found(read_until([one for day in days for one in daily("p", day, day, "s" * 8)], FIRST, at(3, 17))) == []


def test_a_silence_that_was_told_is_no_part_of_what_is_usual() -> None:
    """Daily at 08:00, but not on 03-04; a week later, on 03-11, not either: that is told just as the first."""
    days = [day for day in days_between(date(2026, 1, 20), TODAY) if day not in {date(2026, 3, 4), date(2026, 3, 11)}]
    runs = [one for day in days for one in daily("p", day, day)]
    assert [when(row) for row in found(history_of(runs))] == [
        (at(3, 3), at(3, 4, 9, 30), at(3, 5), "ended"),
        (at(3, 10), at(3, 11, 9, 30), at(3, 12), "ended"),
    ]


def test_two_weeks_with_the_same_silence_are_a_new_timetable() -> None:
    """Daily until 02-28, a Saturday; from then on not on Sundays: told on 03-01 and 03-08, not on 03-15."""
    days = [day for day in days_between(date(2026, 1, 20), TODAY) if day < date(2026, 3, 1) or day.weekday() < 6]
    runs = [one for day in days for one in daily("p", day, day)]
    assert [row["expected_by"] for row in found(history_of(runs))] == [at(3, 1, 9, 30), at(3, 8, 9, 30)]


def test_a_timetable_that_becomes_slower_is_told_once_and_then_has_changed() -> None:
    """Hourly until 03-10 15:00, daily at 06:00 from 03-11 on: three runs at the new pace show it."""
    before = hourly(at(1, 20, 0), at(3, 10, 15))
    for last, until, ended_at, state in (
        (10, at(3, 11, 5), None, "open"),
        (11, at(3, 11, 6, 30), None, "open"),  # once more in time, or it may be the first of a slower pace
        (12, at(3, 12, 7), None, "open"),
        (13, at(3, 13, 7), at(3, 13, 6), "changed"),
        (18, at(3, 18, 12), at(3, 13, 6), "changed"),
    ):
        runs = [*before, *hourly(at(3, 11, 6), at(3, last, 6), DAY)]
        assert [when(row) for row in found(read_until(runs, FIRST, until))] == [
            (at(3, 10, 15), at(3, 10, 18), ended_at, state)
        ]


def test_a_daily_run_that_moves_to_another_hour_is_told_once() -> None:
    """At 06:00 until 03-10, at 14:00 from 03-11 on: late on the first day, and then as long after the last as ever."""
    runs = [*hourly(at(1, 20, 6), at(3, 10, 6), DAY), *hourly(at(3, 11, 14), at(3, 18, 14), DAY)]
    assert [when(row) for row in found(read_until(runs, FIRST, at(3, 18, 12)))] == [
        (at(3, 10, 6), at(3, 11, 7, 30), at(3, 11, 14), "ended")
    ]
    gone = [one for one in runs if one.created < at(3, 13, 0)]
    assert [row["expected_by"] for row in found(read_until(gone, FIRST, at(3, 14)))] == [
        at(3, 11, 7, 30),
        at(3, 13, 15, 30),
    ]
    # From 14:00 to 06:00, it is early on the first day, and never late.
    early = [*hourly(at(1, 20, 14), at(3, 10, 14), DAY), *hourly(at(3, 11, 6), at(3, 18, 6), DAY)]
    assert found(read_until(early, FIRST, at(3, 18, 12))) == []


def test_a_run_that_was_late_does_not_delay_the_next_one_at_its_hour() -> None:
    """At 08:00 and 14:00; on 03-16 at 09:00, which is still its hour, so that 14:00 is missed at 15:30."""
    before = hourly(at(1, 20, 8), at(3, 15, 8), DAY) + hourly(at(1, 20, 14), at(3, 15, 14), DAY)
    runs = sorted([*before, run("p", at(3, 16, 9))], key=lambda one: one.created)
    [silence] = found(read_until(runs, FIRST, at(3, 16, 18)))
    assert (silence["since"], silence["expected_by"]) == (at(3, 16, 9), at(3, 16, 15, 30))


def test_a_pipeline_is_back_when_it_has_run_once_more_in_time() -> None:
    """Hourly, but for 15 hours: over with the run of 07:00 after that of 06:00; with one run if none is due soon."""
    before = hourly(at(1, 20, 0), at(3, 10, 15))
    for last, ended_at in ((6, None), (7, at(3, 11, 7))):
        [silence] = found(read_until([*before, *hourly(at(3, 11, 6), at(3, 11, last))], FIRST, at(3, 11, 7, 30)))
        assert silence["ended_at"] == ended_at
    once = [*daily("p", date(2026, 1, 20), date(2026, 3, 10)), run("p", at(3, 12))]
    [silence] = found(read_until(once, FIRST, at(3, 12, 9)))
    assert silence["ended_at"] == at(3, 12)


def test_a_busy_day_between_silences_does_not_hide_a_new_timetable() -> None:
    """Hourly until 03-01, a Sunday; then hourly on Mondays, Wednesdays and Fridays only."""
    days = [day for day in days_between(date(2026, 3, 2), TODAY) if day.weekday() in {0, 2, 4}]
    after = [
        one
        for day in days
        for one in hourly(datetime(2026, 3, day.day, tzinfo=UTC), datetime(2026, 3, day.day, 23, tzinfo=UTC))
    ]
    rows = found(history_of([*hourly(at(1, 20, 0), at(3, 1, 23)), *after]))
    # 25 hours after 03-02 and 03-04, 49 after 03-06, 25 after 03-09 and 03-11: the last two are of one length.
    assert [row["since"] for row in rows] == [at(3, day, 23) for day in (2, 4, 6, 9, 11)]
    assert [row["state"] for row in rows] == ["ended"] * 4 + ["changed"]
    assert [row["expected_by"] for row in rows] == [at(3, day, 2) for day in (3, 5, 7, 10, 12)]


def test_many_runs_are_missed_after_three_times_the_longest_usual_time_between_them() -> None:
    """On odd days three runs and on even ones one, so at most 24 hours apart; 27 + 28 in the 28 days before 03-10."""
    days = [date(2026, 2, 1) + n * DAY for n in range(38)]
    runs = [one for day in days for one in daily("p", day, day, "sss" if day.toordinal() % 2 else "s")]
    [silence] = found(history_of(runs))
    expected = {"kind": "no_runs", "basis": "interval", "usual_interval_seconds": 24 * 3600.0}
    assert part_of(silence, expected) == expected
    assert silence["expected_by"] == silence["since"] + 3 * DAY
    # In the 18 days before 03-10 there are only 36.
    assert found(history_of([one for one in runs if one.created >= at(2, 21, 0)])) == []


def test_runs_of_which_none_succeeds_or_fails_are_a_silence_of_successes() -> None:
    """Daily at 08:00, each a minute long; from 03-11 on all are cancelled, and nothing ends for 48 hours."""
    usual = daily("p", date(2026, 1, 20), date(2026, 3, 10))
    cancelled = [*usual, *daily("p", date(2026, 3, 11), TODAY, "c")]
    [silence] = found(history_of(cancelled), kind="no_success")
    expected = {"basis": "interval", "usual_interval_seconds": 24 * 3600.0}
    assert part_of(silence, expected) == expected
    assert when(silence) == (at(3, 10, 8, 1), at(3, 12, 8, 1), None, "open")
    failed = [*daily("p", date(2026, 1, 20), date(2026, 3, 10)), *daily("p", date(2026, 3, 11), TODAY, "f")]
    assert found(history_of(failed), kind="no_success") == []
    stopped = daily("p", date(2026, 1, 20), date(2026, 3, 10))
    assert found(history_of(stopped), kind="no_success") == []  # no run was created: that is told as such


def at_seven(first: date, last: date, weekdays: Iterable[int] = range(5)) -> list[CaseRun]:
    """At 07:00 of Berlin."""
    return [run("p", local(day, 7)) for day in days_between(first, last) if day.weekday() in weekdays]


@pytest.mark.parametrize(
    ("zone", "expected_by"), [(None, (7, 6, 30)), (BERLIN, (7, 6, 30)), (ZoneInfo("UTC"), (7, 6, 30))]
)
def test_a_timetable_keeps_its_local_time(zone: ZoneInfo | None, expected_by: tuple[int, int, int]) -> None:
    """07:00 of Berlin is 06:00 UTC until 03-28 and 05:00 from 03-29 on. The last run was on 05-06."""
    runs = at_seven(FIRST, date(2026, 5, 6))
    [silence] = found(read_until(runs, FIRST, at(5, 8, 12)), zone=zone)
    assert silence["expected_by"] == at(5, *expected_by)


def test_the_hour_by_which_the_clocks_change_is_not_missed_nor_expected_later() -> None:
    """The first run after the change is on Monday, 03-30; by UTC it would be an hour early, and the next missed."""
    runs = at_seven(FIRST, date(2026, 4, 2))
    assert found(read_until(runs, FIRST, at(4, 3, 0))) == []
    late = [one for one in runs if one.created < at(3, 28, 0)]
    for zone, expected_by in ((BERLIN, at(3, 30, 6, 30)), (None, at(3, 30, 7, 30))):
        assert [row["expected_by"] for row in found(read_until(late, FIRST, at(4, 3, 0)), zone=zone)] == [expected_by]


def test_the_zone_is_found_where_clocks_have_changed() -> None:
    def found_in(runs: Iterable[CaseRun]) -> str:
        created = [one.created for one in runs]
        zone = plain_expected.zone_of(created)
        assert zone_of(np.array([to_us(instant) for instant in created])) == zone
        return zone.key

    runs = at_seven(FIRST, date(2026, 4, 10))
    assert found_in(runs) == "Europe/Berlin"
    assert found_in(runs[: -len(at_seven(date(2026, 4, 5), date(2026, 4, 10)))]) == "UTC"  # six days after the change
    new_york = ZoneInfo("America/New_York")
    assert found_in(run("p", local(day, 7, new_york)) for day in days_between(FIRST, date(2026, 4, 10))) == new_york.key
    assert found_in(daily("p", FIRST, date(2026, 4, 10))) == "UTC"
    assert found_in(hourly(at(1, 1, 0), at(4, 10, 0))) == "UTC"  # every hour, in any zone


def test_wall_clock_times_are_local_and_in_order() -> None:
    """On 2026-10-25 at 01:00 UTC, 03:00 of Berlin, the clocks go back to 02:00."""
    instants = [at(10, 25, 0, 30), at(10, 25, 0, 45), at(10, 25, 1, 15), at(10, 25, 2, 0)]
    wall = wall_clock(np.array([to_us(instant) for instant in instants]), BERLIN).tolist()
    # 02:30, 02:45, 02:15 again, which does not go back, and 03:00.
    assert wall == [to_us(at(10, 25, 2, 30)), to_us(at(10, 25, 2, 45)), to_us(at(10, 25, 2, 45)), to_us(at(10, 25, 3))]
    assert instant_of(to_us(at(10, 25, 2, 30)), BERLIN) == to_us(at(10, 25, 1, 30))
    assert instant_of(to_us(at(3, 29, 2, 30)), BERLIN) == to_us(at(3, 29, 1, 30))


GOOD_FRIDAY, EASTER_MONDAY = date(2026, 4, 3), date(2026, 4, 6)


def test_a_pipeline_that_rests_on_holidays_is_expected_after_them() -> None:
    """At 07:00 from Monday to Friday, last on Thursday, 04-02; after Easter it is expected on Tuesday, 04-07."""
    runs = at_seven(FIRST, date(2026, 4, 2))
    easter = {GOOD_FRIDAY, EASTER_MONDAY}
    for holidays, day in (set(), 3), ({GOOD_FRIDAY}, 6), (easter, 7):
        [silence] = found(read_until(runs, FIRST, at(4, 8, 12)), holidays, BERLIN)
        assert silence["expected_by"] == at(4, day, 6, 30)
    # Neither teaches Easter anything: a week later it is expected on Friday and Monday.
    after = at_seven(date(2026, 4, 7), date(2026, 4, 9))
    [silence] = found(read_until([*runs, *after], FIRST, at(4, 14, 12)), easter, BERLIN)
    assert silence["expected_by"] == at(4, 10, 6, 30)


def test_a_pipeline_that_runs_on_holidays_is_expected_on_them() -> None:
    """It ran on Epiphany, 01-06."""
    runs, epiphany = at_seven(FIRST, date(2026, 4, 2)), date(2026, 1, 6)
    [silence] = found(read_until(runs, FIRST, at(4, 8, 12)), {epiphany, GOOD_FRIDAY}, BERLIN)
    assert silence["expected_by"] == at(4, 3, 6, 30)


def test_holidays_do_not_count_for_what_runs_all_day() -> None:
    """Every hour of every day but Good Friday: the silence of 03:00 after it begins with Thursday's last run."""
    runs = [one for one in hourly(at(2, 1, 0), at(4, 4, 12)) if one.created.date() != GOOD_FRIDAY]
    assert found(read_until(runs, FIRST, at(4, 4, 12, 30)), {GOOD_FRIDAY}, ZoneInfo("UTC")) == []
    assert len(found(read_until(runs, FIRST, at(4, 4, 12, 30)), (), ZoneInfo("UTC"))) == 1
    [silence] = found(read_until(runs, FIRST, at(4, 4, 18)), {GOOD_FRIDAY}, ZoneInfo("UTC"))
    assert silence["expected_by"] == at(4, 4, 15)  # and it does not make three hours three days


def test_what_runs_on_the_last_day_of_the_month_is_missed_on_that_of_the_next() -> None:
    """On 01-31, 02-28 and 03-31 at 07:00, 07:30 and 07:10 of Berlin; two months say nothing."""
    runs = [
        run("p", local(day, hour))
        for day, hour in ((date(2026, 1, 31), 7), (date(2026, 2, 28), 7.5), (date(2026, 3, 31), 7 + 1 / 6))
    ]
    [silence] = found(read_until(runs, FIRST, at(5, 2)), zone=BERLIN)
    assert (silence["basis"], silence["expected_by"]) == ("month", local(date(2026, 4, 30), 9))
    assert found(read_until(runs[1:], FIRST, at(5, 2)), zone=BERLIN) == []
    assert found(read_until([*runs, run("p", local(date(2026, 4, 30), 8))], FIRST, at(5, 2)), zone=BERLIN) == []


def test_what_runs_on_the_same_day_of_the_month_is_missed_when_it_is_over_if_its_hours_differ() -> None:
    runs = [run("p", at(month, 5, hour)) for month, hour in ((1, 2), (2, 20), (3, 9))]
    [silence] = found(read_until(runs, FIRST, at(4, 8)))
    assert (silence["basis"], silence["expected_by"]) == ("month", at(4, 6, 0))
    other = [*runs[:2], run("p", at(3, 6, 9))]
    assert found(read_until(other, FIRST, at(4, 8))) == []


@pytest.mark.parametrize("seed", range(6))
def test_timetables_with_all_that_happens_to_them(seed: int) -> None:
    holidays = EASTER_TO_CORPUS_CHRISTI if seed % 2 else frozenset()
    runs = random_runs(seed, FIRST, date(2026, 6, 25), holidays)
    found(read_until(runs, FIRST, at(6, 25, 5) - timedelta(hours=(seed * 37) % 500)), holidays)
