"""The stored days of one source, as everything that is judged over many days needs them.

The daily `failure_rates` are small and are all read; of `runs`, the narrow columns of the judged window and of the days
before it that serve as its baseline. A source is judged as of `read_until`, the latest instant up to which it was read:
so nothing about it changes while it cannot be read.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.daily.runs import RUNS
from runs_assets.days import DAY_US, DayRange, day_of_us, to_us
from runs_assets.reasons.details_files import load_details
from runs_assets.status import RunStatus
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table
from runs_assets.tables import TIMESTAMP, with_columns
from runs_assets.verdicts import names_from_runs as naming
from runs_assets.verdicts.columns import have_status
from runs_assets.verdicts.stored_rates import DayCoverage, load_rates
from runs_assets.watch_entries import Subject
from runs_assets.watch_file import WatchFile

BASELINE_DAYS = 28
"""How many days before a day say what is usual for it: four weeks, so that each weekday counts four times."""

RUNS_COLUMNS = ["run_id", "pipeline_id", "pipeline_version", "status", "is_terminal", "duration_seconds", "site_id"]
RUNS_COLUMNS += ["workspace_id", "exit_code", "dry_run", "created_at", "started_at", "finished_at", "observed_at"]
KEPT_COLUMNS = ["run_id", "pipeline_id", "pipeline_version", "status", "created_us", "ended_us"]
KEPT_COLUMNS += ["duration_seconds", "site_id", "workspace_id", "exit_code"]
COMPLETED_COLUMNS = ["pipeline", "pipeline_version", "created_us", "ended_us", "duration_seconds"]
COMPLETED_COLUMNS += ["site_id", "workspace_id"]
OPEN_COLUMNS = ["run_id", "pipeline_id", "status", "created_us", "started_us", "observed_us"]

Intervals = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class SourceHistory:
    """One source's stored days.

    `pipelines` are the ids (None where the platform names none) that the numbers in the columns `pipeline` stand for.
    `rates` has a row for each row of the daily `failure_rates`: `pipeline`, `day` (days since 1970-01-01), `runs`,
    `completed` and `failed`, all without dry runs. `runs` has the runs, without dry ones, that were created in
    `read_days(window)`, with `KEPT_COLUMNS`; `open_runs` those of them that have not ended, with `OPEN_COLUMNS`. Both
    have the number `pipeline` instead of an id; `ended_us` is `finished_at`, or `created_at` where that is unknown or
    earlier. Instants are microseconds since the epoch, -1 where unknown. `names` are those of pipelines, by their ids,
    and `listed` the ids of those that the platform names.
    """

    source: str
    window: DayRange
    days: tuple[DayCoverage, ...]
    pipelines: tuple[str | None, ...]
    rates: pa.Table
    runs: pa.Table
    open_runs: pa.Table
    names: Mapping[str, str] = field(default_factory=dict)
    listed: Collection[str] = ()

    @cached_property
    def read_until(self) -> datetime:
        """The latest instant up to which the source was read, UTC."""
        return max(day.seen_until for day in self.days)

    def subject(self, number: int) -> Subject:
        """The pipeline of a number, as entries of the watch file select it."""
        pipeline_id = self.pipelines[number]
        return Subject(self.source, pipeline_id, self.names.get(pipeline_id or ""))

    def about(self, number: int) -> dict[str, str | None]:
        """The `runs_assets.tables.PIPELINE_COLUMNS` of a pipeline's row, by its number."""
        return self.subject(number)._asdict()

    @property
    def last_day(self) -> date:
        """The UTC day that ends at `read_until`, or that it is in."""
        return day_of_us(self.until_us - 1)

    @cached_property
    def until_us(self) -> int:
        """`read_until` in microseconds since the epoch."""
        return to_us(self.read_until)

    def was_read(self, start_us: int, end_us: int) -> bool:
        """Whether every run created in [start, end) is known, in microseconds since the epoch."""
        first, last = day_of_us(start_us), day_of_us(end_us - 1)
        wanted = (self._by_day.get(first + timedelta(days=number)) for number in range((last - first).days + 1))
        return all(day and (day.is_whole or to_us(day.seen_until) >= end_us) for day in wanted)

    @cached_property
    def _by_day(self) -> Mapping[date, DayCoverage]:
        return {one.day: one for one in self.days}

    def failed_runs(self, places: NDArray[np.int64] | None = None) -> pa.Table:
        """The failed runs: `run_id`, `pipeline_id`, `exit_code`, `ended_at` (UTC), and `date`, the day of creation.

        All of them, or those at some `places` in `runs`, in that order.
        """
        if places is None:
            places = np.flatnonzero(have_status(self.runs, RunStatus.FAILED))
        failed = self.runs.select(["run_id", "pipeline", "exit_code", "created_us", "ended_us"]).take(places)
        return pa.table(
            {
                "run_id": failed["run_id"],
                "pipeline_id": pc.take(pa.array(self.pipelines, pa.string()), failed["pipeline"]),
                "exit_code": failed["exit_code"],
                "ended_at": failed["ended_us"].cast(TIMESTAMP),
                "date": pc.divide(failed["created_us"], DAY_US).cast(pa.int32()).cast(pa.date32()),
            }
        )

    @cached_property
    def completed(self) -> pa.Table:
        """The runs that succeeded or failed, by pipeline, in the order of their ends, then by id.

        `COMPLETED_COLUMNS`, `failed`, and instead of the id the `place` in `runs`: ids are long, and few are needed.
        """
        failed = have_status(self.runs, RunStatus.FAILED)
        places = _in_order(self.runs, np.flatnonzero(failed | have_status(self.runs, RunStatus.SUCCEEDED)))
        return with_columns(self.runs.select(COMPLETED_COLUMNS).take(places), failed=failed[places], place=places)


