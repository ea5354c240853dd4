"""The stored days of one source, as everything that is judged over many days needs them.

The daily `failure_rates` are small and are all read; of `runs`, the narrow columns of the judged window and of the days
before it that serve as its baseline. A source is judged as of `read_until`, the latest instant up to which it was read:
so nothing about it changes while it cannot be read.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.days import EPOCH, DayRange, end_of, to_us
from runs_assets.status import RunStatus
from runs_assets.storage.layout import FAILURE_RATES, RUNS, Layout
from runs_assets.storage.tables import Lineage, load_table

if TYPE_CHECKING:
    import pandas as pd  # imported where it is used: every Dagster process would wait for it

BASELINE_DAYS = 28
"""How many days before a day say what is usual for it: four weeks, so that each weekday counts four times."""

RATES_COLUMNS = ["pipeline_id", "runs", "dry_runs", "succeeded", "failed"]
RUNS_COLUMNS = [
    "run_id",
    "pipeline_id",
    "pipeline_version",
    "status",
    "is_terminal",
    "created_at",
    "started_at",
    "finished_at",
    "observed_at",
    "duration_seconds",
    "site_id",
    "exit_code",
    "dry_run",
]


@dataclass(frozen=True)
class DayWorth:
    """What the reading of a stored day was worth.

    `is_whole` is whether it was seen whole after it was over, `is_final` whether it was settled, `seen_until` (UTC) up
    to which creation time its runs are known.
    """

    day: date
    is_whole: bool
    is_final: bool
    seen_until: datetime

    @classmethod
    def of(cls, day: date, lineage: Lineage) -> "DayWorth":
        """What a day's file says of itself."""
        read, end = lineage.read, end_of(day)
        is_whole = read.complete_as_of is not None and read.complete_as_of >= end
        return cls(day, is_whole, lineage.settled, end if is_whole else min(end, read.read_started_at))


@dataclass(frozen=True)
class History:
    """One source's stored days.

    `pipelines` are the ids (None where the platform names none) that the numbers in the columns `pipeline` stand for.
    `rates` has a row for each row of the daily `failure_rates`: `pipeline`, `day` (days since 1970-01-01), `runs`,
    `decided` and `failed`, all without dry runs. `runs` has the runs, without dry ones, that were created in `window`
    and in the `BASELINE_DAYS` before it: `RUNS_COLUMNS` without `dry_run`, with `pipeline` for `pipeline_id`, times in
    microseconds since the epoch (-1 where unknown), and `ended_at`: `finished_at`, or `created_at` where that is unknown
    or later.
    """

    source: str
    days: tuple[DayWorth, ...]
    pipelines: tuple[str | None, ...]
    rates: "pd.DataFrame"
    runs: "pd.DataFrame"
    window: DayRange

    @cached_property
    def read_until(self) -> datetime:
        """The latest instant up to which the source was read, UTC."""
        return max(day.seen_until for day in self.days)

    @cached_property
    def until_us(self) -> int:
        """`read_until` in microseconds since the epoch."""
        return to_us(self.read_until)

    @cached_property
    def decided(self) -> "pd.DataFrame":
        """The runs that succeeded or failed, each pipeline's in the order in which they ended, then by id; `failed`."""
        runs = self.runs[self.runs["status"].isin([RunStatus.SUCCEEDED, RunStatus.FAILED])]
        decided = runs.assign(failed=runs["status"] == RunStatus.FAILED)
        return decided.sort_values(["pipeline", "ended_at", "run_id"], ignore_index=True)


def load_history(layout: Layout, source: str, window_days: int) -> History | None:
    """What is stored of a source; None if nothing is. The window is the `window_days` days up to the newest stored one.

    Raises `StorageError` if a file cannot be read.
    """
    stored = layout.stored_days(FAILURE_RATES, source)
    if not stored:
        return None
    window = DayRange(stored[-1] - timedelta(days=window_days - 1), stored[-1])
    days, rates = _load_rates(layout, source, stored)
    read = DayRange(window.first - timedelta(days=BASELINE_DAYS), window.last)
    runs = pa.concat_tables([_real_runs(layout, source, day) for day in stored if day in read])
    return _history(source, days, rates, runs, window)


def _history(source: str, days: tuple[DayWorth, ...], rates: pa.Table, runs: pa.Table, window: DayRange) -> History:
    ids = pa.chunked_array([*rates["pipeline_id"].chunks, *runs["pipeline_id"].chunks], pa.string())
    known = pc.unique(ids).sort(null_placement="at_end")
    return History(source, days, tuple(known.to_pylist()), _numbered(rates, known), _numbered(runs, known), window)


def _numbered(table: pa.Table, pipelines: pa.Array) -> "pd.DataFrame":
    numbers = pc.index_in(table["pipeline_id"], value_set=pipelines)
    return table.drop_columns("pipeline_id").append_column("pipeline", numbers).to_pandas()


def _load_rates(layout: Layout, source: str, stored: list[date]) -> tuple[tuple[DayWorth, ...], pa.Table]:
    days, tables = [], []
    for day in stored:
        table, lineage = load_table(layout, FAILURE_RATES, source, day, RATES_COLUMNS)
        days.append(DayWorth.of(day, lineage))
        number = pa.array(np.full(table.num_rows, (day - EPOCH).days))
        real = pc.subtract(table["runs"], table["dry_runs"])
        decided = pc.add(table["succeeded"], table["failed"])
        columns = [table["pipeline_id"], number, real, decided, table["failed"]]
        tables.append(pa.table(columns, ["pipeline_id", "day", "runs", "decided", "failed"]))
    return tuple(days), pa.concat_tables(tables)


def _real_runs(layout: Layout, source: str, day: date) -> pa.Table:
    runs, _ = load_table(layout, RUNS, source, day, RUNS_COLUMNS)
    real = runs.filter(pc.invert(pc.fill_null(runs["dry_run"], fill_value=False))).drop_columns("dry_run")
    ended_at = pc.max_element_wise(real["finished_at"], real["created_at"])  # which passes over nulls
    real = real.append_column("ended_at", ended_at)
    for place, field in enumerate(real.schema):
        if pa.types.is_timestamp(field.type):
            real = real.set_column(place, field.name, pc.fill_null(real[field.name].cast(pa.int64()), -1))
    return real
