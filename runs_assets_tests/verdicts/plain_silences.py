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
LEAST_FAILURES = 3


def silences(history: History) -> list[dict[str, Any]]:
    """Those that ended in the window or did not end."""
    found = [
        silence
        for pipeline in history.by_pipeline
        for silence in (*_without_runs(history, pipeline), *_without_success(history, pipeline))
    ]
    return [row for row in found if row["ended_at"] is None or row["ended_at"] >= history.window_start]


def _without_runs(history: History, pipeline: str | None) -> Iterator[dict[str, Any]]:
    created = [run.created_at for run in history.by_pipeline[pipeline]]
    told = set()
    for day in sorted(history.whole_days & history.window):
        if not _is_missed(history, pipeline, day):
            continue
        since = max(at for at in created if at < start_of(day))
        if since not in told:
            told.add(since)
            ended_at = min((at for at in created if at > since), default=None)
            yield _silence(history, pipeline, ("no_runs", "weekday"), since, end_of(day), ended_at)


def _is_missed(history: History, pipeline: str | None, day: date) -> bool:
    counts = history.created_by_day[pipeline]
    came = all(counts[day - weeks * 7 * DAY] for weeks in (1, 2, 3, 4))
    return not counts[day] and came and _is_regular(history, pipeline, day)


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
    ends = [run.ended_at for run in history.decided[pipeline] if run.succeeded]
    for place, (since, ended_at) in enumerate(pairwise([*ends, None])):
        assert since is not None
        usual = _usual_interval(ends[bisect_right(ends, since - MONTH) : place + 1])
        overdue = usual is not None and (ended_at or history.read_until) - since > 2 * usual
        if usual is None or not overdue or not _is_regular(history, pipeline, day_of(since)):
            continue
        expected_by = since + 2 * usual
        failures = [run for run in history.decided[pipeline] if run.failed and since <= run.ended_at <= expected_by]
        if len(failures) < LEAST_FAILURES and history.was_read(since, expected_by):
            yield _silence(history, pipeline, ("no_success", "interval"), since, expected_by, ended_at, usual)


def _usual_interval(ends: list[datetime]) -> timedelta | None:
    """The longest time between successes; None where there are too few."""
    if len(ends) < LEAST_SUCCESSES:
        return None
    return max(later - earlier for earlier, later in pairwise(ends))


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
