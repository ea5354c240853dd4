"""Asking again for the open runs of days by their ids, where reading whole days for a few runs would be wasteful."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from runs_assets.days import DayRange, day_of_us, end_of, start_of
from runs_assets.paging.page import NO_TIME
from runs_assets.reading.client import SingleRunClient
from runs_assets.reading.rows import RunPage
from runs_assets.reading.whole_days import StoredDay
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool


@dataclass
class OpenRunsReading:
    """Asks `client` for each run of `days` that `open_ids` gives of a day; iterate it to make it happen.

    What comes back replaces the run's stored row; what the day was worth before stays.
    """

    client: SingleRunClient
    source: str
    days: DayRange
    layout: Layout
    open_ids: Callable[[date], list[str]]
    read_id: str
    clock: Callable[[], datetime]

    def __iter__(self) -> Iterator[StoredDay]:
        for day in self.days.newest_first():
            with closing(Spool(self.layout.scratch(self.source) / f"{day}.jsonl")) as spool:
                yield self._read(day, spool)

    def _read(self, day: date, spool: Spool) -> StoredDay:
        began, requests = self.clock(), self.client.requests
        open_ids = self.open_ids(day)
        for run_id in open_ids:
            page = self.client.fetch_run(run_id)
            keys, rows = page.good_rows(_rows_of(page, run_id, day))
            if keys:
                spool.append(keys, rows, page.observed_at)
        read = Read(self.read_id, began)
        raw = store_day(DayFiles(self.layout, self.source, day), spool, read, self.client.shape.id_field, is_part=True)
        note = f"Only the {len(open_ids)} open runs were asked for, by their ids."
        quarantined = len(load_quarantine(self.layout, self.source, day))
        window = (start_of(day), end_of(day))
        return StoredDay(day, raw, quarantined, window, self.client.requests - requests, (note,))


def _rows_of(page: RunPage, run_id: str, day: date) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The positions of the run's rows that belong to the day."""
    return np.array(
        [
            index
            for index, (key, created_us) in enumerate(zip(page.keys, page.created_us.tolist(), strict=True))
            if key == run_id and created_us != NO_TIME and day_of_us(created_us) == day
        ],
        np.int64,
    )
