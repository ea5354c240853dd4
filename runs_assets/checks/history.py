"""What the files say of all days in reach of a source, reduced to what the facts are judged on."""

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

ABANDONED = ["run_id", "status", "raw_status", "created_at"]


@dataclass(frozen=True)
class FoundTable:
    """A day's table: what it was built from, how many runs it counts, whether it follows from the newest reading."""

    lineage: Lineage
    runs: int
    follows: bool


@dataclass(frozen=True)
class FoundRows:
    """The rows of a day's `runs`.

    `unknown` counts runs of no known status, by the platform's word. `abandoned` counts open runs that nobody waits
    for; `abandoned_sample` has the columns `ABANDONED` of the first of them. `id_hashes` has one hash for each run.
    """

    unknown: Mapping[str, int] = field(default_factory=dict)
    abandoned: int = 0
    abandoned_sample: pa.Table = field(default_factory=lambda: pa.table({}))
    id_hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))


@dataclass(frozen=True)
class FoundDay:
    """What the files say of a day.

    `damage` says, by data set, why a stored file cannot be used; `raw`, `tables` and `rows` have what can.
    `quarantined` counts rows that were set aside, by reason.
    """

    day: date
    raw: RawDay | None = None
    tables: Mapping[str, FoundTable] = field(default_factory=dict)
    rows: FoundRows | None = None
    quarantined: Mapping[str, int] = field(default_factory=dict)
    damage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """Every day in reach at `now`, newest first, and the runs that are stored more than once among all of them.

    `retention` is how far back the API answers, None if it keeps everything. `being_read` are days that another run is
    at work on, whose tables may be a moment behind. `repeated` has the schema `REPEATED`.
    """

    source: str
    now: datetime
    days: tuple[FoundDay, ...]
    retention: timedelta | None = None
    repeated: pa.Table = field(default_factory=REPEATED.empty_table)
    being_read: DayRange | None = None

    @property
    def runs(self) -> int:
        """How many rows all `runs` have that can be read."""
        return sum(found.tables[RUNS.name].runs for found in self.days if RUNS.name in found.tables)
