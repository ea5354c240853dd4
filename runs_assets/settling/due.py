"""Which days are due for what, and from when on: the one rule that keeps every day current until it is final.

A day in reach is due while it is not done. Never-read days that the API will soon forget come first, then the newest.
A day that is not over is read every hour, a day that is not settled when it has grown twice as old as it was, and what
stays open for good ever more rarely; all durations are settings (`Rules`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from runs_assets.days import DayRange, end_of, start_of
from runs_assets.settling.attempts import LONG_AGO, Waits
from runs_assets.settling.reach import Capabilities
from runs_assets.settling.rules import QUIET_FROM, WEEKLY, Rules, next_quiet
from runs_assets.settling.state import DayState
from runs_assets.storage.raw import RawDay

URGENT_BEFORE = timedelta(hours=48)
REQUESTS_TO_FIND_A_DAY = 15
MAX_DAYS = 31
"""The most days that one run is asked for, so that today never waits long for the past."""


class Work(StrEnum):
    """What can be done about a day: read it from the API, read only its open runs, or build its tables again."""

    READ = "read"
    READ_OPEN_RUNS = "read open runs"
    REBUILD = "rebuild"


@dataclass(frozen=True)
class Due:
    """A day is due at `at`; where another day is read anyway, it may join from `may_join_at` on."""

    day: date
    work: Work
    why: str
    at: datetime = LONG_AGO
    may_join_at: datetime = LONG_AGO
    is_urgent: bool = False
    requests: int = 0
    """About how many requests a settled day takes from those of a night; 0 if it is read for another reason."""


@dataclass(frozen=True)
class Request:
    """One run to ask for: the same work for a range of days, because of its first day in order of urgency."""

    days: DayRange
    work: Work
    why: str


@dataclass(frozen=True)
class Unrecorded:
    """Days that are stored, but whose reading or tables Dagster does not know."""

    reads: Collection[date] = ()
    tables: Collection[date] = ()


NOTHING = Unrecorded()


def due_days(
    states: Sequence[DayState], api: Capabilities, rules: Rules, now: datetime, unrecorded: Unrecorded = NOTHING
) -> list[Due]:
    """What each of some days in reach is due for, most pressing first; days that are done are left out."""
    dues = [due for state in states for due in _dues(state, api, rules, now, unrecorded)]
    ordered = sorted(dues, key=lambda due: (not due.is_urgent, due.day.toordinal() * (1 if due.is_urgent else -1)))
    return list(_within_the_nights_requests(ordered, states, api, rules, now))


def next_request(dues: Sequence[Due], now: datetime, waits: Waits) -> Request | None:
    """The run to ask for now; None if nothing is due, or has to wait because of failures."""
    ready = [due for due in dues if waits.until(due.day, asks_the_api=due.work is not Work.REBUILD) <= now]
    leader = next((due for due in ready if due.at <= now), None)
    if leader is None:
        return None
    joining = {due.day for due in ready if _goes_with(due, leader, waits) and due.may_join_at <= now}
    return Request(_range_around(leader, joining), leader.work, leader.why)


def _goes_with(due: Due, leader: Due, waits: Waits) -> bool:
    if due.work is Work.REBUILD and not waits.alone.isdisjoint({due.day, leader.day}):
        return False
    return (due.work, due.is_urgent) == (leader.work, leader.is_urgent)


def _range_around(leader: Due, joining: set[date]) -> DayRange:
    """The days next to the leader's without a gap: first those after it in order of urgency, `MAX_DAYS` at most."""
    forwards = 1 if leader.is_urgent else -1
    days = [leader.day]
    for direction in (forwards, -forwards):
        steps = (leader.day + timedelta(days=direction * step) for step in range(1, MAX_DAYS))
        days += list(takewhile(joining.__contains__, steps))[: MAX_DAYS - len(days)]
    return DayRange(min(days), max(days))


def _dues(state: DayState, api: Capabilities, rules: Rules, now: datetime, unrecorded: Unrecorded) -> Iterator[Due]:
    reading = _reading(state, api, rules, now)
    if state.day in unrecorded.reads:
        reading = Due(state.day, Work.READ, "Dagster does not know that it was read")
    if reading is not None:
        yield reading
    if state.raw is not None and state.is_behind:
        yield Due(state.day, Work.REBUILD, "its tables do not follow from the newest reading")
    elif state.raw is not None and state.day in unrecorded.tables:
        yield Due(state.day, Work.REBUILD, "Dagster does not know its tables")


