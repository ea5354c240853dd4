"""Looking at the files of a source's days, of which one table is held at a time.

A file that cannot be used is part of what is found: it stops nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.checks.finding import SAMPLE_ROWS
from runs_assets.checks.history import ABANDONED, FoundDay, FoundRows, FoundTable
from runs_assets.checks.repeats import id_hashes, repeated_runs
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.errors import StorageError
from runs_assets.settling.abandoned import is_abandoned
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import Versions, follows
from runs_assets.status import RunStatus
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.raw import RawDay, verified
from runs_assets.storage.tables import Lineage, load_table

RUNS_COLUMNS = ["run_id", "status", "raw_status", "is_terminal", "created_at"]
COUNTS_COLUMNS = ["runs"]

T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """A look at a source's files; `versions` are the present code versions of its tables."""

    layout: Layout
    source: str
    versions: Versions
    rules: Rules

    def at_days(self, days: DayRange | None) -> tuple[FoundDay, ...]:
        """What is found of each day, newest first: every byte of the raw files, narrow columns of the tables.

        Raises `StorageError` if the disk does not tell what is stored.
        """
        return tuple(self._at_day(day) for day in days.newest_first()) if days else ()

    def repeated(self, found: tuple[FoundDay, ...]) -> pa.Table:
        """The runs that are stored more than once among all days, with schema `REPEATED`."""
        return repeated_runs({day.day: day.rows.id_hashes for day in found if day.rows}, self._ids_of)

    def _ids_of(self, day: date) -> pa.ChunkedArray:
        return load_table(self.layout, RUNS.name, self.source, day, ["run_id"])[0]["run_id"]

    def _at_day(self, day: date) -> FoundDay:
        damage: dict[str, str] = {}
        raw = self._usable(RAW_RUNS, day, damage, lambda: verified(self.layout.day_file(RAW_RUNS, self.source, day)))
        aside = self._usable(QUARANTINE, day, damage, lambda: load_quarantine(self.layout, self.source, day))
        tables, rows = {}, None
        for dataset in self.versions:
            found = self._table(dataset, day, damage)
            if found is None:
                continue
            table, lineage = found
            tables[dataset] = self._found_table(dataset, table, lineage, raw, day)
            rows = self._found_rows(table, lineage) if dataset == RUNS.name else rows
        reasons = Counter(str(line.get("reason")) for line in aside or [])
        return FoundDay(day, raw, tables, rows, reasons, damage)

    def _usable(self, dataset: str, day: date, damage: dict[str, str], load: Callable[[], T]) -> T | None:
        """What `load` gives; None if nothing is stored, or if it cannot be used, which `damage` then tells."""
        if not is_stored(self.layout.day_file(dataset, self.source, day)):
            return None
        try:
            return load()
        except StorageError as error:
            damage[dataset] = str(error)
            return None

    def _table(self, dataset: str, day: date, damage: dict[str, str]) -> tuple[pa.Table, Lineage] | None:
        columns = RUNS_COLUMNS if dataset == RUNS.name else COUNTS_COLUMNS
        return self._usable(dataset, day, damage, lambda: load_table(self.layout, dataset, self.source, day, columns))

    def _found_table(
        self, dataset: str, table: pa.Table, lineage: Lineage, raw: RawDay | None, day: date
    ) -> FoundTable:
        runs: int = table.num_rows if dataset == RUNS.name else pc.sum(table["runs"]).as_py() or 0
        is_built = raw is not None and follows(lineage, raw, day, self.versions[dataset], self.rules)
        return FoundTable(lineage, runs, is_built)

    def _found_rows(self, runs: pa.Table, lineage: Lineage) -> FoundRows:
        unknown = runs.filter(pc.equal(runs["status"], RunStatus.UNKNOWN.value))["raw_status"].value_counts()
        abandoned = runs.filter(is_abandoned(runs, lineage.read, self.rules)).select(ABANDONED)
        return FoundRows(
            unknown={word["values"]: word["counts"] for word in unknown.to_pylist()},
            abandoned=abandoned.num_rows,
            abandoned_sample=abandoned.take(np.arange(min(SAMPLE_ROWS, abandoned.num_rows))),
            id_hashes=id_hashes(runs["run_id"]),
        )
