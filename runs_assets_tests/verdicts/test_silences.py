"""Silences by what a person expects of a pipeline; those that follow from its past are in `test_expected_runs`."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from runs_assets.calendars import Expectation, Holidays
from runs_assets.verdicts.tables import Knowledge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.verdicts.by_the_product import by_the_product
from runs_assets_tests.verdicts.cases import DAY, CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History
from runs_assets_tests.verdicts.worked import history_of

HOURLY = Expectation(pipeline="p", every="1h", grace="30m")


def silences(runs: Iterable[CaseRun], expected: Expectation, **how: Any) -> list[dict[str, Any]]:
    return of(history_of(runs, **how), expected)


def of(history: History, expected: Expectation) -> list[dict[str, Any]]:
    return by_the_product(history, Knowledge(watch=WatchFile(expectations=(expected,))))["silences"]


def hourly(first: datetime, runs: int) -> list[CaseRun]:
    return [run("p", first + n * timedelta(hours=1)) for n in range(runs)]


def test_a_run_that_is_late_by_less_than_the_grace_is_no_silence() -> None:
    runs = [*hourly(at(3, 18, 5), 4), run("p", at(3, 18, 9, 30)), run("p", at(3, 18, 11))]
    assert silences(runs, HOURLY) == []  # 08:00 and 09:30 are an hour and a half apart, and so are 09:30 and 11:00


def test_a_run_that_is_later_than_the_grace_is_a_silence_until_it_comes() -> None:
    runs = [*hourly(at(3, 18, 5), 3), run("p", at(3, 18, 8, 31)), *hourly(at(3, 18, 9, 31), 3)]
    [silence] = silences(runs, HOURLY)
    expected = {
        "kind": "no_runs",
        "basis": "expectation",
        "since": at(3, 18, 7),
        "expected_by": at(3, 18, 8, 30),
        "ended_at": at(3, 18, 8, 31),
        "usual_interval_seconds": 3600.0,
        "state": "ended",
    }
    assert {name: silence[name] for name in expected} == expected


def test_what_did_not_come_before_the_source_was_last_read_is_open() -> None:
    # Read until 12:00: a run at 10:30 is overdue at 12:00 only, which is not yet late.
    assert silences(hourly(at(3, 18, 8, 30), 3), HOURLY) == []
    [silence] = silences(hourly(at(3, 18, 8, 29), 3), HOURLY)
    assert (silence["state"], silence["expected_by"], silence["ended_at"]) == ("open", at(3, 18, 11, 59), None)


def test_a_silent_pipeline_has_that_state_whatever_its_past() -> None:
    tables = by_the_product(history_of(hourly(at(3, 18, 5), 3)), Knowledge(watch=WatchFile(expectations=(HOURLY,))))
    [health] = tables["pipeline_health"]
    assert (health["state"], health["since"], health["expected_by"]) == ("silent", at(3, 18, 7), at(3, 18, 8, 30))


def test_an_expectation_takes_the_place_of_what_the_past_would_expect() -> None:
    """Twice a day at 08:00, until ten days ago; somebody expects it once in two weeks."""
    runs = [*daily("p", date(2026, 1, 20), date(2026, 3, 8), "ss")]
    assert {row["basis"] for row in by_the_product(history_of(runs))["silences"]} == {"timetable"}
    assert silences(runs, Expectation(pipeline="p", every="2w", grace="0m")) == []
    assert [row["basis"] for row in silences(runs, Expectation(pipeline="p", every="1w", grace="1d"))] == [
        "expectation"
    ]


def test_a_daily_run_stays_at_its_hour_when_the_clocks_change() -> None:
    """In Berlin the clocks went forward on 2026-03-29; here at 06:00 local, which is 05:00 and then 04:00 UTC."""
    runs = [run("p", at(3, 27, 5)), run("p", at(3, 28, 5)), run("p", at(3, 29, 4)), run("p", at(3, 30, 4))]
    read_until = at(3, 30, 12)
    days = [date(2026, 3, 27) + n * DAY for n in range(4)]
    berlin = Expectation(pipeline="p", every="1d", grace="10m", timezone="Europe/Berlin")
    utc = Expectation(pipeline="p", every="1d", grace="10m")
    history = _read(runs, days, read_until)
    assert of(history, berlin) == of(history, utc) == []
    # When they went back, on 2026-10-25, the next run came 25 hours after the last one.
    autumn = [run("p", at(10, 24, 4)), run("p", at(10, 25, 5))]
    history = _read(autumn, [date(2026, 10, 24), date(2026, 10, 25)], at(10, 25, 12))
    assert of(history, berlin) == []
    assert [row["expected_by"] for row in of(history, utc)] == [at(10, 25, 4, 10)]


def test_nothing_is_missed_on_days_that_were_not_read_whole() -> None:
    runs = [run("p", at(3, 14)), run("p", at(3, 17)), *hourly(at(3, 18, 8), 5)]
    daily_run = Expectation(pipeline="p", every="1d", grace="2h")
    history = history_of(runs)
    assert [row["since"] for row in of(history, daily_run)] == [at(3, 14)]
    without = [stored for stored in history.days if stored.day != date(2026, 3, 15)]
    assert of(History("source", history.runs, without), daily_run) == []


def _read(runs: list[CaseRun], days: list[date], read_until: datetime) -> History:
    history = history_of(runs)
    [stored, *_] = history.days
    known = [
        type(stored)(day, is_whole=day < read_until.date(), is_final=False, read_started_at=read_until) for day in days
    ]
    return History("source", history.runs, known)


@pytest.mark.parametrize("later", [8, 80])
def test_a_run_that_ends_after_the_newest_day_makes_no_silence(later: int) -> None:
    """Three times a day and once more; the last two successes end days after what was read."""
    runs = [run("p", at(1, 20, 0) + n * timedelta(hours=8)) for n in range(172)]
    assert runs[-1].created == at(3, 18, 0)
    late = [run("p", at(3, 18, 8 + n), lasting=days * DAY) for n, days in enumerate((later // 8, later))]
    assert by_the_product(history_of([*runs, *late]))["silences"] == []


def test_a_run_is_expected_at_the_times_of_a_cron_expression() -> None:
    """At 06:00 of Berlin from Monday to Friday; that is 05:00 UTC. 2026-03-13 is a Friday."""
    cron = Expectation(pipeline="p", cron="0 6 * * 1-5", grace="30m", timezone="Europe/Berlin")
    runs = [run("p", at(3, day, 5)) for day in (11, 12, 13, 16)]
    [silence] = silences(runs, cron)
    expected = {"since": at(3, 16, 5), "expected_by": at(3, 17, 5, 30), "usual_interval_seconds": 24 * 3600.0}
    assert {name: silence[name] for name in expected} == expected
    # A run that is up to 5 minutes early is the one of its time, and one within the grace is not late.
    assert silences([*runs, run("p", at(3, 17, 4, 55)), run("p", at(3, 18, 5, 30))], cron) == []
    [early] = silences([*runs, run("p", at(3, 17, 4, 54)), run("p", at(3, 18, 5))], cron)
    assert (early["since"], early["expected_by"]) == (at(3, 17, 4, 54), at(3, 17, 5, 30))


def test_a_cron_expression_may_be_about_the_last_day_of_the_month() -> None:
    last = Expectation(pipeline="p", cron="0 6 L * *", grace="2h")
    assert silences([run("p", at(1, 31, 6)), run("p", at(2, 28, 6))], last) == []
    [silence] = silences([run("p", at(1, 31, 6))], last)
    assert (silence["expected_by"], silence["state"]) == (at(2, 28, 8), "open")


def test_what_is_expected_on_a_holiday_is_expected_after_it() -> None:
    """In Bavaria Epiphany, 2026-01-06, is a holiday, in Berlin it is none; the run of 01-05 was the last."""
    daily_run = Expectation(pipeline="p", every="1d", grace="2h")
    history = _read(
        [run("p", at(1, day, 6)) for day in (2, 3, 4, 5)], [date(2026, 1, n) for n in range(1, 9)], at(1, 8)
    )
    for part, day in (("BY", 7), ("BE", 6)):
        watch = WatchFile(expectations=(daily_run,), holidays=(Holidays(country="DE", subdivision=part),))
        [silence] = by_the_product(history, Knowledge(watch=watch))["silences"]
        assert silence["expected_by"] == at(1, day, 8)


def test_a_pipeline_that_ran_on_the_last_holiday_is_expected_on_the_next() -> None:
    daily_run = Expectation(pipeline="p", every="1d", grace="2h")
    days, read_at = [date(2026, 1, n) for n in range(1, 9)], at(1, 8)
    holidays = Holidays(dates=(date(2026, 1, 3), date(2026, 1, 6)))
    watch = WatchFile(expectations=(daily_run,), holidays=(holidays,))
    for ran_on, expected_by in (((2, 3, 4, 5), at(1, 6, 8)), ((2, 4, 5), at(1, 7, 8))):
        history = _read([run("p", at(1, day, 6)) for day in ran_on], days, read_at)
        found = by_the_product(history, Knowledge(watch=watch))["silences"]
        assert [row["expected_by"] for row in found] == [expected_by]
