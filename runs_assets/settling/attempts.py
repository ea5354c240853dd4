"""What failed runs mean for the next ones: how long to wait before the source, or one of its days, is tried again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile

from runs_assets.days import DayRange
from runs_assets.errors import (
    BusyError,
    CredentialsError,
    OutOfReachError,
    RequestRefusedError,
    SettingsError,
    UnavailableError,
)
from runs_assets.settling.state import DayState

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=6)

NEEDS_A_PERSON = frozenset(kind.__name__ for kind in (SettingsError, CredentialsError, RequestRefusedError))
"""Kinds of failure that stay until somebody changes something."""

NOT_A_DAYS_FAULT = NEEDS_A_PERSON | {kind.__name__ for kind in (UnavailableError, BusyError, OutOfReachError)}


@dataclass(frozen=True)
class Attempt:
    """A run about a source that has ended, read from its API or only built tables again.

    `failure` is the error's class name, None after a success; `settings` a fingerprint of the settings that it failed
    with, where it is known.
    """

    began_at: datetime
    ended_at: datetime
    days: DayRange
    asked_the_api: bool
    failure: str | None = None
    settings: str | None = None


def waits_until(attempts: Iterable[Attempt], settings: str, today_every: timedelta) -> datetime | None:
    """Until when the like of these attempts (newest first) has to wait; `settings` is the present fingerprint.

    15 minutes after a failure, doubled after each further one: up to 6 h where only a person can help, otherwise up to
    the usual wait of today. A success or changed settings begin anew.
    """
    failed = list(takewhile(lambda attempt: attempt.failure and attempt.settings in {None, settings}, attempts))
    if not failed:
        return None
    longest = LONGEST_WAIT if failed[0].failure in NEEDS_A_PERSON else max(today_every, FIRST_WAIT)
    return failed[0].ended_at + _wait(len(failed), longest)


def days_wait_until(readings: Iterable[Attempt], states: Iterable[DayState]) -> dict[date, datetime]:
    """Until when single days are not read, because readings (newest first) failed at them, so that others go on.

    A reading works through its days newest first, so it failed at the newest that it left unread. That day waits twice
    as long as the source does, so that the next reading goes without it.
    """
    newest_first = sorted(states, key=lambda state: state.day, reverse=True)
    failed_at: dict[date, list[Attempt]] = {}
    for reading in readings:
        if reading.failure and reading.failure not in NOT_A_DAYS_FAULT:
            unread = (state.day for state in newest_first if _is_unread(state, reading))
            if (day := next(unread, None)) is not None:
                failed_at.setdefault(day, []).append(reading)
    return {day: failed[0].ended_at + _wait(len(failed) + 1, LONGEST_WAIT) for day, failed in failed_at.items()}


def _is_unread(state: DayState, reading: Attempt) -> bool:
    return state.day in reading.days and (state.raw is None or state.raw.read.read_started_at < reading.began_at)


def _wait(failures: int, longest: timedelta) -> timedelta:
    doublings = min(failures - 1, 16)
    return min(FIRST_WAIT * float(2**doublings), longest)
