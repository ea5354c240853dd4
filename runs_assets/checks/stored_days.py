"""What the files hold of all days in reach of a source, reduced to what the checks need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from runs_assets.checks.repeats import REPEATED, Hashes
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.storage.raw import RawDay
from runs_assets.storage.tables import Lineage

ABANDONED = ("run_id", "status", "raw_status", "created_at")


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

    unknown: Mapping[str, int] = field(default_factory=dict)
    abandoned: int = 0
    abandoned_sample: pa.Table = field(default_factory=lambda: pa.table({}))
    id_hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))


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
    retention: timedelta | None = None
    repeated: pa.Table = field(default_factory=REPEATED.empty_table)
    being_read: DayRange | None = None

    @property
    def run_count(self) -> int:
        """How many rows all readable `runs` files have."""
        return sum(day.tables[RUNS.name].runs for day in self.days if RUNS.name in day.tables)
