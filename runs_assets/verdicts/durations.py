"""How long a pipeline's successes take: what is usual, and whether it has become slower."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets.statistics.beta_binomial import Numbers
from runs_assets.verdicts.history import BASELINE_DAYS, History

if TYPE_CHECKING:
    import pandas as pd

RECENT_DAYS = 7
MIN_SUCCESSES = 20
SLOWER_RATIO = 1.5
SIGNIFICANCE = 0.01


@dataclass(frozen=True)
class Durations:
    """Of each pipeline, by its number, in seconds: NaN where nothing is known.

    `p95` is the 95 % quantile over the `successes` that ended in the last 28 days (linear interpolation). `recent` and
    `earlier` are the medians of the last 7 days and of the 28 days before those, `ratio` the one by the other where
    both have at least 20 successes; `is_slower` where it is at least 1.5 and a rank test agrees at 1 %.
    """

    p95: Numbers
    successes: NDArray[np.int64]
    recent: Numbers
    earlier: Numbers
    ratio: Numbers
    is_slower: NDArray[np.bool_]


def durations_of(history: History) -> Durations:
    """The durations of all pipelines of a source, as of `read_until`."""
    decided = history.decided[["pipeline", "ended_at", "failed", "duration_seconds"]]
    known = decided[~decided["failed"] & decided["duration_seconds"].notna()]
    age_us = history.until_us - known["ended_at"]
    count = len(history.pipelines)
    month = known[_is_younger(age_us, BASELINE_DAYS)]
    recent = known[_is_younger(age_us, RECENT_DAYS)]
    earlier = known[_is_younger(age_us, RECENT_DAYS + BASELINE_DAYS) & ~_is_younger(age_us, RECENT_DAYS)]
    medians = _quantiles(recent, 0.5, count), _quantiles(earlier, 0.5, count)
    are_enough = np.minimum(_sizes(recent, count), _sizes(earlier, count)) >= MIN_SUCCESSES
    ratio = np.divide(*medians, out=np.full(count, np.nan), where=are_enough & (medians[1] > 0))
    return Durations(
        p95=_quantiles(month, 0.95, count),
        successes=_sizes(month, count),
        recent=medians[0],
        earlier=medians[1],
        ratio=ratio,
        is_slower=_confirmed(ratio, recent, earlier),
    )


def _is_younger(age_us: "pd.Series[int]", days: int) -> "pd.Series[bool]":
    return age_us < days * DAY_US


def _quantiles(runs: "pd.DataFrame", quantile: float, count: int) -> Numbers:
    known = runs.groupby("pipeline")["duration_seconds"].quantile(quantile)
    return known.reindex(range(count)).to_numpy(np.float64)


def _sizes(runs: "pd.DataFrame", count: int) -> NDArray[np.int64]:
    return np.bincount(runs["pipeline"].to_numpy(), minlength=count)


def _confirmed(ratio: Numbers, recent: "pd.DataFrame", earlier: "pd.DataFrame") -> NDArray[np.bool_]:
    """Whether the one-sided Mann-Whitney test finds the recent durations of a pipeline longer, too."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415  (a second)

    is_slower = np.zeros(len(ratio), np.bool_)
    for number in np.flatnonzero(ratio >= SLOWER_RATIO):
        now, then = (part.loc[part["pipeline"] == number, "duration_seconds"] for part in (recent, earlier))
        is_slower[number] = mannwhitneyu(now, then, alternative="greater", method="asymptotic").pvalue <= SIGNIFICANCE
    return is_slower
