"""How often each pipeline failed on a day, how sure that is, and how long its runs took.

Dry runs are counted and then left out. The rate is failed / (failed + succeeded): cancelled runs say nothing about
the pipeline, and 0/0 is null, never 0.
"""

import numpy as np
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.daily.runs import RUNS
from runs_assets.daily.table import DailyTable, Headline, computed
from runs_assets.statistics.intervals import Counts, Values, rate_with_interval, share
from runs_assets.statistics.quantiles import quantile
from runs_assets.status import RunStatus
from runs_assets.tables import TIMESTAMP, column

NEEDS = (
    "pipeline_id",
    "status",
    "is_terminal",
    "dry_run",
    "created_at",
    "finished_at",
    "queue_seconds",
    "duration_seconds",
)
_COUNTS = {
    "succeeded": "runs that succeeded",
    "failed": "runs that failed",
    "cancelled": "runs that were cancelled",
    "unknown": "runs that ended in a word nobody knows",
    "open": "runs that have not ended",
}
_CLASSES = ("dry_runs", *_COUNTS)
"""Every run is in exactly one."""
_INSTANTS = {
    "first_failure_at": (
        "failed_at",
        "min",
        "when the first failed run of the day ended (was created, where no end is known), UTC",
    ),
    "last_failure_at": ("failed_at", "max", "when the last failed run of the day ended, UTC"),
    "first_success_at": ("succeeded_at", "min", "when the first successful run of the day ended, UTC"),
    "last_success_at": ("succeeded_at", "max", "when the last successful run of the day ended, UTC"),
}
_QUANTILES = {
    "duration_p50_seconds": ("duration_seconds", 0.5),
    "duration_p95_seconds": ("duration_seconds", 0.95),
    "duration_p99_seconds": ("duration_seconds", 0.99),
    "queue_p50_seconds": ("queue_seconds", 0.5),
    "queue_p95_seconds": ("queue_seconds", 0.95),
}

_AGGREGATES = {
    "runs": ([], "count_all"),
    **{name: (name, "sum") for name in _CLASSES},
    **{name: (of, extreme) for name, (of, extreme, _) in _INSTANTS.items()},
    **{of: (of, "list") for of, _ in _QUANTILES.values()},
}

SCHEMA = pa.schema(
    [
        column("pipeline_id", pa.string(), "the pipeline; null where the platform does not say"),
        column("runs", pa.int64(), "all runs created on the day", nullable=False),
        column("dry_runs", pa.int64(), "dry runs among them; everything after counts the others", nullable=False),
        *(column(name, pa.int64(), text, nullable=False) for name, text in _COUNTS.items()),
        column("failure_rate", pa.float64(), "failed / (failed + succeeded); null for 0/0"),
        column("failure_rate_low", pa.float64(), "lower end of the 95 % Wilson interval"),
        column("failure_rate_high", pa.float64(), "upper end of the 95 % Wilson interval"),
        column("cancelled_rate", pa.float64(), "cancelled / all that ended; null for 0/0"),
        *(
            column(name, pa.float64(), f"{quantile:.0%} quantile of {of}, linear interpolation, seconds")
            for name, (of, quantile) in _QUANTILES.items()
        ),
        *(column(name, TIMESTAMP, text) for name, (_, _, text) in _INSTANTS.items()),
        column("is_final", pa.bool_(), "whether the day was settled when this was built", nullable=False),
    ]
)


def failure_rates(runs: pa.Table, *, is_final: bool) -> pa.Table:
    """One row (schema `SCHEMA`) per pipeline with runs on the day, sorted by id; `runs` has the columns `NEEDS`.

    Durations are over succeeded runs, queue times over started ones. Raises `AssertionError` if the counts of a
    pipeline do not add up to its runs.
    """
    grouped = _classified(runs).group_by("pipeline_id", use_threads=False).aggregate([*_AGGREGATES.values()])
    ids = grouped["pipeline_id"].cast(pa.string())
    found = pa.table([ids, *grouped.columns[1:]], ["pipeline_id", *_AGGREGATES]).sort_by("pipeline_id")
    counts = {name: found[name].to_numpy().astype(np.int64) for name in ("runs", *_CLASSES)}
    if (counts["runs"] != sum(counts[name] for name in _CLASSES)).any():
        raise AssertionError("the counts of a pipeline do not add up to its runs")
    columns = {
        **{name: found[name] for name in ("pipeline_id", *_INSTANTS)},
        **counts,
        **_rates(**counts),
        **_quantiles(found),
        "is_final": np.full(found.num_rows, is_final),
    }
    return pa.table([pa.array(columns[field.name], field.type, from_pandas=True) for field in SCHEMA], schema=SCHEMA)


