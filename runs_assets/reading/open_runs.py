"""Asking again for the open runs of days by their ids, where reading whole days for a few runs would be wasteful."""

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import date

import numpy as np

from runs_assets.days import DAY_US, EPOCH, end_of, start_of
from runs_assets.reading.request import ReadingRequest, SingleRunClient, StoredDay
from runs_assets.storage.ledger import doubt
from runs_assets.storage.merging import store_day
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.reads import Read


def read_open_runs(
    client: SingleRunClient, request: ReadingRequest, open_ids: Callable[[date], list[str]]
) -> Generator[StoredDay, None, None]:
    """Ask for each run that `open_ids` gives for a day, newest day first; each day is stored before it is yielded.

    What comes back replaces the run's stored row; whether the day is complete stays as it was.
    """
    doubt(request.layout, request.source, request.days)
    for day in request.days.newest_first():
        began_at, requests, ids = request.clock(), client.requests, open_ids(day)
        with closing(request.spool(day)) as spool:
            for run_id in ids:
                page = client.fetch_run(run_id)
                in_day = np.flatnonzero(page.created_us // DAY_US == (day - EPOCH).days).tolist()
                shown, lines = page.good_rows([index for index in in_day if page.keys[index] == run_id])
                if lines:
                    spool.append(shown, lines, page.observed_at)
            read = Read(request.read_id, began_at)
            raw = store_day(request.files(day), spool, read, request.id_field, is_part=True, clock=request.clock)
        note = f"Only the {len(ids)} open runs were asked for, by their ids."
        quarantined = len(load_quarantine(request.layout, request.source, day))
        yield StoredDay(day, raw, quarantined, (start_of(day), end_of(day)), client.requests - requests, (note,))
