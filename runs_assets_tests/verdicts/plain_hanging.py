"""Runs that have been open for much longer than others take."""

from datetime import datetime
from typing import Any

from runs_assets_tests.verdicts.plain_runs import MONTH, History, Run

Row = dict[str, Any]


def hanging_runs(history: History) -> list[Row]:
    return [
        _hanging(history, pipeline, run, limit)
        for pipeline, runs in history.by_pipeline.items()
        for limit in [_limit_seconds(history, pipeline)]
        for run in runs
        if not run.is_terminal and run.created_at >= history.window_start and _open_seconds(run) > limit
    ]


def _limit_seconds(history: History, pipeline: str | None) -> float:
    seconds = history.success_seconds(pipeline, MONTH)
    return max(3 * (history.p95[pipeline] or 0.0), 1800.0) if len(seconds) >= 10 else 86400.0


def _open_since(run: Run) -> datetime:
    return run.started_at or run.created_at


def _open_seconds(run: Run) -> float:
    return (run.observed_at - _open_since(run)).total_seconds()


def _hanging(history: History, pipeline: str | None, run: Run, limit: float) -> Row:
    return {
        "source": history.source,
        "pipeline_id": pipeline,
        "run_id": run.run_id,
        "status": run.status,
        "open_since": _open_since(run),
        "observed_at": run.observed_at,
        "open_seconds": _open_seconds(run),
        "limit_seconds": limit,
        "p95_seconds": history.p95[pipeline],
        "successes": len(history.success_seconds(pipeline, MONTH)),
    }
