"""`runs`: a day's raw rows in the columns that all sources share."""

from datetime import date

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.daily.table import DailyTable
from runs_assets.normalizing.columns import raw_rows
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.settling.rules import Rules
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.raw import blocks, stat_day
from runs_assets.storage.tables import Lineage, load_table


def normalized(source: Source, day: date, layout: Layout, rules: Rules) -> tuple[pa.Table, Lineage]:
    """A day's rows with the schema `RUNS_SCHEMA`, and what they were built from."""
    stored = layout.day_file(RAW_RUNS, source.name, day)
    read = stat_day(stored).read
    tables, assumed_utc, unreadable = [RUNS_SCHEMA.empty_table()], 0, 0
    for rows in (raw_rows(lines, source.shape) for lines in blocks(stored)):
        tables.append(source.normalize(rows))
        assumed_utc, unreadable = assumed_utc + rows.assumed_utc, unreadable + rows.unreadable_times
    table = pa.concat_tables(tables)
    ended: int = pc.sum(table["is_terminal"]).as_py() or 0
    open_runs = table.num_rows - ended
    is_settled = rules.is_settled(day, read, open_runs)
    return table, Lineage(read, open_runs, is_settled, source.normalizer_version, assumed_utc, unreadable)


def open_run_ids(layout: Layout, source: str, day: date) -> list[str]:
    """The ids of a day's runs that have not ended; raises `StorageError` if the day has no `runs`."""
    runs, _ = load_table(layout, RUNS.name, source, day, ["run_id", "is_terminal"])
    ids: list[str] = runs.filter(pc.invert(runs["is_terminal"]))["run_id"].to_pylist()
    return ids


RUNS = DailyTable(
    name="runs",
    description=(
        "The same runs, one row each, in the columns that all sources share. Built from the raw file without asking "
        "the API, for any stored day, however long ago."
    ),
    schema=RUNS_SCHEMA,
    version="",  # the normalizers have versions of their own
    built_from=RAW_RUNS,
    build=lambda _, *day: (*normalized(*day), {}),
)
