"""Open runs that have been open for much longer than their pipeline's successes take."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from runs_assets.days import SECOND_US, to_us
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, column
from runs_assets.verdicts.durations import Durations
from runs_assets.verdicts.history import History

FACTOR = 3.0
LEAST_SECONDS = 30 * 60.0
UNKNOWN_SECONDS = 24 * 3600.0
MIN_SUCCESSES = 10

HANGING_RUNS = pa.schema(
    [
        *PIPELINE_COLUMNS,
        column("run_id", pa.string(), "the run", nullable=False),
        column(
            "status", pa.string(), "queued, running or paused; unknown for a word that nobody knows", nullable=False
        ),
        column("open_since", TIMESTAMP, "when it started, or was created where it has not, UTC", nullable=False),
        column("observed_at", TIMESTAMP, "when the API last showed it open, UTC", nullable=False),
        column("open_seconds", pa.float64(), "observed_at - open_since, seconds", nullable=False),
        column(
            "limit_seconds", pa.float64(), "above which an open run of this pipeline hangs, seconds", nullable=False
        ),
        column("p95_seconds", pa.float64(), "95 % quantile of its successes of 28 days, seconds"),
        column("successes", pa.int64(), "how many successes that is of", nullable=False),
    ]
)


def hanging_runs(history: History, durations: Durations, names: Mapping[str, str]) -> pa.Table:
    """One row (schema `HANGING_RUNS`) per hanging run created in the window, sorted by pipeline, then longest first.

    A run hangs when it has been open for more than three times the 95 % quantile of its pipeline's successes, and for
    more than 30 minutes; where fewer than 10 successes are known, for more than 24 hours.
    """
    runs = history.open_runs[history.open_runs["created_at"] >= to_us(history.window.start)]
    open_since = runs["started_at"].where(runs["started_at"] >= 0, runs["created_at"])
    limits = hanging_limits(durations)[runs["pipeline"].to_numpy()]
    runs = runs.assign(
        open_since=open_since,
        open_seconds=(runs["observed_at"] - open_since) / SECOND_US,
        limit_seconds=limits,
        p95_seconds=durations.p95[runs["pipeline"].to_numpy()],
        successes=durations.successes[runs["pipeline"].to_numpy()],
        source=history.source,
        pipeline_id=[history.pipelines[number] for number in runs["pipeline"]],
    )
    runs = runs[runs["open_seconds"] > runs["limit_seconds"]]
    runs = runs.sort_values(["pipeline", "open_seconds", "run_id"], ascending=[True, False, True])
    runs["pipeline_name"] = [names.get(pipeline or "") for pipeline in runs["pipeline_id"]]
    return pa.Table.from_pandas(runs[HANGING_RUNS.names], schema=HANGING_RUNS, preserve_index=False)


def hanging_limits(durations: Durations) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of each pipeline, by its number, above how many open seconds a run hangs."""
    known = np.maximum(FACTOR * durations.p95, LEAST_SECONDS)
    return np.where(durations.successes >= MIN_SUCCESSES, known, UNKNOWN_SECONDS)
