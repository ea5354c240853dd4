"""Inspecting the files of a source's days for the checks: all of what has changed, and a part of the rest in turn.

One table is in memory at a time. A file that cannot be used is part of what is found: it stops nothing.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.checks.earlier_runs import EarlierDay, EarlierRuns
from runs_assets.checks.outcome import SAMPLE_ROWS
from runs_assets.checks.stored_days import InspectedDay, StoredRuns, StoredTable
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.errors import NotStoredError, StorageError
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import Versions
from runs_assets.status import RunStatus
from runs_assets.storage.id_hashes import Hashes, are_among, id_hashes, joined, repeated
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.ledger import NOTHING, DayRow, Rows
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.raw import verified
from runs_assets.storage.tables import Lineage, load_table

log = logging.getLogger(__name__)
RUNS_COLUMNS = ("run_id", "status", "raw_status", "is_terminal", "created_at")
WORDS = ("status", "raw_status")
ABANDONED = ("run_id", "status", "raw_status", "created_at")
REPEATED = pa.schema(
    [("run_id", pa.string()), ("times", pa.int64()), ("first_day", pa.date32()), ("last_day", pa.date32())]
)
HASHED_AT_ONCE = 64 * 1024
IN_TURN = 28
"""In so many runs every file is read, also if none of them changes."""

T = TypeVar("T")


@dataclass(frozen=True)
class Inspection:
    """How a source's files are inspected; `versions` are the present code versions of its tables.

    A run reads every byte of the raw files and tables of these days: those of which a file is in another version than
    when it was inspected last, those of which a file could not be used, and of the others the 28th part that was
    inspected longest ago. Of the rest it says what was found then. So what is written is judged by the next run, and
    what changes on a disk beneath an unchanged version within 28 runs.
    """

    layout: Layout
    source: str
    versions: Versions
    rules: Rules

    def of(self, days: DayRange | None, rows: Rows, now: datetime) -> tuple[InspectedDay, ...]:
        """What each day holds at `now`, newest first; `rows` are what the ledger has of all stored days."""
        wanted = days.newest_first() if days else []
        remembered = {day: one for day, one in self._earlier_runs.load().items() if day in (days or ())}
        known = {day: one for day, one in remembered.items() if one.versions == rows.get(day, NOTHING).versions}
        known = {day: one for day, one in known.items() if not rows[day].in_doubt}
        # What was inspected by a clock that was ahead comes first.
        longest_ago = sorted(known, key=lambda day: (known[day].inspected_at <= now, known[day].inspected_at, day))
        for day in longest_ago[: -(-len(known) // IN_TURN)]:
            del known[day]
        found = {
            day: known[day].found if day in known else self._inspected(day, rows.get(day, NOTHING)) for day in wanted
        }
        fresh = {
            day: EarlierDay(one, rows[day].versions, now)
            for day, one in found.items()
            if day not in known and (row := rows.get(day, NOTHING)).versions and not (row.in_doubt or one.damage)
        }
        self._earlier_runs.store(known | fresh, changed=remembered.keys() - known.keys() | fresh.keys())
        return tuple(found.values())

    @cached_property
    def _earlier_runs(self) -> EarlierRuns:
        return EarlierRuns(self.layout, self.source, self.rules.give_up_after)

    def repeated(self, days: tuple[InspectedDay, ...]) -> pa.Table:
        """The runs that are stored more than once among all days, with schema `REPEATED`."""
        hashes = {day.day: np.frombuffer(day.runs.id_hashes, np.uint64) for day in days if day.runs}
        return repeated_runs(hashes, self._ids_of)

    def _ids_of(self, day: date) -> pa.ChunkedArray:
        try:
            return load_table(self.layout, RUNS.name, self.source, day, ["run_id"])[0]["run_id"]
        except StorageError as error:  # it has changed since it was inspected
            log.warning("Runs of %s on %s that are stored more than once are not named. %s", self.source, day, error)
            return pa.chunked_array([], pa.string())

    def _inspected(self, day: date, row: DayRow) -> InspectedDay:
        damage: dict[str, str] = {}

        def usable(data_set: str, load: Callable[[], T]) -> T | None:
            """What `load` gives; None if nothing is stored, or if it cannot be used: then `damage` says why."""
            try:
                return load() if data_set in row.versions or row.in_doubt else None
            except NotStoredError:
                return None
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
                table, lineage = loaded
                count = table.num_rows if name == RUNS.name else pc.sum(table["runs"]).as_py() or 0
                tables[name] = StoredTable(lineage, count)
                runs = self._runs(*loaded) if name == RUNS.name else runs
        reasons = Counter(str(line.get("reason")) for line in quarantine or [])
        return InspectedDay(day, raw, tables, runs, reasons, damage)

    def _runs(self, runs: pa.Table, lineage: Lineage) -> StoredRuns:
        unknown = runs.filter(pc.equal(runs["status"], RunStatus.UNKNOWN.value))["raw_status"].value_counts()
        abandoned = runs.filter(self.rules.is_abandoned(runs, lineage.read)).select(ABANDONED)
        return StoredRuns(
            unknown={word["values"]: word["counts"] for word in unknown.to_pylist()},
            abandoned=abandoned.num_rows,
            abandoned_sample=abandoned.slice(0, SAMPLE_ROWS).to_pylist(),
            id_hashes=hashes_of(runs["run_id"]).tobytes(),
        )


def hashes_of(ids: pa.ChunkedArray) -> Hashes:
    """A hash of each id; some are hashed at a time, which takes a few times their memory."""
    parts = (ids.slice(start, HASHED_AT_ONCE) for start in range(0, len(ids), HASHED_AT_ONCE))
    return joined(id_hashes(chunk) for part in parts for chunk in part.chunks)


def repeated_runs(hashes: Mapping[date, Hashes], ids_of: Callable[[date], pa.ChunkedArray]) -> pa.Table:
    """Each run that occurs more than once, within a day or under two days, with schema `REPEATED`, sorted by id.

    A run takes 8 bytes: a hash of its id. Only where a hash occurs twice are the ids themselves compared.
    `hashes` are those of each day's ids; `ids_of` gives the ids of a day whose hashes are suspicious.
    """
    suspects = repeated(hashes.values())
    if not len(suspects):
        return REPEATED.empty_table()
    found = [_having(suspects, ids_of(day), day) for day, own in hashes.items() if are_among(own, suspects).true_count]
    grouped = pa.concat_tables(found).group_by("run_id").aggregate([("day", "count"), ("day", "min"), ("day", "max")])
    counted = pa.table([grouped[name] for name in ("run_id", "day_count", "day_min", "day_max")], schema=REPEATED)
    return counted.filter(pc.greater(counted["times"], 1)).sort_by("run_id")


def _having(suspects: Hashes, ids: pa.ChunkedArray, day: date) -> pa.Table:
    chosen = ids.filter(are_among(hashes_of(ids), suspects))
    return pa.table({"run_id": chosen, "day": pa.array([day] * len(chosen), pa.date32())})
