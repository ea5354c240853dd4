"""Which times between events are usual: what was far too long when it happened teaches nothing."""

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets.verdicts.source_history import BASELINE_DAYS

MOST = 100


def longest_usual(times: NDArray[np.int64], factor: float) -> int | None:
    """The longest usual time between two events in the 28 days before the last one, in their unit; None if unknown.

    `times` are in order, microseconds. A time is unusual if it is longer than `factor` times the longest usual one of
    the 28 days before it, once these are known. Only the 100 longest of the times are looked at: no other can matter.
    """
    gaps = np.diff(times)
    usual: list[tuple[int, int]] = []
    for place in np.sort(np.argsort(gaps, kind="stable")[-MOST:]).tolist():
        begins, gap = int(times[place]), int(gaps[place])
        before = [other for ended, other in usual if ended > begins - BASELINE_DAYS * DAY_US]
        is_learnt = begins - int(times[0]) >= BASELINE_DAYS * DAY_US
        if not (is_learnt and before and gap > factor * max(before)):
            usual.append((begins + gap, gap))
    return max((gap for ended, gap in usual if ended > int(times[-1]) - BASELINE_DAYS * DAY_US), default=None)
