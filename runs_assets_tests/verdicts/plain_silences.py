"""Where runs, or successes, stayed away that used to come; silences that were announced by a person are left out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from runs_assets_tests.verdicts.plain_expected import Due, Past, dues, is_regular, zone_of
from runs_assets_tests.verdicts.plain_runs import DAY, MONTH, History

Row = dict[str, Any]


def silences(
    history: History, holidays: frozenset[date] = frozenset(), zone: ZoneInfo | None = None
) -> list[dict[str, Any]]:
    """Those that ended in the window or did not end; holidays and zone are those of all pipelines."""
    found: list[Row] = []
    for pipeline, runs in history.by_pipeline.items():
        created = [run.created_at for run in runs]
        where = zone or zone_of(created)
        ran_on = {at.astimezone(where).date() for at in created}
        rests = [day for before, day in pairwise([None, *sorted(holidays)]) if before not in ran_on and day]
        past = Past(created, history.read_until, where, frozenset(rests))
        found += _without_runs(history, pipeline, past)
        found += _without_success(history, pipeline, past)
    return [row for row in found if row["ended_at"] is None or row["ended_at"] >= history.window_start]


def _without_runs(history: History, pipeline: str | None, past: Past) -> Iterator[Row]:
    place, newest = 0, len(past.created) - 1
    while place <= newest:
        due = _overdue(history, past, place)
        if due is None:
            place += 1
            continue
        first, began = place, None
        past.told.add(place)
        while place < newest and (began := _new_pace(past)) is None and _overdue(history, past, place + 1):
            place += 1
            past.told.add(place)
        state = "ended" if began is None else "changed"
        ended_at = past.end(place) if began is not None else _ended_at(past, place, newest)
        yield _silence(history, pipeline, "no_runs", past.created[first], due, ended_at, state)
        if began is not None:
            past = replace(past, start=began)
        place += 1


def _new_pace(past: Past) -> int | None:
    """Where a new pace began, if three silences of 30 % of the time have shown it, the last two of one length."""
    told = sorted(place for place in past.told if place >= past.start)[-3:]
    waits = [past.end(place) - past.created[place] for place in told]
    if len(told) < 3 or max(waits[1:]) > 1.5 * min(waits[1:]):
        return None
    if sum(waits, timedelta()) < 0.3 * (past.end(told[-1]) - past.created[told[0]]):
        return None
    past.told.difference_update(told[1:])
    return told[0] + 1


def _overdue(history: History, past: Past, place: int) -> Due | None:
    if past.end(place) - past.created[place] <= timedelta(hours=2) and _is_ordinary(past, place):
        return None
    found = [due for due in dues(past, place) if due.at < past.end(place) and history.was_read(due.known_from, due.at)]
    return min(found, key=lambda due: due.at, default=None)


def _is_ordinary(past: Past, place: int) -> bool:
    """Whether one of the last usual waits was a third of this one, or longer; then it is none by its length."""
    wait = past.end(place) - past.created[place]
    before = (n for n in range(max(place - 20, past.start), place) if n not in past.told and not past.rested(n))
    return place - past.start < 49 or any(3 * (past.created[n + 1] - past.created[n]) >= wait for n in before)


def _ended_at(past: Past, last: int, newest: int) -> datetime | None:
    """After a run of which the next is overdue within four hours, that one is waited for."""
    if last == newest:
        return None
    overdue = [due.at for due in dues(past, last + 1)]
    if not overdue or min(overdue) - past.created[last + 1] > timedelta(hours=4):
        return past.created[last + 1]
    return past.created[last + 2] if last + 1 < newest else None


def _without_success(history: History, pipeline: str | None, past: Past) -> Iterator[Row]:
    """Runs were created, and none of those succeeded or failed for twice the usual time."""
    decided = [run.ended_at for run in history.decided[pipeline]]
    successes = [run.ended_at for run in history.decided[pipeline] if run.succeeded]
    told = [past.end(place) - timedelta(microseconds=1) for place in past.told]
    lost = [run.created_at for run in history.by_pipeline[pipeline] if not run.is_decided]
    for since, ended_at in pairwise([*decided, None]):
        assert since is not None
        end = ended_at or history.read_until
        if not any(since <= at < end for at in lost):
            continue
        due = _success_due(past, since, [at for at in successes if at <= since], told)
        if due is None or due.at >= end or not any(since < at <= due.at for at in lost):
            continue
        if history.was_read(due.known_from, due.at):
            told.append(since)
            yield _silence(history, pipeline, "no_success", since, due, ended_at, "ended")


def _success_due(past: Past, since: datetime, successes: list[datetime], told: list[datetime]) -> Due | None:
    run = sum(at <= since for at in past.created) - 1
    month = [at for at in successes if at > successes[-1] - MONTH]
    if len(month) < 8 or not is_regular(past, run):
        return None
    usual = [end - begin for begin, end in pairwise(month) if not any(begin <= at < end for at in told)]
    if not usual:
        return None
    longest = max(usual)
    wait = 2 * longest
    for day in sorted(day for day in past.rests if day > past.local(run).date()):
        if datetime.combine(day, datetime.min.time()) < past.local(run) + wait:
            wait += DAY
    return Due(since + wait, "interval", longest, since - MONTH - DAY)


def _silence(
    history: History,
    pipeline: str | None,
    kind: str,
    since: datetime,
    due: Due,
    ended_at: datetime | None,
    ended_state: str,
) -> Row:
    is_given_up = history.read_until - due.at >= max(3 * due.usual, 7 * DAY)
    return {
        "source": history.source,
        "pipeline_id": pipeline,
        "kind": kind,
        "basis": due.basis,
        "since": since,
        "expected_by": due.at,
        "ended_at": ended_at,
        "usual_interval_seconds": due.usual.total_seconds(),
        "state": ended_state if ended_at else "given up" if is_given_up else "open",
    }
