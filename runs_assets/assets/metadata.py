"""What Dagster shows of a table: its columns, where its file is, and its first rows."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from runs_assets.storage.tables import Lineage

OWNERS = ["team:runs"]
PREVIEW_ROWS = 5


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """A schema as Dagster shows it, with each field's description."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=str(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )


def file_metadata(path: Path) -> dict[str, Any]:
    """Where a data file is."""
    return {"dagster/uri": path.as_uri(), "path": dg.MetadataValue.path(path)}


def day_metadata(rows: pa.Table, path: Path, lineage: Lineage) -> dict[str, Any]:
    """What is worth knowing of a day's table."""
    return {
        "dagster/partition_row_count": rows.num_rows,
        **file_metadata(path),
        "read_id": lineage.read.read_id,
        "read_started_at": dg.MetadataValue.timestamp(lineage.read.read_started_at),
        "complete": lineage.read.complete,
        "open_runs": lineage.open_runs,
        "settled": lineage.settled,
        "preview": preview(rows),
    }


def preview(table: pa.Table, rows: int = PREVIEW_ROWS) -> dg.TableMetadataValue:
    """The first rows, with empty columns left out."""
    head = table.slice(0, rows)
    shown = [name for name in head.column_names if head[name].null_count < head.num_rows]
    head = head.select(shown)
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in head.to_pylist()]
    return dg.MetadataValue.table(records, schema=column_schema(head.schema))


def _cell(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    return "" if value is None else str(value)
