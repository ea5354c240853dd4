"""Stored days as the assets leave them, made from columns: for histories that no API has to serve first."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES, failure_rates
from runs_assets.daily.runs import RUNS
from runs_assets.days import end_of
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage
from runs_assets_tests.storage.tables_of_days import store_table


def runs_table(columns: Mapping[str, Any]) -> pa.Table:
    """The `runs` of a day: what is not given is null, or follows from the times and the status."""
    table = pa.table({name: pa.array(values, RUNS_SCHEMA.field(name).type) for name, values in columns.items()})
    rows = table.num_rows
    ended = pc.is_in(table["status"], pa.array(["succeeded", "failed", "cancelled"]))
    filled = {
        "raw_status": table["status"],
        "is_terminal": ended,
        "observed_at": table["created_at"],
        "started_at": table["created_at"],
    } | {name: table[name] for name in table.column_names}
    if "finished_at" in filled:
        took = pc.subtract(filled["finished_at"], filled["started_at"]).cast(pa.int64())
        filled.setdefault("duration_seconds", pc.divide(took.cast(pa.float64()), 1e6))
    return pa.table([filled.get(field.name, pa.nulls(rows, field.type)) for field in RUNS_SCHEMA], schema=RUNS_SCHEMA)


def store_runs(layout: Layout, source: str, day: date, runs: pa.Table, read_at: datetime, *, settled: bool) -> None:
    """Store a day's `runs` and `failure_rates`, read at `read_at`; whole if that is after the day's end."""
    read = Read(f"read-{day}", read_at, read_at if read_at >= end_of(day) else None)
    lineage = Lineage(read, pc.sum(pc.invert(runs["is_terminal"])).as_py() or 0, settled, "1")
    store_table(layout, RUNS.name, source, day, runs, lineage)
    store_table(layout, FAILURE_RATES.name, source, day, failure_rates(runs, is_final=settled), lineage)
