"""What the files hold of all days in reach of a source, reduced to what the checks need.

One table is in memory at a time. A file that cannot be used is part of what is found: it stops nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.checks.outcome import SAMPLE_ROWS
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.errors import StorageError
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import Versions, follows
from runs_assets.status import RunStatus
from runs_assets.storage.id_hashes import Hashes, id_hashes, joined, repeated
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.ledger import BuiltTable
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.raw import RawDay, verified
from runs_assets.storage.tables import Lineage, load_table

RUNS_COLUMNS = ("run_id", "status", "raw_status", "is_terminal", "created_at")
WORDS = ("status", "raw_status")
ABANDONED = ("run_id", "status", "raw_status", "created_at")
REPEATED = pa.schema(
    [("run_id", pa.string()), ("times", pa.int64()), ("first_day", pa.date32()), ("last_day", pa.date32())]
)

T = TypeVar("T")


@dataclass(frozen=True)
class StoredTable:
    """A day's table: what it was built from, how many runs it counts, whether it follows from the newest reading."""

    lineage: Lineage
    runs: int
    follows: bool


@dataclass(frozen=True)
class StoredRuns:
    """The rows of a day's `runs`.

    `unknown` counts runs of unknown status, by the platform's word. `abandoned` counts abandoned runs;
    `abandoned_sample` has the columns `ABANDONED` of the first of them. `id_hashes` has one hash per run.
    """

    unknown: Mapping[str, int]
    abandoned: int
    abandoned_sample: Sequence[Mapping[str, Any]]
    id_hashes: Hashes


@dataclass(frozen=True)
class InspectedDay:
    """What the files hold of a day.

    `damage` says, by data set, why a stored file cannot be used; `raw`, `tables` and `runs` hold what can.
    `quarantined` counts quarantined rows, by reason.
    """

    day: date
    raw: RawDay | None = None
    tables: Mapping[str, StoredTable] = field(default_factory=dict)
    runs: StoredRuns | None = None
    quarantined: Mapping[str, int] = field(default_factory=dict)
    damage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredDays:
    """Every day in reach at `now`, newest first, and the runs that are stored more than once among all of them.

    `retention` is how far back the API answers, None if it keeps everything. `being_read` are days that another run is
    working on, whose tables may be a moment behind. `repeated` has the schema `REPEATED`.
    """

    source: str
    now: datetime
    days: tuple[InspectedDay, ...]
    retention: timedelta | None
    repeated: pa.Table
    being_read: DayRange | None

    @property
    def run_count(self) -> int:
        """How many rows all readable `runs` files have."""
        return sum(day.tables[RUNS.name].runs for day in self.days if RUNS.name in day.tables)


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
        stored = {name: self.layout.entries(name, self.source) for name in (RAW_RUNS, QUARANTINE, *self.versions)}
        return tuple(
            self._inspected(day, {name for name, found in stored.items() if day in found})
            for day in (days.newest_first() if days else ())
        )

    def repeated(self, days: tuple[InspectedDay, ...]) -> pa.Table:
        """The runs that are stored more than once among all days, with schema `REPEATED`."""
        return repeated_runs({day.day: day.runs.id_hashes for day in days if day.runs}, self._ids_of)

    def _ids_of(self, day: date) -> pa.ChunkedArray:
        return load_table(self.layout, RUNS.name, self.source, day, ["run_id"])[0]["run_id"]

    def _inspected(self, day: date, stored: Collection[str]) -> InspectedDay:
        damage: dict[str, str] = {}

        def usable(data_set: str, load: Callable[[], T]) -> T | None:
            """What `load` gives; None if nothing is stored, or if it cannot be used: then `damage` says why."""
            try:
                return load() if data_set in stored else None
            except StorageError as error:
                damage[data_set] = str(error)
                return None

        raw = usable(RAW_RUNS, lambda: verified(self.layout.day_file(RAW_RUNS, self.source, day)))
        quarantine = usable(QUARANTINE, lambda: load_quarantine(self.layout, self.source, day))
        tables, runs = {}, None
        for name in self.versions:
            columns = RUNS_COLUMNS if name == RUNS.name else ("runs",)
            load = partial(load_table, self.layout, name, self.source, day, columns, repeating=WORDS)
            loaded = usable(name, load)
            if loaded is not None:
                tables[name] = self._table(name, day, *loaded, raw)
                runs = self._runs(*loaded) if name == RUNS.name else runs
        reasons = Counter(str(line.get("reason")) for line in quarantine or [])
        return InspectedDay(day, raw, tables, runs, reasons, damage)

    def _table(self, name: str, day: date, table: pa.Table, lineage: Lineage, raw: RawDay | None) -> StoredTable:
        runs: int = table.num_rows if name == RUNS.name else pc.sum(table["runs"]).as_py() or 0
        saw_late_runs = raw is not None and self.rules.saw_late_runs(day, raw.read)
        is_built = raw is not None and follows(BuiltTable.of(lineage, raw), self.versions[name], saw_late_runs)
        return StoredTable(lineage, runs, is_built)

    def _runs(self, runs: pa.Table, lineage: Lineage) -> StoredRuns:
        unknown = runs.filter(pc.equal(runs["status"], RunStatus.UNKNOWN.value))["raw_status"].value_counts()
        abandoned = runs.filter(self.rules.is_abandoned(runs, lineage.read)).select(ABANDONED)
        return StoredRuns(
            unknown={word["values"]: word["counts"] for word in unknown.to_pylist()},
            abandoned=abandoned.num_rows,
            abandoned_sample=abandoned.slice(0, SAMPLE_ROWS).to_pylist(),
            id_hashes=hashes_of(runs["run_id"]),
        )


def hashes_of(ids: pa.ChunkedArray) -> Hashes:
    """A hash of each id; a part of them at a time becomes a list."""
    return joined(id_hashes(part.to_pylist()) for part in ids.chunks)


def repeated_runs(hashes: Mapping[date, Hashes], ids_of: Callable[[date], pa.ChunkedArray]) -> pa.Table:
    """Each run that occurs more than once, within a day or under two days, with schema `REPEATED`, sorted by id.

    A run takes 8 bytes: a hash of its id. Only where a hash occurs twice are the ids themselves compared.
    `hashes` are those of each day's ids; `ids_of` gives the ids of a day whose hashes are suspicious.
    """
    suspects = repeated(joined(hashes.values()))
    if not len(suspects):
        return REPEATED.empty_table()
    found = [_having(suspects, ids_of(day), day) for day, own in hashes.items() if np.isin(own, suspects).any()]
    grouped = pa.concat_tables(found).group_by("run_id").aggregate([("day", "count"), ("day", "min"), ("day", "max")])
    counted = pa.table([grouped[name] for name in ("run_id", "day_count", "day_min", "day_max")], schema=REPEATED)
    return counted.filter(pc.greater(counted["times"], 1)).sort_by("run_id")


def _having(suspects: Hashes, ids: pa.ChunkedArray, day: date) -> pa.Table:
    chosen = ids.filter(pa.array(np.isin(hashes_of(ids), suspects)))
    return pa.table({"run_id": chosen, "day": pa.array([day] * len(chosen), pa.date32())})
