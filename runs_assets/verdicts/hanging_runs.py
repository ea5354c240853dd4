"""Open runs that have been open for much longer than their pipeline's successes take."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from runs_assets.days import SECOND_US, to_us
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.success_durations import SuccessDurations

FACTOR = 3.0
LEAST_SECONDS = 30 * 60.0
UNKNOWN_SECONDS = 24 * 3600.0
MIN_SUCCESSES = 10

SCHEMA = pipeline_schema(
    column("run_id", pa.string(), "the run", nullable=False),
    column("status", pa.string(), "queued, running or paused; unknown for a word of no known meaning", nullable=False),
    column("open_since", TIMESTAMP, "when it started, or was created if it has not started, UTC", nullable=False),
    column("observed_at", TIMESTAMP, "when the API last showed it open, UTC", nullable=False),
    column("open_seconds", pa.float64(), "observed_at - open_since, seconds", nullable=False),
    column("limit_seconds", pa.float64(), "how long a run may be open before it hangs, seconds", nullable=False),
    column("p95_seconds", pa.float64(), "95 % quantile of the durations of its pipeline's successes, seconds"),
    column("successes", pa.int64(), "how many successes of the last 28 days that is based on", nullable=False),
)
HANGING_RUNS = Table(
    name="hanging_runs",
    description="Runs that have been open for much longer than the successes of their pipeline take.",
    schema=SCHEMA,
    version="1",
    preview=("run_id", "status", "open_since", "open_seconds", "limit_seconds"),
    preview_order=(("open_seconds", "descending"),),
)


def hanging_runs(history: SourceHistory, durations: SuccessDurations, names: Mapping[str, str]) -> pa.Table:
    """One row (schema `SCHEMA`) per hanging run created in the window, sorted by pipeline, then longest first.

    A run hangs when it has been open for more than three times the 95 % quantile of its pipeline's successes, and for
    more than 30 minutes; where fewer than 10 successes are known, for more than 24 hours.
    """
    runs = history.open_runs[history.open_runs["created_us"] >= to_us(history.window.start)]
    since_us = runs["started_us"].where(runs["started_us"] >= 0, runs["created_us"])
    numbers = runs["pipeline"].to_numpy()
    usual_limits = np.maximum(FACTOR * durations.p95, LEAST_SECONDS)
    limits = np.where(durations.successes >= MIN_SUCCESSES, usual_limits, UNKNOWN_SECONDS)
    runs = runs.assign(
        open_since=since_us,
        observed_at=runs["observed_us"],
        open_seconds=(runs["observed_us"] - since_us) / SECOND_US,
        limit_seconds=limits[numbers],
        p95_seconds=durations.p95[numbers],
        successes=durations.successes[numbers],
        source=history.source,
        pipeline_id=[history.pipelines[number] for number in numbers],
    )
    runs = runs[runs["open_seconds"] > runs["limit_seconds"]]
    runs = runs.sort_values(["pipeline", "open_seconds", "run_id"], ascending=[True, False, True])
    runs["pipeline_name"] = [names.get(pipeline or "") for pipeline in runs["pipeline_id"]]
    return pa.Table.from_pandas(runs[SCHEMA.names], schema=SCHEMA, preserve_index=False)
