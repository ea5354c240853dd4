"""How often each pipeline failed on a day, how sure that is, and how long its runs took.

Dry runs are counted and then left out. The rate is failed / (failed + succeeded): cancelled runs say nothing about
the pipeline, and 0/0 is null, never 0.
"""

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.runs import RUNS
from runs_assets.daily.table import DailyTable, Headline, computed
from runs_assets.statistics.intervals import wilson_interval
from runs_assets.status import RunStatus
from runs_assets.tables import TIMESTAMP, Frame, column

NEEDS = (
    "pipeline_id",
    "status",
    "is_terminal",
    "dry_run",
    "created_at",
    "started_at",
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
_INSTANTS = {
    "first_failure_at": "when the first failed run of the day ended (was created, where no end is known), UTC",
    "last_failure_at": "when the last failed run of the day ended, UTC",
    "first_success_at": "when the first successful run of the day ended, UTC",
    "last_success_at": "when the last successful run of the day ended, UTC",
}
_QUANTILES = {
    "duration_p50_seconds": ("duration_seconds", 0.5),
    "duration_p95_seconds": ("duration_seconds", 0.95),
    "duration_p99_seconds": ("duration_seconds", 0.99),
    "queue_p50_seconds": ("queue_seconds", 0.5),
    "queue_p95_seconds": ("queue_seconds", 0.95),
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
        *(column(name, TIMESTAMP, text) for name, text in _INSTANTS.items()),
        column("is_final", pa.bool_(), "whether the day was settled when this was built", nullable=False),
    ]
)


def failure_rates(runs: pa.Table, *, is_final: bool) -> pa.Table:
    """One row (schema `SCHEMA`) per pipeline with runs on the day, sorted by id; `runs` has the columns `NEEDS`.

    Durations are over succeeded runs, queue times over started ones. Raises `AssertionError` if the counts of a
    pipeline do not add up to its runs.
    """
    if not runs.num_rows:
        return SCHEMA.empty_table()
    frame = _classified(runs)
    by_pipeline = frame.groupby("pipeline_id", dropna=False, sort=True)
    rates = by_pipeline[["dry", *_COUNTS]].sum().rename(columns={"dry": "dry_runs"})
    rates.insert(0, "runs", by_pipeline.size())
    if (rates["runs"] != rates[["dry_runs", *_COUNTS]].sum(axis="columns")).any():
        raise AssertionError("the counts of a pipeline do not add up to its runs")
    decided = rates["failed"] + rates["succeeded"]
    rates["failure_rate"] = (rates["failed"] / decided).where(decided > 0)
    rates["failure_rate_low"], rates["failure_rate_high"] = wilson_interval(
        rates["failed"].to_numpy(), decided.to_numpy()
    )
    ended = decided + rates["cancelled"] + rates["unknown"]
    rates["cancelled_rate"] = (rates["cancelled"] / ended).where(ended > 0)
    for name, (of, quantile) in _QUANTILES.items():
        rates[name] = by_pipeline[of].quantile(quantile)
    for outcome, word in (("failed", "failure"), ("succeeded", "success")):
        ended_at = frame["ended_at"].where(frame[outcome]).groupby(frame["pipeline_id"], dropna=False)
        rates[f"first_{word}_at"], rates[f"last_{word}_at"] = ended_at.min(), ended_at.max()
    rates["is_final"] = is_final
    return pa.Table.from_pandas(rates.reset_index(), schema=SCHEMA, preserve_index=False).replace_schema_metadata()


def _classified(runs: pa.Table) -> Frame:
    """Each run with one of the counted classes, and with only the times that count for it."""
    frame: Frame = runs.select(NEEDS).to_pandas()
    frame["dry"] = frame["dry_run"].eq(other=True)
    real = ~frame["dry"]
    for name in ("succeeded", "failed", "cancelled"):
        frame[name] = real & (frame["status"] == name)
    frame["unknown"] = real & (frame["status"] == RunStatus.UNKNOWN) & frame["is_terminal"]
    frame["open"] = real & ~frame["is_terminal"]
    frame["ended_at"] = frame["finished_at"].fillna(frame["created_at"])
    frame["duration_seconds"] = frame["duration_seconds"].where(frame["succeeded"])
    frame["queue_seconds"] = frame["queue_seconds"].where(real)
    return frame


def _overall(rates: pa.Table, runs: pa.Table) -> Headline:
    """Over all pipelines, without dry runs; the quantile is of the durations of all the day's successes together."""
    total = {name: pc.sum(rates[name]).as_py() or 0 for name in ("runs", "dry_runs", "failed", "succeeded", "open")}
    decided = total["failed"] + total["succeeded"]
    rate = {"failure_rate": round(total["failed"] / decided, 4)} if decided else {}
    counts = {"failed": total["failed"], "succeeded": total["succeeded"], "runs": total["runs"] - total["dry_runs"]}
    return {**rate, **counts, "open": total["open"], **_pooled_p95(runs)}


def _pooled_p95(runs: pa.Table) -> Headline:
    is_real = ~pc.coalesce(pc.field("dry_run"), pc.scalar(False))
    succeeded = runs.filter(is_real & (pc.field("status") == RunStatus.SUCCEEDED))
    [seconds] = pc.quantile(succeeded["duration_seconds"], 0.95).to_pylist()
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
