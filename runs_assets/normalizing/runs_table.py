"""What every platform's normalizer ends with: derived columns, and exactly the schema of `runs`."""

from collections.abc import Callable, Mapping

import msgspec
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.normalizing.columns import RawRows, instants, seconds_between
from runs_assets.status import TERMINAL, RunStatus
from runs_assets.tables import TIMESTAMP, column

RUNS_SCHEMA = pa.schema(
    [
        column("run_id", pa.string(), "the platform's id of the run; unique within a source", nullable=False),
        column("status", pa.string(), ", ".join(RunStatus), nullable=False),
        column("raw_status", pa.string(), "the platform's own word; empty if it sent none", nullable=False),
        column("is_terminal", pa.bool_(), "whether the run has ended, so that its outcome is decided", nullable=False),
        column("created_at", TIMESTAMP, "when the run was created, UTC; its day is the partition", nullable=False),
        column("started_at", TIMESTAMP, "when execution began, UTC"),
        column("finished_at", TIMESTAMP, "when execution ended, UTC"),
        column("observed_at", TIMESTAMP, "when the API showed this state, UTC", nullable=False),
        column("queue_seconds", pa.float64(), "started_at - created_at, seconds"),
        column("duration_seconds", pa.float64(), "finished_at - started_at, seconds"),
        column("pipeline_id", pa.string(), "CloudCruise: the workflow; Productsup: the connector"),
        column("pipeline_version", pa.string(), "Productsup: the connector's version"),
        column("workspace_id", pa.string(), "CloudCruise: the workspace; Productsup: the account"),
        column("workspace_name", pa.string(), "Productsup: the account's name"),
        column("project_id", pa.string(), "Productsup: the project"),
        column("project_name", pa.string(), "Productsup: the project's name"),
        column("site_id", pa.string(), "Productsup: the site"),
        column("site_name", pa.string(), "Productsup: the site's name"),
        column("process_id", pa.string(), "Productsup: the process that the run was part of"),
        column("exit_code", pa.int32(), "Productsup: the container's exit code, 0 = success"),
        column("dry_run", pa.bool_(), "CloudCruise: whether it was a dry run; null = not dry"),
    ]
)

Columns = Mapping[str, pa.Array]


def fields_by_column(row: type[msgspec.Struct]) -> dict[str, str]:
    """The raw field of each column that a platform's row has: there it has the column's name."""
    fields = msgspec.structs.fields(row)
    return {field.name: field.encode_name for field in fields if field.name in RUNS_SCHEMA.names}


def runs_table(rows: RawRows, fields: Mapping[str, str], status_of: Callable[[Columns], pa.Array]) -> pa.Table:
    """The raw rows as a table with schema `RUNS_SCHEMA`.

    `fields` has the raw field of each column that the platform has, others are null; a field is converted to its
    column's type. `status_of` gives the canonical statuses from these columns. Derives `is_terminal` (an unknown status
    has ended only if there is a finish time), `queue_seconds` and `duration_seconds`.
    """
    columns = {field.name: pa.nulls(len(rows.runs), field.type) for field in RUNS_SCHEMA}
    columns |= {name: rows.column(field, RUNS_SCHEMA.field(name).type) for name, field in fields.items()}
    columns["observed_at"], _ = instants(rows.observed_at)
    columns["raw_status"] = pc.fill_null(columns["raw_status"], "")
    columns["status"] = status_of(columns)
    ended_by_word = pc.is_in(columns["status"], value_set=pa.array(sorted(TERMINAL)))
    ended_unknown = pc.and_(pc.equal(columns["status"], RunStatus.UNKNOWN), pc.is_valid(columns["finished_at"]))
    columns["is_terminal"] = pc.or_(ended_by_word, ended_unknown)
    columns["queue_seconds"] = seconds_between(columns["created_at"], columns["started_at"])
    columns["duration_seconds"] = seconds_between(columns["started_at"], columns["finished_at"])
    return pa.table(columns, schema=RUNS_SCHEMA)
