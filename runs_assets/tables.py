"""How a table is declared: once, beside the function that computes it.

The Parquet files, the casting of rows, the columns and previews in Dagster, the checks and the tables of the READMEs
are all derived from these declarations.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

Frame: TypeAlias = "pd.DataFrame"
"""For annotations: pandas is imported only where it is called, or every Dagster process would wait for it."""

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
