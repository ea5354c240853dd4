"""Runs that are open for longer than others take: which of them hang, which are abandoned, and what is stuck."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from runs_assets_tests.verdicts.plain_runs import MONTH, History, Run
from runs_assets_tests.verdicts.plain_statistics import quantile

Row = dict[str, Any]
ABANDONED_AFTER = timedelta(hours=24)
HALF_AN_HOUR = timedelta(minutes=30)


def hanging_runs(history: History) -> list[Row]:
    return [
        _hanging(history, pipeline, run)
        for pipeline, runs in history.by_pipeline.items()
        for run in runs
        if run.created_at >= history.window_start
        and _is_too_long(history, run)
        and not _is_abandoned(history, run)
        and not any(later.succeeded and later.created_at > run.created_at for later in runs)
    ]


def abandoned_runs(history: History, pipeline: str | None) -> int:
    runs = history.by_pipeline[pipeline]
    return sum(_is_abandoned(history, run) for run in runs if run.created_at >= history.window_start)


def stuck_since(history: History) -> dict[str | None, datetime]:
    """By the pipelines that are stuck: when the first of the runs that do not end, or start, was created."""
    found = {}
    for pipeline, runs in history.by_pipeline.items():
        had_time = [run for run in runs if run.is_terminal or _is_too_long(history, run)]
        not_ending = _newest_all(had_time, [run for run in had_time if not run.is_terminal])
        waits = [wait for run in history.decided[pipeline] for wait in [_wait(history, run)] if wait is not None]
        longest = max([*waits, HALF_AN_HOUR])
        waiting = [run for run in runs if _is_waiting(run) and run.observed_at - run.created_at > longest]
        had_time = sorted(waiting + [run for run in runs if not _is_waiting(run)], key=lambda run: run.created_at)
        not_starting = _newest_all(had_time, waiting) if len(waits) >= 10 else []
        stuck = [
            first for first, *_, last in filter(None, (not_ending, not_starting)) if history.is_recent(last, MONTH)
        ]
        if stuck:
            found[pipeline] = min(stuck)
    return found


def _newest_all(runs: Sequence[Run], open_ones: Sequence[Run]) -> list[datetime]:
    """When the newest runs that are all among the open ones were created, in order, if they are three or more."""
    newest: list[datetime] = []
    for run in reversed(runs):
        if run not in open_ones:
            break
        newest.insert(0, run.created_at)
    return newest if len(newest) >= 3 else []


def _is_waiting(run: Run) -> bool:
    return not run.is_terminal and run.started_at is None


def _wait(history: History, run: Run) -> timedelta | None:
    """How long a run of the last 28 days waited before it started; it did if its duration is known."""
    if run.seconds is None or run.started_at is None or not history.is_recent(run.ended_at, MONTH):
        return None
    return run.started_at - run.created_at


def _limit_seconds(history: History, pipeline: str | None) -> float:
    """The longest success, or where a log-normal tail through p50 and p95 has one in 25,000; at least 30 minutes."""
    seconds = history.success_seconds(pipeline, MONTH)
    if len(seconds) < 10:
        return 86400.0
    p50, p95 = quantile(seconds, 0.5), quantile(seconds, 0.95)
    assert p50 is not None
    assert p95 is not None
    tail = p50 * (p95 / p50) ** 2.4 if p50 else 0.0
    return max(*seconds, tail, 1800.0)


def _open_since(run: Run) -> datetime:
    return run.started_at or run.created_at


def _open_seconds(run: Run) -> float:
    return (run.observed_at - _open_since(run)).total_seconds()


def _is_too_long(history: History, run: Run) -> bool:
    return not run.is_terminal and _open_seconds(run) > _limit_seconds(history, run.pipeline)


def _is_abandoned(history: History, run: Run) -> bool:
    limit = _limit_seconds(history, run.pipeline) + ABANDONED_AFTER.total_seconds()
    return not run.is_terminal and _open_seconds(run) > limit


def _hanging(history: History, pipeline: str | None, run: Run) -> Row:
    seconds = history.success_seconds(pipeline, MONTH)
    return {
        "source": history.source,
        "pipeline_id": pipeline,
        "run_id": run.run_id,
        "status": run.status,
        "open_since": _open_since(run),
        "observed_at": run.observed_at,
        "open_seconds": _open_seconds(run),
        "limit_seconds": _limit_seconds(history, pipeline),
        "p50_seconds": quantile(seconds, 0.5),
        "p95_seconds": quantile(seconds, 0.95),
        "longest_seconds": max(seconds, default=None),
        "successes": len(seconds),
    }