def _in_order(runs: pa.Table, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places by `pipeline` and `ended_us`, then by `run_id`, which is compared only where both are equal."""
    numbers, ended_us = (runs[name].to_numpy()[places] for name in ("pipeline", "ended_us"))
    order = np.lexsort((ended_us, numbers))
    places, numbers, ended_us = places[order], numbers[order], ended_us[order]
    is_same = (numbers[1:] == numbers[:-1]) & (ended_us[1:] == ended_us[:-1])
    tied = np.flatnonzero(np.append(is_same, False) | np.append(False, is_same))
    groups = np.append(0, np.cumsum(~is_same))[tied].tolist()
    ids = runs["run_id"].take(places[tied]).to_pylist()
    places[tied] = places[tied[sorted(range(len(tied)), key=lambda place: (groups[place], ids[place]))]]
    return places


def read_days(window: DayRange) -> DayRange:
    """The days whose runs are read: the judged ones, and their baseline before them."""
    return DayRange(window.first - timedelta(days=BASELINE_DAYS), window.last)


def load_history(layout: Layout, source: str, window_days: int) -> SourceHistory | None:
    """What is stored of a source; None if nothing is. The window is the `window_days` days up to the newest stored one.

    Raises `StorageError` if a file cannot be read.
    """
    days, rates = load_rates(layout, source)
    if not days:
        return None
    stored = [one.day for one in days]
    window = DayRange(stored[-1] - timedelta(days=window_days - 1), stored[-1])
    runs, open_runs, from_runs = _load_runs(layout, source, [day for day in stored if day in read_days(window)])
    ids = pa.chunked_array([*rates["pipeline_id"].chunks, *runs["pipeline_id"].chunks], pa.string())
    known = pc.unique(ids).sort(null_placement="at_end")
    rates, runs, open_runs = (_numbered(table, known) for table in (rates, runs, open_runs))
    listed = load_details(layout, source).names
    names = {**from_runs, **listed}
    return SourceHistory(source, window, days, tuple(known.to_pylist()), rates, runs, open_runs, names, listed.keys())


def _numbered(table: pa.Table, pipelines: pa.Array) -> pa.Table:
    numbers = pc.index_in(table["pipeline_id"], value_set=pipelines)
    return with_columns(table.drop_columns("pipeline_id"), pipeline=numbers).unify_dictionaries().combine_chunks()


def _load_runs(layout: Layout, source: str, stored: list[date]) -> tuple[pa.Table, pa.Table, Mapping[str, str]]:
    """Those that have ended or not, those that have not, and what pipelines are called after all of them."""
    runs, open_runs, places = [], [], []
    recent = stored[-naming.RECENT_DAYS :]
    for day in stored:
        columns = {*RUNS_COLUMNS, *naming.COLUMNS} if day in recent else RUNS_COLUMNS
        table, _ = load_table(layout, RUNS.name, source, day, sorted(columns))
        if day in recent:
            places.append(naming.places_of(table))
        real = _in_microseconds(table.filter(pc.invert(pc.fill_null(table["dry_run"], fill_value=False))))
        ended_us = pc.max_element_wise(real["finished_us"], real["created_us"])
        runs.append(_encoded(real.append_column("ended_us", ended_us).select(KEPT_COLUMNS)))
        open_runs.append(real.filter(pc.invert(real["is_terminal"])).select(OPEN_COLUMNS))
    return pa.concat_tables(runs), pa.concat_tables(open_runs), naming.names_from_runs(places)


def _in_microseconds(table: pa.Table) -> pa.Table:
    """The same with each `..._at` as a column `..._us` of whole numbers."""
    for place, found in enumerate(table.schema):
        if pa.types.is_timestamp(found.type):
            name = f"{found.name.removesuffix('_at')}_us"
            table = table.set_column(place, name, pc.fill_null(table[found.name].cast(pa.int64()), -1))
    return table


def _encoded(runs: pa.Table) -> pa.Table:
    """The same with each repeated text stored once: months of runs are held in memory."""
    for name in ("status", "pipeline_version", "site_id", "workspace_id"):
        runs = runs.set_column(runs.column_names.index(name), name, runs[name].dictionary_encode())
    return runs


def without_left_out(history: SourceHistory, watch: WatchFile) -> SourceHistory:
    """The history in which the completed runs that the watch file leaves out of rates were cancelled.

    A cancelled run is in no rate and in no streak of failures, but it did run. Rates of days before `read_days` stay as
    they are: of their runs nothing but the sums is known.
    """
    is_left_out = _are_left_out(history, watch)
    if not is_left_out.any():
        return history
    rates, runs = history.rates, history.runs
    is_left_out &= have_status(runs, RunStatus.SUCCEEDED, RunStatus.FAILED)
    numbers = np.concatenate([rates["pipeline"].to_numpy(), runs["pipeline"].to_numpy()])
    days = np.concatenate([rates["day"].to_numpy(), runs["created_us"].to_numpy() // DAY_US])
    _, cells = np.unique(days * len(history.pipelines) + numbers, return_inverse=True)
    of_rates, of_runs = cells[: len(rates)], cells[len(rates) :]
    fewer = {"completed": is_left_out, "failed": is_left_out & have_status(runs, RunStatus.FAILED)}
    left = {
        name: rates[name].to_numpy() - np.bincount(of_runs[those], minlength=len(cells))[of_rates]
        for name, those in fewer.items()
    }
    statuses = pc.if_else(is_left_out, RunStatus.CANCELLED, runs["status"].cast(pa.string()))
    return replace(
        history, rates=with_columns(rates, **left), runs=with_columns(runs, status=statuses.dictionary_encode())
    )


def _are_left_out(history: SourceHistory, watch: WatchFile) -> NDArray[np.bool_]:
    """Which of the `runs` were created within an interval of their pipeline."""
    found = np.zeros(len(history.runs), np.bool_)
    created_us, pipelines = history.runs["created_us"].to_numpy(), history.runs["pipeline"].to_numpy()
    for intervals, numbers in _by_intervals(history, watch).items():
        found |= np.isin(pipelines, numbers) & _are_inside(created_us, intervals)
    return found


def _by_intervals(history: SourceHistory, watch: WatchFile) -> Mapping[Intervals, list[int]]:
    """The numbers of the pipelines that have the same ones."""
    days = read_days(history.window)
    pipelines: defaultdict[Intervals, list[int]] = defaultdict(list)
    for number in range(len(history.pipelines)):
        if intervals := watch.left_out(history.subject(number), days.start, days.end):
            pipelines[tuple(intervals)].append(number)
    return pipelines


def _are_inside(instants_us: NDArray[np.int64], intervals: Iterable[tuple[datetime, datetime]]) -> NDArray[np.bool_]:
    """Whether more intervals have begun than ended at each instant (microseconds); they may overlap."""
    starts, ends = (np.sort([to_us(instant) for instant in one]) for one in zip(*intervals, strict=True))
    begun, ended = (np.searchsorted(edges, instants_us, side="right") for edges in (starts, ends))
    return np.asarray(begun > ended)
