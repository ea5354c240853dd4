"""Quantiles of values that are in memory."""

import numpy as np
from numpy.typing import NDArray


def quantile(ordered: NDArray[np.float64], share: float) -> float | None:
    """The value below which a share (0 to 1) of ascending ones lies, by linear interpolation; None of none."""
    if not len(ordered):
        return None
    place = share * (len(ordered) - 1)
    low, high = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    return float(low + (high - low) * (place - int(place)))
