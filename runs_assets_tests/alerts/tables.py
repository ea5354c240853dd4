"""Verdict tables stored from rows written by hand: what is not given is null, or zero where it must not be."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from runs_assets.storage.layout import Layout
from runs_assets.verdicts.tables import VERDICT_TABLES, store_verdicts

TABLES = {table.name: table for table in VERDICT_TABLES}


def store_rows(layout: Layout, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a verdict table by these rows."""
    schema = TABLES[table].schema
    filled = [{field.name: row.get(field.name, _least(field, row)) for field in schema} for row in rows]
    store_verdicts(layout, TABLES[table], pa.Table.from_pylist(filled, schema=schema), {})


def _least(field: pa.Field, row: Mapping[str, Any]) -> Any:
    if field.nullable:
        return None
    if pa.types.is_timestamp(field.type):
        return row["source_read_until"]
    if pa.types.is_string(field.type):
        return ""
    return False if pa.types.is_boolean(field.type) else 0
