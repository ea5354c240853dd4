"""Two months of a source's pipelines, most of them healthy: four weeks, and the 30 days in which messages count.

A source has 200 pipelines, from 1 run a day to 100 an hour (even on a logarithmic scale), each failing at a rate of its
own between 0 and 30 %. Half of them run by a timetable, half whenever they are asked to (a Poisson process). In the
*independent* scenario a run's failure depends on no other; in the *clustered* one each pipeline has better and worse
days: a day's rate is drawn from a beta distribution, so that two runs of a day are correlated by 0.1.

Into every tenth pipeline, if it has at least 5 runs a day, an outage is planted: all runs of 2 to 12 days fail, 60 of
them at least. Every tenth pipeline, if it has a timetable, does not run for three days.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US, DayRange, end_of, to_us
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.stored_rates import DayCoverage
from runs_assets_tests.verdicts.history_tables import OPEN, table_of

PIPELINES, WARM_DAYS, DAYS = 200, 28, 30
FIRST_DAY = date(2026, 1, 5)
MOST_A_DAY = 2400.0
MOST_FAILING = 0.3
SECOND_US = 1_000_000
JITTER_US = 60 * SECOND_US
SILENT_DAYS = 3
RUNS_IN_OUTAGE = 60

Instants = NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """What was done to a pipeline from `begins_at` to before `ends_at`, microseconds since the epoch.

    `first_run_at` is when the first run that failed, or was missed, for that was or would have been created.
    """

    begins_at: int
    ends_at: int
    first_run_at: int

    @classmethod
    def into(cls, created: Instants, begins_at: int, length: int) -> "Planted":
        """For a while of `length` (microseconds) in which some of the runs would be `created`."""
        return cls(begins_at, begins_at + length, int(created[np.searchsorted(created, begins_at)]))

    def hits(self, created: Instants) -> NDArray[np.bool_]:
        """Whether runs are created while it lasts."""
        return (created >= self.begins_at) & (created < self.ends_at)


@dataclass(frozen=True)
class Simulation:
    """A source's history, and what was planted into it, by the numbers of the pipelines."""

    history: SourceHistory
    outages: dict[int, Planted]
    silences: dict[int, Planted]


@dataclass
class _Pipeline:
    number: int
    volume: float
    rate: float
    has_timetable: bool


def simulate(
    seed: int, correlation: float, *, pipelines: int = PIPELINES, most_a_day: float = MOST_A_DAY
) -> Simulation:
    """The same seed gives the same history."""
    rng = np.random.default_rng([seed, int(correlation * 1000)])
    frames, outages, silences = [], {}, {}
    for number in range(pipelines):
        pipeline = _Pipeline(
            number, np.exp(rng.uniform(0, np.log(most_a_day))), rng.uniform(0, MOST_FAILING), number % 2 == 1
        )
        created = _created(pipeline, rng)
        failed = _failed(created, pipeline, correlation, rng)
        begins_at = _day_us(WARM_DAYS) + int(rng.uniform(5, 10) * DAY_US)
        if number % 10 == 0 and pipeline.volume >= 5:
            days = np.clip(RUNS_IN_OUTAGE / pipeline.volume, 2, 12)
            outages[number] = Planted.into(created, begins_at, int(days * DAY_US))
            failed |= outages[number].hits(created)
        if number % 10 == 5:
            silences[number] = Planted.into(created, begins_at, SILENT_DAYS * DAY_US)
            runs = ~silences[number].hits(created)
            created, failed = created[runs], failed[runs]
        seconds = np.ceil(60 * np.exp(rng.normal(0, 0.5, len(created)))).astype(np.int64)
        columns = {
            "pipeline": number,
            "created_us": created,
            "failed": failed,
            "ended_us": created + seconds * SECOND_US,
        }
        frames.append(pd.DataFrame(columns))
    return Simulation(_history(pd.concat(frames, ignore_index=True), pipelines), outages, silences)


def _day_us(day: int) -> int:
    return to_us(datetime.combine(FIRST_DAY, datetime.min.time(), UTC)) + day * DAY_US


def _created(pipeline: _Pipeline, rng: np.random.Generator) -> Instants:
    """When its runs of all days are created, in order."""
    days = np.arange(WARM_DAYS + DAYS)
    if pipeline.has_timetable:
        a_day = max(round(pipeline.volume), 1)
        times = (np.arange(a_day) + rng.uniform()) / a_day * DAY_US
        times = np.clip(times + rng.normal(0, JITTER_US, (len(days), a_day)), 0, DAY_US - 1)
        found = (days[:, None] * DAY_US + times).ravel()
    else:
        found = rng.uniform(0, len(days) * DAY_US, rng.poisson(pipeline.volume * len(days)))
    return np.sort(_day_us(0) + found.astype(np.int64) // SECOND_US * SECOND_US)


def _failed(created: Instants, pipeline: _Pipeline, correlation: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    rates = np.full(WARM_DAYS + DAYS, pipeline.rate)
    if correlation:
        scale = (1 - correlation) / correlation
        rates = rng.beta(pipeline.rate * scale, (1 - pipeline.rate) * scale, len(rates))
    return rng.uniform(size=len(created)) < rates[(created - _day_us(0)) // DAY_US]


def _history(runs: pd.DataFrame, pipelines: int) -> SourceHistory:
    """The history as it is when all days have been read whole."""
    last = FIRST_DAY + timedelta(days=WARM_DAYS + DAYS - 1)
    days = [FIRST_DAY + timedelta(days=n) for n in range(WARM_DAYS + DAYS)]
    runs["run_id"] = [f"{place:08}" for place in range(len(runs))]
    runs["status"] = pd.Categorical(np.where(runs["failed"], "failed", "succeeded"))
    runs["duration_seconds"] = (runs["ended_us"] - runs["created_us"]) / SECOND_US
    for name in ("pipeline_version", "site_id", "workspace_id", "exit_code"):
        runs[name] = None
    by_day = runs.groupby(["pipeline", runs["created_us"] // DAY_US])["failed"].agg(["size", "sum"]).reset_index()
    by_day.columns = pd.Index(["pipeline", "day", "runs", "failed"])
    return SourceHistory(
        source="simulated",
        window=DayRange(FIRST_DAY + timedelta(days=WARM_DAYS), last),
        days=tuple(DayCoverage(day, is_whole=True, is_final=True, seen_until=end_of(day)) for day in days),
        pipelines=tuple(f"pipeline {number:03}" for number in range(pipelines)),
        rates=table_of(by_day.assign(completed=by_day["runs"])),
        runs=table_of(runs.drop(columns="failed")),
        open_runs=table_of(pd.DataFrame(columns=OPEN)),
    )
