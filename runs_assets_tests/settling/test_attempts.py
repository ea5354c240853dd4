"""How failed runs make the next ones wait."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.days import DayRange
from runs_assets.settling.attempts import LONG_AGO, Attempt, source_waits_until, waits_after
from runs_assets.settling.state import DayState
from runs_assets.storage.raw import RawDay
from runs_assets.storage.reads import Read

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
DAYS = DayRange(date(2026, 3, 10), date(2026, 3, 12))
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def ended(minutes_ago: float, failure: str | None = None, settings: str | None = "s", days: DayRange = DAYS) -> Attempt:
    """A reading of a minute."""
    at = NOW - minutes_ago * MINUTE
    return Attempt(at - MINUTE, at, days, asked_the_api=True, failure=failure, settings=settings)


def built(minutes_ago: float, first: int, last: int, failure: str | None = "ArrowInvalid") -> Attempt:
    """A building of tables of days of March."""
    at = NOW - minutes_ago * MINUTE
    days = DayRange(date(2026, 3, first), date(2026, 3, last))
    return Attempt(at, at, days, asked_the_api=False, failure=failure)


def reading_days(attempts: list[Attempt], states: list[DayState]) -> dict[date, datetime]:
    return dict(waits_after(attempts, states, "s", HOUR).reading_days)


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ("CredentialsError", [15, 30, 60, 120, 240, 360, 360]),
        ("SettingsError", [15, 30, 60, 120, 240, 360, 360]),
        ("UnavailableError", [15, 30, 60, 60, 60, 60, 60]),
        ("Killed", [15, 30, 60, 60, 60, 60, 60]),
    ],
)
def test_the_wait_doubles_from_15_minutes_to_its_limit(kind: str, waits: list[int]) -> None:
    for failures, minutes in enumerate(waits, start=1):
        attempts = [ended(n, kind) for n in range(failures)]
        assert source_waits_until(attempts, "s", HOUR) == NOW + minutes * MINUTE


def test_a_source_whose_credentials_fail_is_asked_at_most_ten_times_in_any_24_hours() -> None:
    attempts: list[Attempt] = []
    at = NOW
    while at < NOW + timedelta(days=3):
        attempts.insert(0, Attempt(at, at, DAYS, asked_the_api=True, failure="CredentialsError", settings="s"))
        at = source_waits_until(attempts, "s", HOUR)
    begun = [attempt.began_at for attempt in attempts]
    assert max(sum(first <= other < first + timedelta(days=1) for other in begun) for first in begun) == 8


@pytest.mark.parametrize(("asked", "waits"), [(5, 15), (120, 120), (10_000, 24 * 60)])
def test_a_source_is_not_asked_before_the_time_that_its_api_named_within_a_day(asked: int, waits: int) -> None:
    refused = replace(ended(0, "UnavailableError"), retry_at=NOW + asked * MINUTE)
    assert source_waits_until([refused], "s", HOUR) == NOW + waits * MINUTE
    assert source_waits_until([ended(0), refused], "s", HOUR) == LONG_AGO


def test_a_success_or_changed_settings_begin_anew() -> None:
    refused = "CredentialsError"
    assert source_waits_until([], "s", HOUR) == LONG_AGO
    assert source_waits_until([ended(0), ended(1, refused)], "s", HOUR) == LONG_AGO
    assert source_waits_until([ended(0, refused), ended(1), ended(2, refused)], "s", HOUR) == NOW + 15 * MINUTE
    assert source_waits_until([ended(0, refused, settings="old")], "s", HOUR) == LONG_AGO
    mixed = [ended(0, refused), ended(1, refused, settings="old")]
    assert source_waits_until(mixed, "s", HOUR) == NOW + 15 * MINUTE


def test_readings_and_the_building_of_tables_wait_apart() -> None:
    waits = waits_after([ended(0, "UnavailableError"), built(0, 10, 12, None)], [], "s", HOUR)
    assert (waits.reading, waits.building) == (NOW + 15 * MINUTE, LONG_AGO)
    waits = waits_after([ended(0), built(0, 10, 12)], [], "s", HOUR)
    assert (waits.reading, waits.building) == (LONG_AGO, NOW + 15 * MINUTE)


@pytest.mark.parametrize("kind", ["OutOfReachError", "BusyError"])
def test_a_run_that_asked_the_api_nothing_makes_nobody_wait(kind: str) -> None:
    waits = waits_after([ended(0, kind)], [state(11, None)], "s", HOUR)
    assert (waits.reading, waits.reading_days) == (LONG_AGO, {})


def state(day: int, read_minutes_ago: float | None, *, is_behind: bool = False) -> DayState:
    if read_minutes_ago is None:
        return DayState(date(2026, 3, day))
    read = Read("r", NOW - read_minutes_ago * MINUTE)
    return DayState(date(2026, 3, day), RawDay(read, 0, 0), is_behind=is_behind)


def test_the_day_at_which_a_reading_failed_waits_and_the_others_do_not() -> None:
    # The reading of 10..12 began 6 minutes ago; 12 was stored by it, 11 was not, 10 was never reached.
    states = [state(10, None), state(11, 100), state(12, 6)]
    assert reading_days([ended(5, "ApiChangedError")], states) == {date(2026, 3, 11): NOW + 25 * MINUTE}
    twice = [ended(5, "ApiChangedError"), ended(25, "ApiChangedError")]
    assert reading_days(twice, states) == {date(2026, 3, 11): NOW + 55 * MINUTE}
    often = [ended(5 + n, "ApiChangedError") for n in range(9)]
    assert reading_days(often, states) == {date(2026, 3, 11): NOW + 355 * MINUTE}


def test_in_an_outage_the_day_waits_no_longer_than_today_does() -> None:
    often = [ended(5 + n, "UnavailableError") for n in range(9)]
    assert reading_days(often, [state(11, None)]) == {date(2026, 3, 11): NOW + 55 * MINUTE}


@pytest.mark.parametrize("kind", ["CredentialsError", "SettingsError", "RequestRefusedError", None])
def test_what_is_not_a_days_fault_makes_no_day_wait(kind: str | None) -> None:
    assert reading_days([ended(5, kind)], [state(11, None)]) == {}


def test_a_day_outside_the_range_is_not_blamed() -> None:
    assert reading_days([ended(5, "Killed")], [state(9, None), state(13, None)]) == {}


def test_days_whose_tables_could_not_be_built_are_tried_alone_and_then_wait() -> None:
    states = [
        state(10, 60, is_behind=True),
        state(11, 60),
        state(12, 60, is_behind=True),
        state(13, 60, is_behind=True),
    ]
    waits = waits_after([built(5, 12, 12), built(9, 10, 12)], states, "s", HOUR)
    assert waits.alone == {date(2026, 3, 10), date(2026, 3, 12)}
    assert waits.building_days == {date(2026, 3, 12): NOW + 25 * MINUTE}
