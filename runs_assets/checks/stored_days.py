"""What the files hold of all days in reach of a source, reduced to what the checks need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import Versions, follows
from runs_assets.storage.ledger import BuiltTable
from runs_assets.storage.raw import RawDay
from runs_assets.storage.tables import Lineage


@dataclass(frozen=True)
class StoredTable:
    """A day's table: what it was built from, and how many runs it counts."""

    lineage: Lineage
    runs: int


@dataclass(frozen=True)
class StoredRuns:
    """The rows of a day's `runs`.

    `unknown` counts runs of unknown status, by the platform's word. `abandoned` counts abandoned runs;
    `abandoned_sample` has `run_id`, `status`, `raw_status` and `created_at` of the first of them. `id_hashes` has
    8 bytes for each run.
    """

    unknown: Mapping[str, int]
    abandoned: int
    abandoned_sample: Sequence[Mapping[str, Any]]
    id_hashes: bytes


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

    `versions` are the present code versions of the tables. `retention` is how far back the API answers, None if it
    keeps everything. `being_read` are days that another run is working on, whose tables may be a moment behind.
    `repeated` has the columns `run_id`, `times`, `first_day` and `last_day`.
    """

    source: str
    now: datetime
    versions: Versions
    rules: Rules
    days: tuple[InspectedDay, ...]
    retention: timedelta | None
    repeated: pa.Table
    being_read: DayRange | None

    @property
    def run_count(self) -> int:
        """How many rows all readable `runs` files have."""
        return sum(day.tables[RUNS.name].runs for day in self.days if RUNS.name in day.tables)

    def follows(self, day: InspectedDay, table: str) -> bool:
        """Whether a day's table was built from its newest reading, by the present code and rules."""
        if day.raw is None:
            return False
        built = BuiltTable.of(day.tables[table].lineage, day.raw)
        return follows(built, self.versions[table], self.rules.saw_late_runs(day.day, day.raw.read))
