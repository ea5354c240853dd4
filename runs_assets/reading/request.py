"""What a reading is asked for, and what it gives for each day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from runs_assets.days import DayRange
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.raw import RawDay
from runs_assets.storage.spool import Spool


@dataclass(frozen=True)
class ReadingRequest:
    """Which days of which source to read, into the files below which folder. `report` takes a line of progress."""

    source: str
    days: DayRange
    layout: Layout
    read_id: str
    clock: Callable[[], datetime]
    report: Callable[[str], None]

    def files(self, day: date) -> DayFiles:
        """The files of one of the days."""
        return DayFiles(self.layout, self.source, day)

    def spool(self, day: date) -> Spool:
        """A new spool for the rows of one of the days."""
        return Spool(self.layout.scratch(self.source) / f"{day}.jsonl")


@dataclass(frozen=True)
class StoredDay:
    """A day that has just become durable, and what reading it took.

    `window` is the part of the day that was asked for, `requests` those sent since the day before it was stored.
    """

    day: date
    raw: RawDay
    quarantined: int
    window: tuple[datetime, datetime]
    requests: int
    notes: tuple[str, ...]
