"""Reading a range of days from a client into the raw files, each day durable as soon as the walk has passed it.

A walk is newest first, and several may read a part of the days each, side by side. Rows are spooled per day as pages
arrive; a day is merged and stored once the pager of its walk vouches that all of it has been shown. A failed page
ends the reading: days not yet passed stay as they were before, days already stored stay stored.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from runs_assets.days import DAY_US, SECOND_US, day_of_us, end_of, iso, start_of, to_us
from runs_assets.errors import OutOfReachError
from runs_assets.paging.page import NO_TIME, Pager, pages
from runs_assets.reading.request import ReadingRequest, RunsClient, StoredDay
from runs_assets.reading.rows import RunPage
from runs_assets.settling.reach import Reach
from runs_assets.storage.ledger import doubt
from runs_assets.storage.merging import store_day
from runs_assets.storage.quarantine import store_quarantine
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool

PROGRESS_SECONDS = 10.0


def read_days(
    client: RunsClient,
    request: ReadingRequest,
    first_day: date,
    retention: timedelta | None,
    *,
    windows: int = 1,
    monotonic: Callable[[], float] = time.monotonic,
) -> Generator[StoredDay, None, None]:
    """Read the requested days; each is stored before it is yielded, and may be yielded again.

    They are read in as many `windows` side by side as there are days for, each newest first. `first_day` and
    `retention` limit what can be asked for. Raises `OutOfReachError` before anything is changed; whatever the client
    raises, later. Progress is reported after the first page that ends 10 seconds or more after the last report.
    """
    reach = Reach(request.clock(), first_day, retention)
    reach.start_for(request.days)  # raises for all of them, not for a part
    doubt(request.layout, request.source, request.days)
    begun = reported = monotonic()
    with ExitStack() as parts:
        stops = ExitStack()
        walks: list[_Walk] = []
        for days in request.days.parts(windows):
            its_client = parts.enter_context(client.another()) if walks else client
            stops.callback(its_client.stop)
            walk = _Walk(its_client, replace(request, days=days), reach)
            walks.append(parts.enter_context(closing(walk)))
        fetched = parts.enter_context(closing(pages([(copy(walk.pager), walk.fetch) for walk in walks], stops.close)))
        for number, (place, page, pager) in enumerate(fetched, start=1):
            walks[place].follow(pager)
            newer = {key for walk in walks if walk is not walks[place] for key in walk.known(page.observed_at)}
            for walk in walks:  # at the edges of its window, a page may show what is another's
                yield from walk.take(page, newer)
            walks[place].remember(page)
            if (now := monotonic()) - reported >= PROGRESS_SECONDS:
                reported = now
                request.report(_progress(request, walks, number, now - begun))


@dataclass
class _Walk:
    """The reading of a window under way: rows not yet stored, by day, and the days still `pending`, newest first.

    `pager` is as of the last page; `remembered` are its last two pages, and those with runs of its newest second, which
    the window after it shows, too; without empty ones.
    """

    client: RunsClient
    request: ReadingRequest
    reach: Reach
    shown: int = 0
    requests: deque[int] = field(default_factory=deque)
    spools: dict[date, Spool] = field(default_factory=dict)
    bad: dict[date, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    notes: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))
    remembered: list[RunPage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start_at = self.reach.start_for(self.request.days)
        self.pager = self.client.pager(to_us(self.start_at), to_us(self.request.days.end))
        self.sent = self.counted = self.client.requests
        self.pending = self.request.days.newest_first()

    def fetch(self, ask: Any) -> RunPage:
        """The page that answers a request; for the thread that fetches."""
        retention = self.reach.retention
        if retention is not None and self.start_at < self.request.clock() - retention:
            raise OutOfReachError(
                f"The reading took so long that {iso(self.start_at)} fell out of what the API still answers "
                f"({retention}). Days that were stored before this are kept; ask again for the rest."
            )
        page = self.client.fetch(ask)
        self.requests.append(self.client.requests)  # the next may be sent before this page is processed
        return page

    def follow(self, pager: Pager[Any]) -> None:
        """Go on to the next page of this walk, with its pager as it stood then.

        Days that were stored on the strength of an order that does not hold are marked as incomplete; they come again.
        """
        begins_again = pager.mark_us > self.pager.mark_us
        self.sent, self.pager = self.requests.popleft(), pager
        if begins_again:
            days = self.request.days.newest_first()
            for day in days[: len(days) - len(self.pending)]:
                self._store(day, is_vouched=False)
            self.pending = days

    def known(self, since: datetime | None = None) -> dict[str, bytes]:
        """The good rows, by id, of its pages that others overlap with; of those asked for after `since`, if given."""
        remembered = [page for page in self.remembered if since is None or page.observed_at > since]
        rows = ((key, row) for page in remembered for key, row in zip(page.keys, page.rows, strict=True))
        return {key: row for key, row in rows if row is not None}

    def take(self, page: RunPage, newer: set[str]) -> Iterator[StoredDay]:
        """Take what the page of any walk shows of this one's days, and store what can be stored.

        Of the runs `newer`, a newer state has been taken before: the page was overtaken on its way.
        """
        self._spool_rows(page, newer)
        self._quarantine(page)
        # What turned up for a day after it was stored is merged at once: the reading may fail later.
        for day in sorted(self.spools.keys() - self.pending, reverse=True):
            yield self._store(day)
        while self.pending and self.pager.mark_us <= to_us(max(start_of(self.pending[0]), self.start_at)):
            yield self._store(self.pending.pop(0))

    def remember(self, page: RunPage) -> None:
        """Keep this walk's page for those that overlap with it."""
        if len(page):
            shared = [old for old in self.remembered[:-1] if old.created_us.max() >= self.pager.end_us - SECOND_US]
            self.remembered = [*shared, *self.remembered[-1:], page]

    def close(self) -> None:
        """Remove the spools."""
        for spool in self.spools.values():
            spool.close()

    def _spool_rows(self, page: RunPage, newer: set[str]) -> None:
        """Spool the page's rows by day; rows already stored with their day only if they show something new."""
        day_numbers = page.created_us // DAY_US
        inside = (page.created_us >= self.pager.start_us) & (page.created_us < self.pager.end_us)
        for number in np.unique(day_numbers[inside])[::-1].tolist():
            day = day_of_us(number * DAY_US)
            indexes = np.flatnonzero(inside & (day_numbers == number)).tolist()
            if newer:
                indexes = [index for index in indexes if page.keys[index] not in newer]
            if day not in self.pending:
                known = self.known()
                indexes = [index for index in indexes if known.get(page.keys[index]) != page.rows[index]]
            ids, lines = page.good_rows(indexes)
            if lines:
                self._spool(day).append(ids, lines, page.observed_at)
                self.shown += len(ids)

    def _quarantine(self, page: RunPage) -> None:
        """Keep each bad row with its day: that of its own time, else of the row before it, else of the first after."""
        for index, trace in page.bad.items():
            before = page.created_us[: index + 1]
            usable = np.concatenate([page.times_us[:1], before[before != NO_TIME]])
            if len(usable) and self.pager.start_us <= usable[-1] < self.pager.end_us:
                day, key = day_of_us(int(usable[-1])), page.keys[index]
                if key not in self.bad[day]:
                    self._spool(day)  # the day has something to store, if only this
                self.bad[day][key] = trace

    def _spool(self, day: date) -> Spool:
        if day not in self.spools:
            self.spools[day] = self.request.spool(day)
        return self.spools[day]

    def _store(self, day: date, *, is_vouched: bool = True) -> StoredDay:
        request, began_at, is_clipped = self.request, self.reach.now, self.start_at > start_of(day)
        spool, files, report = self._spool(day), request.files(day), partial(self._note, day)
        bad = list(self.bad[day].values())
        store_quarantine(files, bad, read_id=request.read_id, add=is_clipped, report=report)
        is_whole = is_vouched and self.pager.is_complete and not is_clipped and end_of(day) <= began_at
        read = Read(request.read_id, began_at, began_at if is_whole else None)
        raw = store_day(files, spool, read, request.id_field, is_part=is_clipped, clock=request.clock, report=report)
        self.spools.pop(day).close()
        requests, self.counted = self.sent - self.counted, self.sent
        window = (max(self.start_at, start_of(day)), min(end_of(day), max(began_at, start_of(day))))
        return StoredDay(day, raw, len(bad), window, requests, (*self.pager.notes, *self.notes[day]))

    def _note(self, day: date, note: str) -> None:
        self.notes[day].append(note)
        self.request.report(f"{self.request.source}, {day}: {note}")


def _progress(request: ReadingRequest, walks: list[_Walk], pages_read: int, seconds: float) -> str:
    """How far the walks are together."""
    done = len(request.days) - sum(len(walk.pending) for walk in walks)
    runs = sum(walk.shown for walk in walks)
    return (
        f"{request.source}: {done} of {len(request.days)} days done, {runs:,} runs, {pages_read:,} pages, "
        f"{runs / seconds:,.0f} runs/s"
    )
