"""How long the successes of each pipeline take: what is usual, and whether it has become slower.

A run is open for too long when nothing like it has been seen: longer than the longest success of 28 days, and than what
their median and 95 % quantile say of the tail.
"""

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

TAIL = 2.4
"""Of log-normal durations p95 is at p50 * exp(1.645 s), and 1 in 25,000 beyond p50 * (p95 / p50)^2.4 (3.95 s)."""
LEAST_LIMIT_SECONDS = 30 * 60.0
UNKNOWN_LIMIT_SECONDS = 24 * 3600.0
LIMIT_SUCCESSES = 10
"""With fewer successes nothing is known of the tail, and `UNKNOWN_LIMIT_SECONDS` is the limit."""


@dataclass(frozen=True)
class SuccessDurations:
    """Of each pipeline, by its number, in seconds: NaN where nothing is known.

    `p50` and `p95` are quantiles over the `successes` that ended in the last 28 days (linear interpolation), `longest`
    is the longest. `recent` and `earlier` are the medians of the last 7 days and of the 28 days before those, `ratio`
    is recent / earlier where both have at least 20 successes; `is_slower` where it is at least 1.5 and a rank test
    agrees at 1 %.
    """

    p50: Numbers
    p95: Numbers
    longest: Numbers
    successes: NDArray[np.int64]
    recent: Numbers
    earlier: Numbers
    ratio: Numbers
    is_slower: NDArray[np.bool_]

    @property
    def limits(self) -> Numbers:
        """How long a run may be open, seconds: max(longest, p50 * (p95 / p50)^2.4), and at least 30 minutes.

        24 hours where fewer than 10 successes are known.
        """
        spread = np.divide(self.p95, self.p50, out=np.ones(len(self.p50)), where=self.p50 > 0)
        known = np.fmax(np.fmax(self.longest, self.p50 * spread**TAIL), LEAST_LIMIT_SECONDS)
        return np.where(self.successes >= LIMIT_SUCCESSES, known, UNKNOWN_LIMIT_SECONDS)


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
    p50, p95, longest = (_quantiles(month, quantile, count) for quantile in (0.5, 0.95, 1.0))
    return SuccessDurations(p50, p95, longest, _sizes(month, count), *medians, ratio, is_slower)


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