def _classified(runs: pa.Table) -> pa.Table:
    """Each run with one of the counted classes, and with only the times that count for it."""
    status, dry, ended = runs["status"], pc.coalesce(runs["dry_run"], False), runs["is_terminal"]
    classes = {name: pc.and_not(pc.equal(status, name), dry) for name in ("succeeded", "failed", "cancelled")}
    unknown = pc.and_not(pc.and_(pc.equal(status, RunStatus.UNKNOWN), ended), dry)
    still_open = pc.invert(pc.or_(dry, ended))
    ended_at = pc.coalesce(runs["finished_at"], runs["created_at"])
    times = {
        **{f"{name}_at": pc.if_else(classes[name], ended_at, None) for name in ("failed", "succeeded")},
        "duration_seconds": pc.if_else(classes["succeeded"], runs["duration_seconds"], None),
        "queue_seconds": pc.if_else(dry, None, runs["queue_seconds"]),
    }
    named = {"pipeline_id": runs["pipeline_id"], "dry_runs": dry, "unknown": unknown, "open": still_open}
    return pa.table({**named, **classes, **times})


def _rates(**counts: Counts) -> dict[str, Values]:
    completed = counts["failed"] + counts["succeeded"]
    ended = completed + counts["cancelled"] + counts["unknown"]
    rates = (*rate_with_interval(counts["failed"], completed), share(counts["cancelled"], ended))
    return dict(zip(("failure_rate", "failure_rate_low", "failure_rate_high", "cancelled_rate"), rates, strict=True))


def _quantiles(found: pa.Table) -> dict[str, list[float | None]]:
    times = {of for of, _ in _QUANTILES.values()}
    ordered = {of: [np.sort(one.values.drop_null().to_numpy()) for one in found[of]] for of in times}
    return {name: [quantile(values, part) for values in ordered[of]] for name, (of, part) in _QUANTILES.items()}


def _overall(rates: pa.Table, runs: pa.Table) -> Headline:
    """Over all pipelines, without dry runs; the quantile is of the durations of all the day's successes together."""
    total = {name: pc.sum(rates[name]).as_py() or 0 for name in ("runs", "dry_runs", "failed", "succeeded", "open")}
    decided = total["failed"] + total["succeeded"]
    rate = {"failure_rate": round(total["failed"] / decided, 4)} if decided else {}
    counts = {"failed": total["failed"], "succeeded": total["succeeded"], "runs": total["runs"] - total["dry_runs"]}
    return {**rate, **counts, "open": total["open"], **_pooled_p95(runs)}


def _pooled_p95(runs: pa.Table) -> Headline:
    are_dry = pc.coalesce(runs["dry_run"], False)
    succeeded = pc.and_not(pc.equal(runs["status"], RunStatus.SUCCEEDED), are_dry)
    [seconds] = pc.quantile(runs["duration_seconds"].filter(succeeded), 0.95).to_pylist()
    return {} if seconds is None else {"p95_seconds_of_successes": round(seconds, 1)}


FAILURE_RATES = DailyTable(
    name="failure_rates",
    description="How often each pipeline failed on a UTC day, with a 95 % interval, and how long its runs took.",
    schema=SCHEMA,
    version="1",
    needs=NEEDS,
    built_from=RUNS.name,
    build=computed(lambda runs, lineage: failure_rates(runs, is_final=lineage.settled), _overall),
    preview=("runs", "failed", "failure_rate", "open", "duration_p95_seconds"),
    preview_order=(("failure_rate", "descending"), ("failed", "descending")),
)