def _reading(state: DayState, api: Capabilities, rules: Rules, now: datetime) -> Due | None:
    is_urgent = api.retention is not None and start_of(state.day) + api.retention - now <= URGENT_BEFORE
    if state.raw is None:
        why = "its stored file is damaged" if state.damage else "it was never read"
        return Due(state.day, Work.READ, why, is_urgent=is_urgent)
    read_at = state.raw.read.read_started_at
    if read_at > now:
        return Due(state.day, Work.READ, "it was read by a clock that was ahead")
    if api.retention is None and state.is_settled and rules.reread_at(state.day, read_at) is None:
        return None  # as nearly all days are of a long history
    due = min(_readings(state, state.raw, api, rules, now), key=lambda due: due.at, default=None)
    return replace(due, is_urgent=True) if due and is_urgent and read_at < end_of(state.day) else due


def _readings(state: DayState, raw: RawDay, api: Capabilities, rules: Rules, now: datetime) -> Iterator[Due]:
    """When a stored day is read again, by each reason that there is."""
    is_settled = state.is_settled
    # Which runs of a whole day are open is in its tables: while they are behind, they come first.
    if not is_settled and not (state.is_behind and rules.saw_late_runs(state.day, raw.read)):
        yield _read_again(state, raw, api, rules)
    if api.retention is not None:
        at = start_of(state.day) + api.retention - rules.last_look_before
        if raw.read.read_started_at < at:
            yield Due(state.day, Work.READ, "the API will soon forget it", at, at)
    elif is_settled:
        yield from _read_settled_again(state, raw, api, rules, now)


def _read_settled_again(state: DayState, raw: RawDay, api: Capabilities, rules: Rules, now: datetime) -> Iterator[Due]:
    """In quiet hours, since a platform may run again what has ended."""
    if (at := rules.reread_at(state.day, raw.read.read_started_at)) is not None:
        at = next_quiet(max(at, now))
        yield Due(state.day, Work.READ, "its runs may have changed", at, at, requests=_requests(raw, api))


def _requests(raw: RawDay, api: Capabilities) -> int:
    """About how many requests the reading of a day takes."""
    return REQUESTS_TO_FIND_A_DAY + raw.rows // api.page_size + 1


def _within_the_nights_requests(
    dues: Sequence[Due], states: Sequence[DayState], api: Capabilities, rules: Rules, now: datetime
) -> Iterator[Due]:
    """The same, with what is too much for the night put off to the next one; one day is read in any case."""
    if not any(due.requests and due.at <= now for due in dues):
        yield from dues
        return
    night = datetime.combine(now.date(), QUIET_FROM, UTC)
    spent = sum(_requests(state.raw, api) for state in states if state.raw and _was_reread(state.raw, state.day, night))
    for due in dues:
        is_now = due.requests > 0 and due.at <= now
        if is_now and spent and spent + due.requests > rules.reread_requests:
            tomorrow = night + timedelta(days=1)
            yield replace(due, at=tomorrow, may_join_at=tomorrow)
            continue
        spent += due.requests if is_now else 0
        yield due


def _was_reread(raw: RawDay, day: date, night: datetime) -> bool:
    read_at = raw.read.read_started_at
    return read_at >= night and read_at >= end_of(day) + WEEKLY


def _read_again(state: DayState, raw: RawDay, api: Capabilities, rules: Rules) -> Due:
    """When a day that is not settled is read again, given when it was read last."""
    day, read_at, end = state.day, raw.read.read_started_at, end_of(state.day)
    early, settling = rules.today_every / 4, end + rules.grace
    if read_at < end:
        at = min(read_at + rules.today_every, settling)
        return Due(day, Work.READ, "it was not over when it was read", at, at - early)
    if read_at >= max(end + rules.give_up_after, settling):
        at = read_at + rules.abandoned_every
        work = Work.READ_OPEN_RUNS if api.asks_by_id and rules.saw_late_runs(day, raw.read) else Work.READ
        return Due(day, work, "it is still not settled", at, at - early)
    at = read_at + max(rules.today_every, min(read_at - end, rules.recheck_every))
    if read_at < settling <= at:
        return Due(day, Work.READ, "its grace for late runs is over", settling, settling)
    return Due(day, Work.READ, "it is not settled", at, at - early)
