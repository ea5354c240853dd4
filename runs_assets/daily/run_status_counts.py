"""`run_status_counts`: how many runs of a day are in which state; the breakdown that always sums to the day's rows."""

import pyarrow as pa

from runs_assets.daily.runs import RUNS
from runs_assets.daily.table import DailyTable, computed
from runs_assets.tables import column

NEEDS = ("pipeline_id", "status", "raw_status", "dry_run")

SCHEMA = pa.schema(
    [
        column("pipeline_id", pa.string(), "the pipeline; null where the platform does not say"),
        column("status", pa.string(), "the canonical status", nullable=False),
        column("raw_status", pa.string(), "the platform's own word for it", nullable=False),
        column("dry_run", pa.bool_(), "whether they are dry runs; null = not dry"),
        column("runs", pa.int64(), "how many runs", nullable=False),
    ]
)


def run_status_counts(runs: pa.Table) -> pa.Table:
    """One row (schema `SCHEMA`) for each combination that occurs, sorted; `runs` has the columns `NEEDS`."""
    counted = runs.select(NEEDS).group_by(NEEDS, use_threads=False).aggregate([([], "count_all")])
    counts = counted.rename_columns([*NEEDS, "runs"]).select(SCHEMA.names).cast(SCHEMA)
    return counts.sort_by([(name, "ascending") for name in NEEDS])


RUN_STATUS_COUNTS = DailyTable(
    name="run_status_counts",
    description="How many runs of a UTC day are in which state, by pipeline. Sums to the day's runs.",
    schema=SCHEMA,
    version="1",
    needs=NEEDS,
    built_from=RUNS.name,
    preview_order=(("runs", "descending"),),
    build=computed(lambda runs, _: run_status_counts(runs)),
)
