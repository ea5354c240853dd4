"""What a reading needs, a client and a request for some days, and what it gives for each day."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, Self, runtime_checkable

from runs_assets.days import DayRange
from runs_assets.paging.page import Pager
from runs_assets.reading.rows import RunPage
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.raw import RawDay
from runs_assets.storage.spool import Spool


class RunsClient(AbstractContextManager["RunsClient"], Protocol):
    """A client of the API at `base_url` that lists runs, for use in a `with` block.

    `requests` counts those that were sent so far, retries included.
    """

    base_url: str
    requests: int

    def pager(self, start_us: int, end_us: int) -> Pager[Any]:
        """A pager over the runs created in [start_us, end_us)."""

    def fetch(self, ask: Any) -> RunPage:
        """The page that answers one of the pager's requests."""

    def stop(self) -> None:
        """Bring a `fetch` of another thread to an end at once, and refuse those after it."""

    def another(self) -> Self:
        """A client of its own, with connections of its own, for the same account; it is not entered yet."""


@runtime_checkable
class SingleRunClient(RunsClient, Protocol):
    """A client whose API can be asked for one run."""

    def fetch_run(self, run_id: str) -> RunPage:
        """The page of a single run, empty if the API no longer shows it."""


@dataclass(frozen=True)
class ReadingRequest:
    """Which days of which source to read, into the files below which folder.

    `id_field` is the field of a row that identifies its run; `report` takes a line of progress.
    """

    source: str
    id_field: str
    days: DayRange
    layout: Layout
    clock: Callable[[], datetime]
    report: Callable[[str], None]
    read_id: str = field(default_factory=lambda: str(uuid.uuid4()))

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
