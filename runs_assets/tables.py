"""How a table is declared: once, beside the function that computes it.

The Parquet files, the casting of rows, the columns and previews in Dagster, the checks and the tables of the READMEs
are all derived from these declarations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

TIMESTAMP = pa.timestamp("us", "UTC")


def column(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A field whose metadata carries its description (with the unit, where there is one)."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


PIPELINE_COLUMNS = (
    column("source", pa.string(), "the source", nullable=False),
    column("pipeline_id", pa.string(), "the pipeline; null where the platform does not say"),
    column("pipeline_name", pa.string(), "as the platform calls it, else after what its runs have in common; or null"),
)
"""What identifies a pipeline in the tables over all sources."""


def pipeline_schema(*columns: pa.Field) -> pa.Schema:
    """`PIPELINE_COLUMNS`, then these."""
    return pa.schema([*PIPELINE_COLUMNS, *columns])


def with_columns(table: pa.Table, **columns: Any) -> pa.Table:
    """The table with these columns too, from arrays of Arrow or numpy; one of a known name takes its place."""
    return pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **columns})


def table_of(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """A table of numpy's arrays, or single values for all rows, by its names; NaN and missing columns are null."""
    shape = np.broadcast_shapes(*map(np.shape, columns.values()))
    arrays = ((field, np.broadcast_to(columns.get(field.name, np.nan), shape)) for field in schema)
    return pa.table([pa.array(array, field.type, from_pandas=True) for field, array in arrays], schema=schema)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of this project.

    `name` is its folder below the data folder, and the last part of its asset key. `version` is raised whenever the
    same input gives other rows, so that stored files are built again. `needs` are the columns it takes from its input.
    Dagster's preview shows the columns `preview`, or all that are not empty if there are none, with the rows ordered by
    `preview_order`: pairs of a column and `ascending` or `descending`.
    """

    name: str
    description: str
    schema: pa.Schema
    version: str
    needs: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    preview_order: tuple[tuple[str, str], ...] = ()
