"""How long the successes of each pipeline take: what is usual, and whether it has become slower."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets.statistics.beta_binomial import Numbers
from runs_assets.statistics.significance import mann_whitney_greater_p
from runs_assets.tables import Frame
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

RECENT_DAYS = 7
MIN_SUCCESSES = 20
SLOWER_RATIO = 1.5
SIGNIFICANCE = 0.01


@dataclass(frozen=True)
class SuccessDurations:
    """Of each pipeline, by its number, in seconds: NaN where nothing is known.

    `p95` is the 95 % quantile over the `successes` that ended in the last 28 days (linear interpolation). `recent` and
    `earlier` are the medians of the last 7 days and of the 28 days before those, `ratio` is recent / earlier where both
    have at least 20 successes; `is_slower` where it is at least 1.5 and a rank test agrees at 1 %.
    """

    p95: Numbers
    successes: NDArray[np.int64]
    recent: Numbers
    earlier: Numbers
    ratio: Numbers
    is_slower: NDArray[np.bool_]


def success_durations(history: SourceHistory) -> SuccessDurations:
    """The durations of all pipelines of a source, as of `read_until`."""
    completed = history.completed[["pipeline", "ended_us", "failed", "duration_seconds"]]
    known = completed[~completed["failed"] & completed["duration_seconds"].notna()]
    age_us = history.until_us - known["ended_us"]
    count = len(history.pipelines)
    is_recent = age_us < RECENT_DAYS * DAY_US
    month, recent = known[age_us < BASELINE_DAYS * DAY_US], known[is_recent]
    earlier = known[(age_us < (RECENT_DAYS + BASELINE_DAYS) * DAY_US) & ~is_recent]
    medians = _quantiles(recent, 0.5, count), _quantiles(earlier, 0.5, count)
    are_enough = np.minimum(_sizes(recent, count), _sizes(earlier, count)) >= MIN_SUCCESSES
    ratio = np.divide(*medians, out=np.full(count, np.nan), where=are_enough & (medians[1] > 0))
    is_slower = _is_slower(ratio, recent, earlier)
    return SuccessDurations(_quantiles(month, 0.95, count), _sizes(month, count), *medians, ratio, is_slower)


def _quantiles(runs: Frame, quantile: float, count: int) -> Numbers:
    known = runs.groupby("pipeline")["duration_seconds"].quantile(quantile)
    return known.reindex(range(count)).to_numpy(np.float64)


def _sizes(runs: Frame, count: int) -> NDArray[np.int64]:
    return np.bincount(runs["pipeline"].to_numpy(), minlength=count)


def _is_slower(ratio: Numbers, recent: Frame, earlier: Frame) -> NDArray[np.bool_]:
    """Whether the recent durations of a pipeline are longer by the ratio and by the test."""
    is_slower = np.zeros(len(ratio), np.bool_)
    for number in np.flatnonzero(ratio >= SLOWER_RATIO):
        durations = (part.loc[part["pipeline"] == number, "duration_seconds"].to_numpy() for part in (recent, earlier))
        is_slower[number] = mann_whitney_greater_p(*durations) <= SIGNIFICANCE
    return is_slower
