"""Which days are due for what, and from when on: the one rule that keeps every day current until it is final.

A day in reach is due while it is not done. Never-read days that the API will soon forget come first, then the newest.
A day that is not over is read every hour, a day that is not settled when it has grown twice as old as it was, and what
stays open for good ever more rarely; all durations are settings (`Rules`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from runs_assets.days import DayRange, end_of, start_of
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import DayState
from runs_assets.sources.reach import Capabilities
from runs_assets.storage.raw import RawDay

URGENT_BEFORE = timedelta(hours=48)
MAX_DAYS = 31
"""The most days that one run is asked for, so that today never waits long for the past."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


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
    return sorted(dues, key=lambda due: (not due.is_urgent, due.day.toordinal() * (1 if due.is_urgent else -1)))


def next_request(dues: Sequence[Due], now: datetime, not_before: Mapping[date, datetime]) -> Request | None:
    """The run to ask for now; None if nothing is due. A day in `not_before` has to wait until then."""
    ready = [due for due in dues if not_before.get(due.day, now) <= now]
    leader = next((due for due in ready if due.at <= now), None)
    if leader is None:
        return None
    joining = {
        due.day
        for due in ready
        if (due.work, due.is_urgent) == (leader.work, leader.is_urgent) and due.may_join_at <= now
    }
    return Request(_range_around(leader, joining), leader.work, leader.why)


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
    if state.raw is None:
        is_urgent = api.retention is not None and start_of(state.day) + api.retention - now <= URGENT_BEFORE
        why = "its stored file is damaged" if state.damage else "it was never read"
        return Due(state.day, Work.READ, why, is_urgent=is_urgent)
    again = None if state.is_settled(rules) else _read_again(state, state.raw, api, rules)
    last_look = _last_look(state.day, state.raw.read.read_started_at, api, rules)
    return min((due for due in (again, last_look) if due), key=lambda due: due.at, default=None)


def _read_again(state: DayState, raw: RawDay, api: Capabilities, rules: Rules) -> Due:
    """When a day that is not settled is read again, given when it was read last."""
    day, read_at, end = state.day, raw.read.read_started_at, end_of(state.day)
    early = rules.today_every / 4
    if read_at < end:
        at = read_at + rules.today_every
        return Due(day, Work.READ, "it was not over when it was read", at, at - early)
    if read_at >= end + rules.give_up_after:
        at = read_at + rules.abandoned_every
        sees_all_but_open = api.asks_by_id and rules.saw_late_runs(day, raw.read) and not state.is_behind
        work = Work.READ_OPEN_RUNS if sees_all_but_open else Work.READ
        return Due(day, work, "it is still not settled", at, at - early)
    at = read_at + max(rules.today_every, min(read_at - end, rules.recheck_every))
    settling = end + rules.grace
    if read_at < settling <= at:
        return Due(day, Work.READ, "its grace for late runs is over", settling, settling)
    return Due(day, Work.READ, "it is not settled", at, at - early)


def _last_look(day: date, read_at: datetime, api: Capabilities, rules: Rules) -> Due | None:
    if api.retention is None:
        return None
    at = start_of(day) + api.retention - rules.last_look_before
    return Due(day, Work.READ, "the API will soon forget it", at, at) if read_at < at else None
