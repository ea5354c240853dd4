"""Confidence intervals of failure rates, and of the difference of two."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


Counts: TypeAlias = NDArray[np.int64] | NDArray[np.float64]
Values: TypeAlias = NDArray[np.float64]


def share(part: Counts, whole: Counts) -> Values:
    """Part / whole, NaN for 0 / 0."""
    found: Values = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def rate_with_interval(failed: Counts, completed: Counts) -> tuple[Values, Values, Values]:
    """Failed / completed and its 95 % Wilson interval, NaN where nothing is completed."""
    return share(failed, completed), *wilson_interval(failed, completed)


def wilson_interval(failed: Counts, completed: Counts) -> tuple[Values, Values]:
    """The 95 % Wilson score interval of failed / completed, NaN where nothing is completed.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.
    """
    n = np.where(completed > 0, completed, np.nan).astype(np.float64)
    p = failed / n
    centre = p + Z_95**2 / (2 * n)
    spread = Z_95 * np.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n**2))
    scale = 1 + Z_95**2 / n
    # At the ends the two terms cancel exactly on paper, not in floating point.
    low = np.where(failed == 0, 0.0, (centre - spread) / scale)
    high = np.where(failed == completed, 1.0, (centre + spread) / scale)
    return np.where(np.isnan(n), np.nan, low), np.where(np.isnan(n), np.nan, high)


def newcombe_interval(failed: int, runs: int, failed_before: int, runs_before: int) -> tuple[float, float]:
    """The 95 % interval of failed / runs - failed_before / runs_before.

    From the two Wilson intervals, method 10 of R. G. Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998), 873-890.
    """
    low, high = wilson_interval(np.array([failed, failed_before]), np.array([runs, runs_before]))
    rate, rate_before = failed / runs, failed_before / runs_before
    below = np.hypot(rate - low[0], high[1] - rate_before)
    above = np.hypot(high[0] - rate, rate_before - low[1])
    return float(rate - rate_before - below), float(rate - rate_before + above)
