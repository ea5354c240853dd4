"""Counts of pipelines by days, as matrices: sums and spreads over the days before a day, without a loop over days.

Axis 0 is the pipeline, axis 1 the UTC day, without gaps. A `trailing` sum at day d covers the days up to and with d; a
sum `before` d ends the day before it.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runs_assets.statistics.beta_binomial import Numbers

if TYPE_CHECKING:
    import pandas as pd

Counts = NDArray[np.int64]


def grid(frame: "pd.DataFrame", column: str, pipelines: int, first_day: int, days: int) -> Counts:
    """The sums of `column` by the columns `pipeline` and `day`, 0 where there is no row; days outside are left out."""
    inside = (frame["day"] >= first_day) & (frame["day"] < first_day + days)
    rows, places = frame.loc[inside, "pipeline"].to_numpy(), frame.loc[inside, "day"].to_numpy() - first_day
    summed = np.bincount(rows * days + places, frame.loc[inside, column].to_numpy(), pipelines * days)
    return summed.astype(np.int64).reshape(pipelines, days)


def trailing(counts: NDArray[np.generic], width: int) -> Numbers:
    """At each day, the sum over the `width` days up to and with it."""
    total = np.cumsum(np.asarray(counts, np.float64), axis=1)
    total[:, width:] -= total[:, :-width].copy()
    return total


def before(counts: NDArray[np.generic], width: int) -> Numbers:
    """At each day, the sum over the `width` days before it, without it."""
    shifted = np.zeros(counts.shape)
    shifted[:, 1:] = trailing(counts, width)[:, :-1]
    return shifted
