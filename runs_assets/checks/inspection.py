"""Inspecting the files of a source's days, one table in memory at a time.

A file that cannot be used is part of what is found: it stops nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.checks.outcome import SAMPLE_ROWS
from runs_assets.checks.repeats import id_hashes, repeated_runs
from runs_assets.checks.stored_days import ABANDONED, InspectedDay, StoredRuns, StoredTable
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.errors import StorageError
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import Versions, follows
from runs_assets.status import RunStatus
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.raw import RawDay, verified
from runs_assets.storage.tables import Lineage, load_table

RUNS_COLUMNS = ("run_id", "status", "raw_status", "is_terminal", "created_at")

T = TypeVar("T")


@dataclass(frozen=True)
class Inspection:
    """How a source's files are inspected; `versions` are the present code versions of its tables."""

    layout: Layout
    source: str
    versions: Versions
    rules: Rules

    def of(self, days: DayRange | None) -> tuple[InspectedDay, ...]:
        """What each day holds, newest first: every byte of the raw files, narrow columns of the tables.

        Raises `StorageError` if the disk refuses to list the files.
        """
        return tuple(_Day(self, day).inspected() for day in days.newest_first()) if days else ()

    def repeated(self, days: tuple[InspectedDay, ...]) -> pa.Table:
        """The runs that are stored more than once among all days, with schema `REPEATED`."""
        return repeated_runs({day.day: day.runs.id_hashes for day in days if day.runs}, self._ids_of)

    def _ids_of(self, day: date) -> pa.ChunkedArray:
        return load_table(self.layout, RUNS.name, self.source, day, ["run_id"])[0]["run_id"]


@dataclass(frozen=True)
class _Day:
    by: Inspection
    day: date
    damage: dict[str, str] = field(default_factory=dict)

    def inspected(self) -> InspectedDay:
        raw = self._usable(RAW_RUNS, lambda: verified(self.by.layout.day_file(RAW_RUNS, self.by.source, self.day)))
        quarantine = self._usable(QUARANTINE, lambda: load_quarantine(self.by.layout, self.by.source, self.day))
        tables, runs = {}, None
        for name in self.by.versions:
            if (loaded := self._loaded(name)) is not None:
                tables[name] = self._table(name, *loaded, raw)
                runs = self._runs(*loaded) if name == RUNS.name else runs
        reasons = Counter(str(line.get("reason")) for line in quarantine or [])
        return InspectedDay(self.day, raw, tables, runs, reasons, self.damage)

    def _usable(self, data_set: str, load: Callable[[], T]) -> T | None:
        """What `load` gives; None if nothing is stored, or if it cannot be used: then `damage` says why."""
        if not is_stored(self.by.layout.day_file(data_set, self.by.source, self.day)):
            return None
        try:
            return load()
        except StorageError as error:
            self.damage[data_set] = str(error)
            return None

    def _loaded(self, name: str) -> tuple[pa.Table, Lineage] | None:
        columns = RUNS_COLUMNS if name == RUNS.name else ["runs"]
        return self._usable(name, lambda: load_table(self.by.layout, name, self.by.source, self.day, columns))

    def _table(self, name: str, table: pa.Table, lineage: Lineage, raw: RawDay | None) -> StoredTable:
        runs: int = table.num_rows if name == RUNS.name else pc.sum(table["runs"]).as_py() or 0
        is_built = raw is not None and follows(lineage, raw, self.day, self.by.versions[name], self.by.rules)
        return StoredTable(lineage, runs, is_built)

    def _runs(self, runs: pa.Table, lineage: Lineage) -> StoredRuns:
        unknown = runs.filter(pc.equal(runs["status"], RunStatus.UNKNOWN.value))["raw_status"].value_counts()
        abandoned = runs.filter(self.by.rules.is_abandoned(runs, lineage.read)).select(ABANDONED)
        return StoredRuns(
            unknown={word["values"]: word["counts"] for word in unknown.to_pylist()},
            abandoned=abandoned.num_rows,
            abandoned_sample=abandoned.take(np.arange(min(SAMPLE_ROWS, abandoned.num_rows))),
            id_hashes=id_hashes(runs["run_id"]),
        )
