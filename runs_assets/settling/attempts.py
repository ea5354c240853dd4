"""What failed runs mean for the next ones: how long to wait with the source, or with one of its days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

from runs_assets.days import DayRange
from runs_assets.errors import BusyError, CredentialsError, OutOfReachError, RequestRefusedError, SettingsError
from runs_assets.settling.state import DayState

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=6)
LONGEST_ASKED_WAIT = timedelta(days=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

NEEDS_A_PERSON = frozenset(kind.__name__ for kind in (SettingsError, CredentialsError, RequestRefusedError))
"""Kinds of failure that stay until somebody changes something; no day is to blame for them."""

ASKED_NOTHING = frozenset(kind.__name__ for kind in (BusyError, OutOfReachError))
"""Kinds of failure that are no evidence about the API."""

OUTAGE = "UnavailableError"


@dataclass(frozen=True)
class Attempt:
    """What a run that has ended tried: to read days from the API, or only to build their tables.

    `failure` is the error's class name, None after a success; `settings` a fingerprint of the settings that it failed
    with, where it is known; `retry_at` (UTC) the instant until which the API asked to wait.
    """

    began_at: datetime
    ended_at: datetime
    days: DayRange
    asked_the_api: bool
    failure: str | None = None
    settings: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Waits:
    """Until when to wait: with every reading, or building of tables, of a source, and with single days.

    The tables of the days in `alone` are built one day at a time, since building them together failed.
    """

    reading: datetime = LONG_AGO
    building: datetime = LONG_AGO
    reading_days: Mapping[date, datetime] = field(default_factory=dict)
    building_days: Mapping[date, datetime] = field(default_factory=dict)
    alone: frozenset[date] = frozenset()

    def until(self, day: date, *, asks_the_api: bool) -> datetime:
        """Until when the day has to wait."""
        source, days = (self.reading, self.reading_days) if asks_the_api else (self.building, self.building_days)
        return max(source, days.get(day, LONG_AGO))


def waits_after(
    attempts: Sequence[Attempt], states: Iterable[DayState], settings: str, today_every: timedelta
) -> Waits:
    """What follows from the latest `attempts`, newest first; `settings` is the present fingerprint."""
    readings = [attempt for attempt in attempts if attempt.asked_the_api and attempt.failure not in ASKED_NOTHING]
    buildings = [attempt for attempt in attempts if not attempt.asked_the_api]
    newest_first = sorted(states, key=lambda state: state.day, reverse=True)
    behind = [state.day for state in newest_first if state.is_behind]
    failed = [building for building in buildings if building.failure]
    singly = [(one.days.first, one) for one in failed if len(one.days) == 1 and one.days.first in behind]
    return Waits(
        reading=source_waits_until(readings, settings, today_every),
        building=source_waits_until(buildings, settings, today_every),
        reading_days=_days_wait_until(_failed_readings(readings, newest_first), today_every),
        building_days=_days_wait_until(singly, today_every),
        alone=frozenset(day for day in behind if any(day in building.days for building in failed)),
    )


def source_waits_until(attempts: Iterable[Attempt], settings: str, today_every: timedelta) -> datetime:
    """15 minutes after a failure, doubled after each further one; a success or changed settings reset this.

    At most 6 hours where only a person can help, otherwise the usual wait of today. Not before the instant that the API
    asked for, if that is within a day of the failure.
    """
    failed = list(takewhile(lambda attempt: attempt.failure and attempt.settings in {None, settings}, attempts))
    if not failed:
        return LONG_AGO
    longest = LONGEST_WAIT if failed[0].failure in NEEDS_A_PERSON else max(today_every, FIRST_WAIT)
    ended_at, retry_at = failed[0].ended_at, failed[0].retry_at or LONG_AGO
    return max(ended_at + _wait(len(failed), longest), min(retry_at, ended_at + LONGEST_ASKED_WAIT))


def _failed_readings(readings: Iterable[Attempt], newest_first: Sequence[DayState]) -> Iterable[tuple[date, Attempt]]:
    """Each failed reading with the day it failed at: the newest that it left unread, since it goes newest first."""
    for reading in readings:
        if reading.failure and reading.failure not in NEEDS_A_PERSON:
            unread = (state.day for state in newest_first if _is_unread(state, reading))
            if (day := next(unread, None)) is not None:
                yield day, reading


def _is_unread(state: DayState, reading: Attempt) -> bool:
    return state.day in reading.days and (state.raw is None or state.raw.read.read_started_at < reading.began_at)


def _days_wait_until(failed: Iterable[tuple[date, Attempt]], today_every: timedelta) -> dict[date, datetime]:
    """Until when single days wait: twice as long as the source does, so that the next run goes without them."""
    failed_at: dict[date, list[Attempt]] = {}
    for day, attempt in failed:
        failed_at.setdefault(day, []).append(attempt)
    waits = {}
    for day, attempts in failed_at.items():
        longest = max(today_every, 2 * FIRST_WAIT) if attempts[0].failure == OUTAGE else LONGEST_WAIT
        waits[day] = attempts[0].ended_at + _wait(len(attempts) + 1, longest)
    return waits


def _wait(failures: int, longest: timedelta) -> timedelta:
    doublings = min(failures - 1, 16)
    return min(FIRST_WAIT * float(2**doublings), longest)
