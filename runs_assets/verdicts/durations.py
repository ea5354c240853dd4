"""How long a pipeline's successes take: what is usual, and whether it has become slower."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US
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
    `earlier` are the medians of the last 7 days and of the 28 days before those, `ratio` the one by the other where both
    have at least 20 successes; `is_slower` where it is at least 1.5 and a rank test agrees at 1 %.
    """

    p95: NDArray[np.float64]
    successes: NDArray[np.int64]
    recent: NDArray[np.float64]
    earlier: NDArray[np.float64]
    ratio: NDArray[np.float64]
    is_slower: NDArray[np.bool_]


def durations_of(history: History) -> Durations:
    """The durations of all pipelines of a source, as of `read_until`."""
    known = history.decided[~history.decided["failed"] & history.decided["duration_seconds"].notna()]
    age_us = history.until_us - known["ended_at"]
    count = len(history.pipelines)
    month = known[_is_younger(age_us, BASELINE_DAYS)]
    recent = known[_is_younger(age_us, RECENT_DAYS)]
    earlier = known[_is_younger(age_us, RECENT_DAYS + BASELINE_DAYS) & ~_is_younger(age_us, RECENT_DAYS)]
    medians = [_by_pipeline(part, count).quantile(0.5).to_numpy() for part in (recent, earlier)]
    ratio = _ratios(*medians, _sizes(recent, count), _sizes(earlier, count))
    return Durations(
        p95=_by_pipeline(month, count).quantile(0.95).to_numpy(),
        successes=_sizes(month, count),
        recent=medians[0],
        earlier=medians[1],
        ratio=ratio,
        is_slower=_confirmed(ratio, recent, earlier),
    )


def _is_younger(age_us: "pd.Series[int]", days: int) -> "pd.Series[bool]":
    return (age_us >= 0) & (age_us < days * DAY_US)


def _by_pipeline(runs: "pd.DataFrame", count: int) -> "pd.core.groupby.SeriesGroupBy[float, int]":
    import pandas as pd  # noqa: PLC0415  (see `history`)

    every = pd.Categorical(runs["pipeline"], categories=range(count))
    return runs["duration_seconds"].groupby(every, observed=False)


def _sizes(runs: "pd.DataFrame", count: int) -> NDArray[np.int64]:
    return np.bincount(runs["pipeline"].to_numpy(), minlength=count)


def _ratios(
    recent: NDArray[np.float64],
    earlier: NDArray[np.float64],
    recent_size: NDArray[np.int64],
    earlier_size: NDArray[np.int64],
) -> NDArray[np.float64]:
    is_known = (recent_size >= MIN_SUCCESSES) & (earlier_size >= MIN_SUCCESSES) & (earlier > 0)
    return np.divide(recent, earlier, out=np.full(len(recent), np.nan), where=is_known)


def _confirmed(ratio: NDArray[np.float64], recent: "pd.DataFrame", earlier: "pd.DataFrame") -> NDArray[np.bool_]:
    """Whether the one-sided Mann-Whitney test finds the recent durations of a pipeline longer, too."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415  (a second)

    is_slower = np.zeros(len(ratio), np.bool_)
    for number in np.flatnonzero(ratio >= SLOWER_RATIO):
        now, then = (part.loc[part["pipeline"] == number, "duration_seconds"] for part in (recent, earlier))
        is_slower[number] = mannwhitneyu(now, then, alternative="greater", method="asymptotic").pvalue <= SIGNIFICANCE
    return is_slower
