"""Pipelines whose runs start and do not end, or wait and do not start: each single run may still be all right."""

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US
from runs_assets.status import TERMINAL
from runs_assets.tables import Frame
from runs_assets.verdicts.hanging_runs import open_too_long
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory
from runs_assets.verdicts.success_durations import LIMIT_SUCCESSES, SuccessDurations

Instants = NDArray[np.int64]

RUNS = 3
"""One or two runs that hang are single runs; the third in a row is the pipeline."""
LEAST_WAIT_US = 30 * 60 * SECOND_US
"""A queue of half an hour is nobody's trouble, microseconds."""


def stuck_since(history: SourceHistory, durations: SuccessDurations) -> dict[int, int]:
    """By the number of each stuck pipeline, since when: the creation of the first of the runs, microseconds.

    Stuck is a pipeline of which 3 or more open runs exceed its limit and none created after the first of them has ended
    (`not ending`); or of which 3 or more have waited for longer than any completed run of 28 days did, at least 30
    minutes, and none created after the first of them has started (`not starting`). The newest of them is at most 28
    days old. Nothing is known of waits of a source that does not say when 10 or more runs of the pipeline started.
    """
    month_us = history.until_us - BASELINE_DAYS * DAY_US
    ended = _newest(history, history.runs[history.runs["status"].isin(TERMINAL)])
    started = _newest(history, history.open_runs[history.open_runs["started_us"] >= 0])
    not_ending = _unbroken(open_too_long(history, durations), ended, month_us)
    not_starting = _unbroken(_waiting(history, month_us), np.maximum(ended, started), month_us)
    found = not_ending | not_starting
    return found | {number: min(not_ending[number], found[number]) for number in not_ending}


def _newest(history: SourceHistory, runs: Frame) -> Instants:
    """When the newest of the runs of each pipeline was created, by its number; -1 where there is none."""
    newest = np.full(len(history.pipelines), -1, np.int64)
    np.maximum.at(newest, runs["pipeline"].to_numpy(), runs["created_us"].to_numpy())
    return newest


def _unbroken(runs: Frame, broken_by: Instants, month_us: int) -> dict[int, int]:
    """When the first of the runs created after a pipeline's newest other one was created, where they are enough."""
    unbroken = runs[runs["created_us"] > broken_by[runs["pipeline"].to_numpy()]]
    created = unbroken.groupby("pipeline")["created_us"].agg(["size", "min", "max"])
    firsts = created.loc[(created["size"] >= RUNS) & (created["max"] > month_us), "min"]
    return {int(number): int(first) for number, first in firsts.items()}


def _waiting(history: SourceHistory, month_us: int) -> Frame:
    """The runs that have not started and have waited for longer than usual."""
    completed = history.completed[history.completed["duration_seconds"].notna()]
    completed = completed[completed["ended_us"] > month_us]
    took_us = (completed["duration_seconds"] * SECOND_US).round().astype("int64")
    waits = (completed["ended_us"] - took_us - completed["created_us"]).groupby(completed["pipeline"])
    longest = waits.max()[waits.size() >= LIMIT_SUCCESSES].clip(lower=LEAST_WAIT_US)
    runs = history.open_runs[history.open_runs["started_us"] < 0]
    usual = longest.reindex(runs["pipeline"]).to_numpy()
    return runs[(runs["observed_us"] - runs["created_us"]).to_numpy() > usual]
