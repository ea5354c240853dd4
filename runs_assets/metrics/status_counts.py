"""How many runs of a day are in which state: the breakdown that always sums to the day's rows."""

import pyarrow as pa

from runs_assets.schema import described

NEEDS = ["pipeline_id", "status", "raw_status", "dry_run"]

RUN_STATUS_COUNTS = pa.schema(
    [
        described("pipeline_id", pa.string(), "the pipeline; null where the platform does not say"),
        described("status", pa.string(), "the canonical status", nullable=False),
        described("raw_status", pa.string(), "the platform's own word for it", nullable=False),
        described("dry_run", pa.bool_(), "whether they are dry runs; null = not dry"),
        described("runs", pa.int64(), "how many runs", nullable=False),
    ]
)


def run_status_counts(runs: pa.Table) -> pa.Table:
    """One row (schema `RUN_STATUS_COUNTS`) for each combination that occurs, sorted; `runs` has the columns `NEEDS`."""
    counted = runs.select(NEEDS).group_by(NEEDS, use_threads=False).aggregate([([], "count_all")])
    counts = counted.rename_columns([*NEEDS, "runs"]).sort_by([(name, "ascending") for name in NEEDS])
    return pa.table([counts[field.name] for field in RUN_STATUS_COUNTS], schema=RUN_STATUS_COUNTS)
