"""A fleet's history as the product would hold it at an instant, had it read everything until then."""

from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, DayRange, day_of_us, end_of, from_us
from runs_assets.tables import with_columns
from runs_assets.verdicts.source_history import SourceHistory, read_days
from runs_assets.verdicts.stored_rates import DayCoverage
from runs_assets_tests.fleet.timetables import BEGIN_US, DAYS, FIRST_DAY, WARM_DAYS
from runs_assets_tests.fleet.world import World

WINDOW_DAYS = 30
STATUSES = ["succeeded", "failed", "running", "queued"]
SUCCEEDED, FAILED, RUNNING, QUEUED = range(4)
_end_of = cache(end_of)


class Past:
    """The columns of a world, sorted by creation once, of which each look takes a slice."""

    def __init__(self, world: World) -> None:
        runs = world.runs
        columns = ("created", "started", "ended", "pipeline", "failed")
        self._created, self._started, self._ended, self._pipeline, self._failed = (
            runs[name].to_numpy() for name in columns
        )
        self._world = world
        self._day = (self._created - BEGIN_US) // DAY_US
        self._cell = self._pipeline * (WARM_DAYS + DAYS) + self._day
        self._ids = world.run_ids
        self._sites, self._versions = (_words(runs[name].to_numpy(), name) for name in ("site", "version"))
        self._workspaces = _words(runs["workspace"].to_numpy(), "workspace")
        self._exit_codes = runs["exit_code"].to_numpy().astype(np.float64)

    def as_of(self, now: int) -> SourceHistory:
        """What is known at `now`, microseconds since the epoch, at which no run is created or ends.

        Runs that end later are running, or queued if they have not started; a day with such a run is not final.
        """
        today = day_of_us(now)
        window = DayRange(today - timedelta(days=WINDOW_DAYS - 1), today)
        stop = int(np.searchsorted(self._created, now))
        start = int(np.searchsorted(self._day, (read_days(window).first - FIRST_DAY).days))
        is_open = self._ended[:stop] > now
        runs, open_runs = self._runs(start, stop, is_open[start:], now)
        known = int(self._pipeline[:stop].max()) + 1
        return SourceHistory(
            source=self._world.name,
            window=window,
            days=self._coverage(now, self._day[:stop][is_open]),
            pipelines=self._world.pipelines[:known],
            rates=self._rates(stop, is_open),
            runs=runs,
            open_runs=open_runs,
        )

    def _runs(self, start: int, stop: int, is_open: NDArray[np.bool_], now: int) -> tuple[pa.Table, pa.Table]:
        part = slice(start, stop)
        created, started, ended = self._created[part], self._started[part], self._ended[part]
        has_started = (started >= 0) & (started <= now)
        status = np.where(
            is_open, np.where(has_started, RUNNING, QUEUED), np.where(self._failed[part], FAILED, SUCCEEDED)
        )
        runs = pa.table(
            {
                "run_id": pa.array(self._ids[part], pa.string()),
                "pipeline": self._pipeline[part],
                "pipeline_version": self._versions[part],
                "status": pa.DictionaryArray.from_arrays(status, STATUSES),
                "created_us": created,
                "ended_us": np.where(is_open, created, ended),
                "duration_seconds": pa.array((ended - started) / SECOND_US, mask=is_open),
                "site_id": self._sites[part],
                "workspace_id": self._workspaces[part],
                "exit_code": pa.array(self._exit_codes[part], pa.int32(), mask=is_open, from_pandas=True),
            }
        )
        open_runs = runs.select(["run_id", "pipeline", "status", "created_us"]).filter(is_open)
        started_us = np.where(has_started, started, -1)[is_open]
        return runs, with_columns(open_runs, started_us=started_us, observed_us=np.full(len(started_us), now))

    def _rates(self, stop: int, is_open: NDArray[np.bool_]) -> pa.Table:
        """Of all stored days, from the first one on."""
        cells, many = self._cell[:stop], len(self._world.pipelines) * (WARM_DAYS + DAYS)
        runs = np.bincount(cells, minlength=many)
        completed = np.bincount(cells[~is_open], minlength=many)
        failed = np.bincount(cells[~is_open & self._failed[:stop]], minlength=many)
        some = np.flatnonzero(runs)
        return pa.table(
            {
                "pipeline": some // (WARM_DAYS + DAYS),
                "day": BEGIN_US // DAY_US + some % (WARM_DAYS + DAYS),
                "runs": runs[some],
                "completed": completed[some],
                "failed": failed[some],
            }
        )

    def _coverage(self, now: int, days_of_open: NDArray[np.int64]) -> tuple[DayCoverage, ...]:
        """Past days are whole, and final unless a run of them is open; today is seen until now."""
        today, unsettled = day_of_us(now), set(days_of_open.tolist())
        past = (today - FIRST_DAY).days
        days = [FIRST_DAY + timedelta(days=number) for number in range(past)]
        whole = (DayCoverage(day, True, number not in unsettled, _end_of(day)) for number, day in enumerate(days))
        return (*whole, DayCoverage(today, False, False, from_us(now)))


def _words(numbers: NDArray[np.int64], what: str) -> pa.DictionaryArray:
    """Numbers from 0 on as texts, -1 as unknown."""
    words = [f"{what} {number}" for number in range(int(numbers.max(initial=0)) + 1)]
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), words)
