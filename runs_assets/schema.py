"""The columns of `runs`: the one place that says their names, types, units and meaning.

The Parquet file, the casting of each source's rows and the columns shown in Dagster are all made from this schema.
"""

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", "UTC")


def described(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A field whose metadata carries its description (with the unit, where there is one)."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


ABOUT_PIPELINE = (
    described("source", pa.string(), "the source", nullable=False),
    described("pipeline_id", pa.string(), "the pipeline; null where the platform does not say"),
    described("pipeline_name", pa.string(), "what the platform calls it; null where that is not known"),
)
"""What tells pipelines apart in the tables over all sources."""

RUNS = pa.schema(
    [
        described("run_id", pa.string(), "the platform's id of the run; unique within a source", nullable=False),
        described(
            "status",
            pa.string(),
            "queued, running, paused, succeeded, failed, cancelled or unknown",
            nullable=False,
        ),
        described("raw_status", pa.string(), "the platform's own word; empty if it sent none", nullable=False),
        described(
            "is_terminal",
            pa.bool_(),
            "whether the run has ended, so that its outcome is decided",
            nullable=False,
        ),
        described("created_at", TIMESTAMP, "when the run was created, UTC; its day is the partition", nullable=False),
        described("started_at", TIMESTAMP, "when execution began, UTC"),
        described("finished_at", TIMESTAMP, "when execution ended, UTC"),
        described("observed_at", TIMESTAMP, "when the API showed this state, UTC", nullable=False),
        described("queue_seconds", pa.float64(), "started_at - created_at, seconds"),
        described("duration_seconds", pa.float64(), "finished_at - started_at, seconds"),
        described("pipeline_id", pa.string(), "CloudCruise: the workflow; Productsup: the connector"),
        described("pipeline_version", pa.string(), "Productsup: the connector's version"),
        described("workspace_id", pa.string(), "CloudCruise: the workspace; Productsup: the account"),
        described("workspace_name", pa.string(), "Productsup: the account's name"),
        described("project_id", pa.string(), "Productsup: the project"),
        described("project_name", pa.string(), "Productsup: the project's name"),
        described("site_id", pa.string(), "Productsup: the site"),
        described("site_name", pa.string(), "Productsup: the site's name"),
        described("process_id", pa.string(), "Productsup: the process that the run was part of"),
        described("exit_code", pa.int32(), "Productsup: the container's exit code, 0 = success"),
        described("dry_run", pa.bool_(), "CloudCruise: whether it was a dry run; null = not dry"),
    ]
)
