"""How failed runs make the next ones wait."""

from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.days import DayRange
from runs_assets.settling.attempts import Attempt, days_wait_until, waits_until
from runs_assets.settling.state import DayState
from runs_assets.storage.raw import RawDay
from runs_assets.storage.reads import Read

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
DAYS = DayRange(date(2026, 3, 10), date(2026, 3, 12))
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def ended(minutes_ago: float, failure: str | None = None, settings: str | None = "s") -> Attempt:
    at = NOW - minutes_ago * MINUTE
    return Attempt(at - MINUTE, at, DAYS, asked_the_api=True, failure=failure, settings=settings)


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
        assert waits_until(attempts, "s", HOUR) == NOW + minutes * MINUTE


def test_a_source_whose_credentials_fail_is_asked_at_most_ten_times_in_any_24_hours() -> None:
    attempts: list[Attempt] = []
    at = NOW
    while at < NOW + timedelta(days=3):
        attempts.insert(0, Attempt(at, at, DAYS, asked_the_api=True, failure="CredentialsError", settings="s"))
        at = waits_until(attempts, "s", HOUR) or at
    begun = [attempt.began_at for attempt in attempts]
    assert max(sum(first <= other < first + timedelta(days=1) for other in begun) for first in begun) == 8


def test_a_success_or_changed_settings_begin_anew() -> None:
    assert waits_until([], "s", HOUR) is None
    assert waits_until([ended(0), ended(1, "CredentialsError")], "s", HOUR) is None
    assert (
        waits_until([ended(0, "CredentialsError"), ended(1), ended(2, "CredentialsError")], "s", HOUR)
        == NOW + 15 * MINUTE
    )
    assert waits_until([ended(0, "CredentialsError", settings="old")], "s", HOUR) is None
    mixed = [ended(0, "CredentialsError"), ended(1, "CredentialsError", settings="old")]
    assert waits_until(mixed, "s", HOUR) == NOW + 15 * MINUTE


def state(day: int, read_minutes_ago: float | None) -> DayState:
    if read_minutes_ago is None:
        return DayState(date(2026, 3, day))
    read = Read("r", NOW - read_minutes_ago * MINUTE)
    return DayState(date(2026, 3, day), RawDay(read, 0, 0))


def test_the_day_at_which_a_reading_failed_waits_and_the_others_do_not() -> None:
    # The reading of 10..12 began 6 minutes ago; 12 was stored by it, 11 was not, 10 was never reached.
    states = [state(10, None), state(11, 100), state(12, 6)]
    assert days_wait_until([ended(5, "ApiChangedError")], states) == {date(2026, 3, 11): NOW + 25 * MINUTE}
    twice = [ended(5, "ApiChangedError"), ended(25, "ApiChangedError")]
    assert days_wait_until(twice, states) == {date(2026, 3, 11): NOW + 55 * MINUTE}


@pytest.mark.parametrize("kind", ["UnavailableError", "CredentialsError", "BusyError", None])
def test_what_is_not_a_days_fault_makes_no_day_wait(kind: str | None) -> None:
    assert days_wait_until([ended(5, kind)], [state(11, None)]) == {}


def test_a_day_outside_the_range_is_not_blamed() -> None:
    assert days_wait_until([ended(5, "Killed")], [state(9, None), state(13, None)]) == {}
