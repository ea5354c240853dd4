"""Verdict tables stored from rows written by hand: what is not given is null, or zero where it must not be."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from runs_assets.storage.layout import Layout
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS
from runs_assets.verdicts.hanging_runs import HANGING_RUNS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.verdicts.stored import BuiltFrom, store_verdicts

SCHEMAS = {
    "failure_trends": FAILURE_TRENDS,
    "hanging_runs": HANGING_RUNS,
    "outages": OUTAGES,
    "pipeline_health": PIPELINE_HEALTH,
    "silences": SILENCES,
}


def store_rows(layout: Layout, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a verdict table by these rows."""
    schema = SCHEMAS[table]
    filled = [{field.name: row.get(field.name, _least(field, row)) for field in schema} for row in rows]
    store_verdicts(layout, table, pa.Table.from_pylist(filled, schema=schema), BuiltFrom({}, "1"))


def _least(field: pa.Field, row: Mapping[str, Any]) -> Any:
    if field.nullable:
        return None
    if pa.types.is_timestamp(field.type):
        return row["source_read_until"]
    if pa.types.is_string(field.type):
        return ""
    return False if pa.types.is_boolean(field.type) else 0
