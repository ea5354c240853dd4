"""Where runs, or successes, stayed away that used to come; silences that were announced by a person are left out."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from runs_assets_tests.verdicts.plain_runs import DAY, MONTH, History, day_of, days_before, end_of, start_of

REGULAR = Fraction(1, 4)
LEAST_SUCCESSES = 8
LEAST_RUNS = 50


def silences(history: History) -> list[dict[str, Any]]:
    """Those that ended in the window or did not end."""
    found = [
        silence
        for pipeline in history.by_pipeline
        for rule in (_missed_days, _without_success, _without_runs)
        for silence in rule(history, pipeline)
    ]
    return [row for row in found if row["ended_at"] is None or row["ended_at"] >= history.window_start]


def _missed_days(history: History, pipeline: str | None) -> Iterator[dict[str, Any]]:
    created = [run.created_at for run in history.by_pipeline[pipeline]]
    told = set()
    for day in sorted(history.whole_days & history.window):
        since = max((at for at in created if at < start_of(day)), default=None)
        if since is None or since in told or not _is_missed(history, pipeline, day, since):
            continue
        told.add(since)
        ended_at = min((at for at in created if at > since), default=None)
        yield _silence(history, pipeline, ("no_runs", "weekday"), since, end_of(day), ended_at)


def _is_missed(history: History, pipeline: str | None, day: date, since: datetime) -> bool:
    """Whether a day is empty of which the weekday was not, after a last run before which all was regular."""
    counts = history.created_by_day[pipeline]
    came = all(counts[day - weeks * 7 * DAY] for weeks in (1, 2, 3, 4))
    was_read = history.was_read(since, end_of(day))
    return not counts[day] and came and was_read and _is_regular(history, pipeline, day_of(since))


def _is_regular(history: History, pipeline: str | None, day: date) -> bool:
    """Whether the 28 days before a day were seen whole, and each weekday's runs were about as many every week."""
    month = days_before(day)
    if not history.whole_days.issuperset(month):
        return False
    counts = history.created_by_day[pipeline]
    weekdays = [[counts[day] for day in month[weekday::7]] for weekday in range(7)]
    squares = sum((count - Fraction(sum(four), 4)) ** 2 for four in weekdays for count in four)
    mean = Fraction(sum(map(sum, weekdays)), 28)
    return mean > 0 and squares / 21 / mean <= REGULAR


def _without_success(history: History, pipeline: str | None) -> Iterator[dict[str, Any]]:
    """A failure is no silence either: the wait begins anew."""
    decided = [run.ended_at for run in history.decided[pipeline]]
    successes = [run.ended_at for run in history.decided[pipeline] if run.succeeded]
    for since, expected_by, ended_at, usual in _long_waits(history, successes, decided, 2, LEAST_SUCCESSES):
        if _is_regular(history, pipeline, day_of(since)):
            yield _silence(history, pipeline, ("no_success", "interval"), since, expected_by, ended_at, usual)


def _without_runs(history: History, pipeline: str | None) -> Iterator[dict[str, Any]]:
    created = [run.created_at for run in history.by_pipeline[pipeline]]
    for since, expected_by, ended_at, usual in _long_waits(history, created, created, 3, LEAST_RUNS):
        yield _silence(history, pipeline, ("no_runs", "interval"), since, expected_by, ended_at, usual)


def _long_waits(
    history: History, usual: list[datetime], events: list[datetime], factor: int, least: int
) -> Iterator[tuple[datetime, datetime, datetime | None, timedelta]]:
    """Waits for the next event of more than `factor` times the longest time between the usual ones of 28 days."""
    for since, ended_at in pairwise([*events, None]):
        assert since is not None
        wait = (ended_at or history.read_until) - since
        known = bisect_right(usual, since)
        newest = usual[max(known - least, 0) : known]
        if len(newest) < least or wait <= factor * _longest(newest):
            continue  # the longest of fewer is not longer
        month = usual[bisect_right(usual, newest[-1] - MONTH) : known]
        if len(month) < least:
            continue
        expected_by = since + factor * _longest(month)
        if wait > expected_by - since and history.was_read(since, expected_by):
            yield since, expected_by, ended_at, _longest(month)


def _longest(times: list[datetime]) -> timedelta:
    return max(later - earlier for earlier, later in pairwise(times))


def _silence(
    history: History,
    pipeline: str | None,
    kind_and_basis: tuple[str, str],
    since: datetime,
    expected_by: datetime,
    ended_at: datetime | None,
    usual: timedelta | None = None,
) -> dict[str, Any]:
    is_long = history.read_until - since >= MONTH
    return {
        "source": history.source,
        "pipeline_id": pipeline,
        "kind": kind_and_basis[0],
        "basis": kind_and_basis[1],
        "since": since,
        "expected_by": expected_by,
        "ended_at": ended_at,
        "usual_interval_seconds": usual.total_seconds() if usual is not None else None,
        "state": "ended" if ended_at else "given up" if is_long else "open",
    }
