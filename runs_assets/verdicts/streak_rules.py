"""From which failure on a streak is more than bad luck, and what it is then.

*Failing* is what matters to people: the second failure in a row of a pipeline that runs rarely and hardly ever fails.
*Never succeeded* is a pipeline that has failed since its first run. *Down* is what chance does not explain: the failure
at which the probability of the streak falls below 0.1, shared among all the places where a streak could have begun: the
pipeline's completed runs of 28 days, times the source's pipelines. The probability is that of a pipeline like this one
in the 28 days before: each day has a rate of its own, drawn from a beta distribution, and all its runs of the streak
fail. For a pipeline without clusters this is the failure rate to the power of the number of failures.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from runs_assets.statistics.beta_binomial import SummedCounts, beta_of

MIN_FAILURES = 3
"""Fewer are never down: even a pipeline that never failed may fail twice."""
FALSE_ALARMS = 0.1
"""How many streaks of healthy pipelines may be down, in 28 days and over all pipelines of a source."""
LEAST_DISPERSION, MOST_DISPERSION = 0.02, 0.1
"""No pipeline's runs are taken to be independent, even if four weeks show no clusters; and none's to come in such
clusters as one bad half day would suggest: for four weeks, ten times as many failures would pass for bad luck."""
MOST_FAILURES = 10_000
"""Up to here, the number of failures that would be down is searched for."""
RELIABLE_PERCENT, MOST_OF_RELIABLE = 10, 12
"""Of a pipeline that usually fails less often than this, so many failures in a row are down whatever chance says."""
MIN_RUNS = 20
"""Fewer completed runs do not say what is usual."""
TIMES_LONGEST, LEAST_LONGEST = 3, 3
"""So many times the longest usual streak is down too; fewer than 3 count as 3, or what fails in clusters would be."""

RARE_A_DAY = 4
"""A pipeline with at most so many completed runs a day runs rarely: to wait for a third failure may take days."""
FAILING_FAILURES, FAILING_BEFORE, FAILING_PAIRS = 2, 1, 0.1
"""So many failures in a row are failing if it runs rarely and usually fails so seldom that chance makes at most 0.1 of
them in 28 days (never more than 8 % of the runs); or once, since one failure of a weekly pipeline is no rate."""
MIN_SUCCESSES = 3
"""From fewer nobody can tell that a pipeline works."""


class StreakKind(StrEnum):
    """What failures in a row can be."""

    DOWN = "down"
    FAILING = "failing"
    NEVER_SUCCEEDED = "never succeeded"


@dataclass(frozen=True)
class Past:
    """What is known of a pipeline when failures in a row begin.

    `counts` are those of the 28 days before that day, and `longest_streak` the most failures in a row that began on
    them, both without confirmed streaks; `successes` is how many are known at all. `never_succeeded` is whether there
    was none, and its first run was seen.
    """

    counts: SummedCounts
    longest_streak: int
    runs_rarely: bool
    successes: int
    never_succeeded: bool

    @property
    def completed(self) -> int:
        """Completed runs of the `counts`."""
        return int(self.counts.completed[0])

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return int(self.counts.failed[0])

    @property
    def can_be_failing(self) -> bool:
        """Whether two failures in a row are already unusual."""
        is_reliable = self.failed <= FAILING_BEFORE or self.failed**2 <= FAILING_PAIRS * self.completed
        return self.runs_rarely and is_reliable and self.successes >= MIN_SUCCESSES


def thresholds(days: NDArray[np.int64], past: Past, pipelines: int) -> dict[StreakKind, int]:
    """At how many failures in a row a streak, of which those known ended on `days`, is of each kind that it can be.

    `pipelines` is how many of the source were active. What never succeeded is never down: it was not up.
    """
    if past.never_succeeded:
        return {StreakKind.NEVER_SUCCEEDED: MIN_FAILURES}
    limit = np.log(FALSE_ALARMS / (max(past.completed, 1) * pipelines))
    by_chance = _by_chance(days, past.counts, limit)
    down_at = min([*_caps(past), *([by_chance] if by_chance else [])], default=None)
    found = {StreakKind.DOWN: down_at} if down_at else {}
    return found | ({StreakKind.FAILING: FAILING_FAILURES} if past.can_be_failing else {})


def kind_of(failures: int, at: dict[StreakKind, int]) -> StreakKind | None:
    """What so many failures in a row are, by `thresholds`: of the kinds that are reached, the last one."""
    return max((kind for kind in at if at[kind] <= failures), key=lambda kind: at[kind], default=None)


def _caps(past: Past) -> list[int]:
    """The numbers of failures in a row that are down whatever chance says."""
    caps = [MOST_OF_RELIABLE] if 100 * past.failed < RELIABLE_PERCENT * past.completed else []
    if past.completed >= MIN_RUNS:
        caps.append(TIMES_LONGEST * max(past.longest_streak, LEAST_LONGEST))
    return caps


def _by_chance(days: NDArray[np.int64], past: SummedCounts, limit: float) -> int | None:
    """After how many failures, which ended on `days`, the probability is at most exp(`limit`).

    If these are too few, further ones on the last day count too; None if that takes more than 10,000.
    """
    dispersion = np.clip(past.dispersion(), LEAST_DISPERSION, MOST_DISPERSION)
    a, b = (float(parameter[0]) for parameter in beta_of(past.mean(), dispersion))
    _, begins, sizes = np.unique(days, return_index=True, return_counts=True)
    place = np.arange(len(days)) - np.repeat(begins, sizes)
    most = max(MOST_FAILURES - len(days), 0)
    for further in (0, min(100, most), most):  # a hundred are nearly always enough
        places = np.append(place, place[-1] + 1 + np.arange(further))
        # The failures before one on its day make a bad day, and so the next failure, more likely.
        is_below = np.cumsum(np.log((a + places) / (a + b + places))) <= limit
        is_below[: MIN_FAILURES - 1] = False
        if is_below.any():
            return int(is_below.argmax()) + 1
    return None
