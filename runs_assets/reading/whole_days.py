"""Reading a range of days from a client into the raw files, each day durable as soon as the walk has passed it.

The walk is newest first. Rows are spooled per day as pages arrive; a day is merged and stored once the pager vouches
that everything in it has been shown. A failed page ends the reading: the day it was in stays as it was before, days
already stored stay stored.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from runs_assets.days import DAY_US, DayRange, day_of_us, end_of, iso, start_of, to_us
from runs_assets.errors import OutOfReachError
from runs_assets.paging.page import NO_TIME, pages
from runs_assets.reading.client import RunsClient
from runs_assets.reading.rows import RunPage
from runs_assets.settling.reach import Reach
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.quarantine import store_quarantine
from runs_assets.storage.raw import RawDay
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool

PROGRESS_SECONDS = 10.0
REMEMBERED_PAGES = 2


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


@dataclass
class DayReading:
    """Reads `days` of `source` with `client` into the files below `layout`; iterate it to make it happen.

    Raises `OutOfReachError` before anything is touched; whatever the client raises, later. `report` takes a line of
    progress after the first page that ends 10 seconds or more after the line before.
    """

    client: RunsClient
    source: str
    days: DayRange
    layout: Layout
    first_day: date
    retention: timedelta | None
    read_id: str
    clock: Callable[[], datetime]
    report: Callable[[str], None]
    monotonic: Callable[[], float] = time.monotonic
    shown: int = 0
    page_count: int = 0
    _spools: dict[date, Spool] = field(default_factory=dict)
    _bad: dict[date, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _quarantined: dict[date, int] = field(default_factory=dict)
    _notes: dict[date, list[str]] = field(default_factory=dict)
    _stored: set[date] = field(default_factory=set)
    _recent: deque[RunPage] = field(default_factory=lambda: deque(maxlen=REMEMBERED_PAGES))

    def __iter__(self) -> Iterator[StoredDay]:
        self._began = self.clock()
        reach = Reach(self._began, self.first_day, self.retention)
        self._start = reach.start_for(self.days)
        self._pager = self.client.pager(to_us(self._start), to_us(self.days.end))
        self._since = self._told = self.monotonic()
        self._counted = self.client.requests
        self._open = self.days.newest_first()
        self._mark_us = self._pager.mark_us
        with ExitStack() as stack:
            stack.callback(self._close_spools)
            for page in pages(self._pager, self._fetch):
                self._begin_again_if_told()
                self._take(page)
                yield from self._store_stragglers()
                yield from self._store_passed()
                self._report()

    def _begin_again_if_told(self) -> None:
        """Take back the verdict on days stored on the strength of an order that does not hold; they come again."""
        if self._pager.mark_us > self._mark_us:
            for day in sorted(self._stored):
                self._store(day, is_vouched=False)
            self._open = self.days.newest_first()
            self._stored.clear()
        self._mark_us = self._pager.mark_us

    def _fetch(self, ask: Any) -> RunPage:
        limit = None if self.retention is None else self.clock() - self.retention
        if limit is not None and self._start < limit:
            raise OutOfReachError(
                f"The reading took so long that {iso(self._start)} fell out of what the API still answers "
                f"({self.retention}). Days already stored stay; ask again for the rest."
            )
        return self.client.fetch(ask)

    def _take(self, page: RunPage) -> None:
        """Spool the page's rows by day; rows already stored with their day only if they show something new."""
        self.page_count += 1
        day_numbers = np.where(page.created_us == NO_TIME, NO_TIME, page.created_us // DAY_US)
        inside = (page.created_us >= to_us(self._start)) & (page.created_us < to_us(self.days.end))
        for number in np.unique(day_numbers[inside])[::-1]:
            day = day_of_us(int(number) * DAY_US)
            keys, rows = page.good_rows(np.flatnonzero(inside & (day_numbers == number)))
            if day in self._stored:
                keys, rows = self._changed(keys, rows)
            if keys:
                self._spool(day).append(keys, rows, page.observed_at)
                self.shown += len(keys)
        self._recent.append(page)
        self._set_aside(page)

    def _set_aside(self, page: RunPage) -> None:
        """Keep each bad row with its day: that of its own time, else of the row before it, else of the first after."""
        for index, trace in page.bad.items():
            before = page.created_us[: index + 1]
            usable = np.concatenate([page.times_us[:1], before[before != NO_TIME]])
            if len(usable) and to_us(self._start) <= usable[-1] < to_us(self.days.end):
                self._bad.setdefault(day_of_us(int(usable[-1])), {})[page.keys[index]] = trace

    def _changed(self, keys: list[str], rows: list[bytes]) -> tuple[list[str], list[bytes]]:
        """Those of some rows that the pages before, which overlap with this one, did not show exactly so."""
        known = {key: row for page in self._recent for key, row in zip(page.keys, page.rows, strict=True)}
        changed = [(key, row) for key, row in zip(keys, rows, strict=True) if known.get(key) != row]
        return [key for key, _ in changed], [row for _, row in changed]

    def _spool(self, day: date) -> Spool:
        if day not in self._spools:
            self._spools[day] = Spool(self.layout.scratch(self.source) / f"{day}.jsonl")
        return self._spools[day]

    def _store_passed(self) -> Iterator[StoredDay]:
        while self._open and self._pager.mark_us <= max(to_us(start_of(self._open[0])), to_us(self._start)):
            yield self._store(self._open.pop(0))

    def _store_stragglers(self) -> Iterator[StoredDay]:
        """Merge what turned up for a day after it was stored, at once: the reading may fail later."""
        newly_bad = {day for day in self._stored if len(self._bad.get(day, {})) > self._quarantined[day]}
        for day in sorted(self._stored & self._spools.keys() | newly_bad, reverse=True):
            yield self._store(day)

    def _store(self, day: date, *, is_vouched: bool = True) -> StoredDay:
        spool = self._spool(day)
        bad = list(self._bad.get(day, {}).values())
        is_clipped = self._start > start_of(day)
        files = DayFiles(self.layout, self.source, day)
        report = partial(self._tell, day)
        store_quarantine(files, bad, read_id=self.read_id, add=is_clipped, report=report)
        is_whole = is_vouched and self._pager.is_complete and not is_clipped and end_of(day) <= self._began
        read = Read(self.read_id, self._began, self._began if is_whole else None)
        id_field = self.client.shape.id_field
        raw = store_day(files, spool, read, id_field, is_part=is_clipped, report=report)
        self._spools.pop(day).close()
        self._stored.add(day)
        self._quarantined[day] = len(bad)
        requests, self._counted = self.client.requests - self._counted, self.client.requests
        window = (max(self._start, start_of(day)), min(end_of(day), max(self._began, start_of(day))))
        return StoredDay(day, raw, len(bad), window, requests, (*self._pager.notes, *self._notes.get(day, [])))

    def _tell(self, day: date, note: str) -> None:
        self._notes.setdefault(day, []).append(note)
        self.report(f"{self.source}, {day}: {note}")

    def _report(self) -> None:
        now = self.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            rate = self.shown / (now - self._since)
            self.report(
                f"{self.source}: {len(self._stored)} of {len(self.days)} days done, {self.shown:,} runs, "
                f"{self.page_count:,} pages, {rate:,.0f} runs/s"
            )

    def _close_spools(self) -> None:
        for spool in self._spools.values():
            spool.close()
