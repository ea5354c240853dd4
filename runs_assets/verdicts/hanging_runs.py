"""Runs that are open for longer than anything seen of their pipeline, as long as somebody may be waiting for them.

Nobody waits for a run after which a newer one of its pipeline has succeeded, nor for one that is abandoned: open for
longer than its limit and a further day. Abandoned runs are counted, and are no reason for anything.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import SECOND_US, to_us
from runs_assets.tables import TIMESTAMP, Frame, Table, column, pipeline_schema
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.success_durations import SuccessDurations

ABANDONED_AFTER_HOURS = 24.0
"""How long after its limit an open run is abandoned, hours: whoever waited has looked by the next working day."""
HOUR_SECONDS = 3600.0

SCHEMA = pipeline_schema(
    column("run_id", pa.string(), "the run", nullable=False),
    column("status", pa.string(), "queued, running or paused; unknown for a word of no known meaning", nullable=False),
    column("open_since", TIMESTAMP, "when it started, or was created if it has not started, UTC", nullable=False),
    column("observed_at", TIMESTAMP, "when the API last showed it open, UTC", nullable=False),
    column("open_seconds", pa.float64(), "observed_at - open_since, seconds", nullable=False),
    column("limit_seconds", pa.float64(), "how long a run may be open before it hangs, seconds", nullable=False),
    column("p50_seconds", pa.float64(), "median duration of its pipeline's successes, seconds"),
    column("p95_seconds", pa.float64(), "95 % quantile of these durations, seconds"),
    column("longest_seconds", pa.float64(), "the longest of these durations, seconds"),
    column("successes", pa.int64(), "how many successes of the last 28 days that is based on", nullable=False),
)
HANGING_RUNS = Table(
    name="hanging_runs",
    description="Runs that have been open for longer than any success of their pipeline, and are still waited for.",
    schema=SCHEMA,
    version="2",
    preview=("run_id", "status", "open_since", "open_seconds", "limit_seconds"),
    preview_order=(("open_seconds", "descending"),),
)


def open_too_long(history: SourceHistory, durations: SuccessDurations) -> Frame:
    """The open runs that exceed the limit of their pipeline, with `open_since`, `open_seconds` and `limit_seconds`."""
    runs = history.open_runs
    since_us = runs["started_us"].where(runs["started_us"] >= 0, runs["created_us"])
    runs = runs.assign(
        open_since=since_us,
        open_seconds=(runs["observed_us"] - since_us) / SECOND_US,
        limit_seconds=durations.limits[runs["pipeline"].to_numpy()],
    )
    return runs[runs["open_seconds"] > runs["limit_seconds"]]


def abandoned_runs(history: SourceHistory, too_long: Frame, after_hours: float = ABANDONED_AFTER_HOURS) -> list[int]:
    """How many runs of each pipeline, by its number, were created in the window and are abandoned."""
    runs = too_long[(too_long["created_us"] >= to_us(history.window.start)) & _is_abandoned(too_long, after_hours)]
    counts: list[int] = np.bincount(runs["pipeline"].to_numpy(), minlength=len(history.pipelines)).tolist()
    return counts


def hanging_runs(
    history: SourceHistory,
    durations: SuccessDurations,
    names: Mapping[str, str],
    after_hours: float = ABANDONED_AFTER_HOURS,
) -> pa.Table:
    """One row (schema `SCHEMA`) per hanging run created in the window, sorted by pipeline, then longest first.

    A run hangs when it is open for longer than the limit of its pipeline (`SuccessDurations.limits`), no run created
    after it has succeeded, and it is not abandoned: open for more than `after_hours` beyond the limit.
    """
    runs = open_too_long(history, durations)
    succeeded = history.completed[~history.completed["failed"]]
    newest = succeeded.groupby("pipeline")["created_us"].max().reindex(runs["pipeline"], fill_value=-1).to_numpy()
    is_waited_for = (runs["created_us"] >= newest) & ~_is_abandoned(runs, after_hours)
    runs = runs[(runs["created_us"] >= to_us(history.window.start)) & is_waited_for]
    numbers = runs["pipeline"].to_numpy()
    runs = runs.assign(
        observed_at=runs["observed_us"],
        p50_seconds=durations.p50[numbers],
        p95_seconds=durations.p95[numbers],
        longest_seconds=durations.longest[numbers],
        successes=durations.successes[numbers],
        source=history.source,
        pipeline_id=[history.pipelines[number] for number in numbers],
    )
    runs = runs.sort_values(["pipeline", "open_seconds", "run_id"], ascending=[True, False, True])
    runs["pipeline_name"] = [names.get(pipeline or "") for pipeline in runs["pipeline_id"]]
    return pa.Table.from_pandas(runs[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def _is_abandoned(too_long: Frame, after_hours: float) -> NDArray[np.bool_]:
    limits = too_long["limit_seconds"].to_numpy() + after_hours * HOUR_SECONDS
    return np.asarray(too_long["open_seconds"].to_numpy() > limits)
