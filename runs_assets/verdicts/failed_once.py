"""Pipelines that run rarely, and whose next success is overdue because a run failed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, from_us, to_us
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.streak_rules import MIN_SUCCESSES

LEARNT_US = 56 * DAY_US
"""So long before the last success, times between successes say what is usual: of a weekly pipeline, eight."""
TENTHS_OF_LONGEST, GRACE_US = 11, 3600 * SECOND_US
"""A success is overdue 1.1 times the longest usual time after the last one, and an hour: a retry may mend it before."""


def failed_once_since(
    history: SourceHistory, streaks: Sequence[FailureStreak], silences: Iterable[Mapping[str, Any]]
) -> datetime | None:
    """When the first failure of the open streak ended (UTC), if it is not confirmed and the next success is overdue.

    `streaks` and `silences` (rows of that table) are those of the pipeline: times between successes in which one of
    them was told are not usual.
    """
    streak = next((it for it in streaks if it.ended_at_us is None), None)
    if streak is None or streak.is_confirmed or not streak.runs_rarely:
        return None
    told_us = [it.failing_since_us for it in streaks if it.is_confirmed] + [to_us(it["expected_by"]) for it in silences]
    successes_us = _successes_us(history, streak.pipeline)
    longest_us = _longest_usual_us(successes_us, told_us) if len(successes_us) >= MIN_SUCCESSES else None
    if longest_us is None or history.until_us <= streak.failing_since_us:
        return None
    waited_us = history.until_us - int(successes_us[-1]) - GRACE_US
    return from_us(streak.failing_since_us) if 10 * waited_us > TENTHS_OF_LONGEST * longest_us else None


def _successes_us(history: SourceHistory, pipeline: int) -> NDArray[np.int64]:
    """When the successes of a pipeline ended, in order."""
    completed = history.completed
    mine = completed.iloc[slice(*np.searchsorted(completed["pipeline"], [pipeline, pipeline + 1]))]
    return mine.loc[~mine["failed"], "ended_us"].to_numpy()


def _longest_usual_us(ends_us: NDArray[np.int64], told_us: Iterable[int]) -> int | None:
    """The longest time between two successes in the 56 days up to the last one, without those in which one was told."""
    is_usual = ends_us[1:] > ends_us[-1] - LEARNT_US
    places = np.searchsorted(ends_us, [*told_us]) - 1
    is_usual[places[(places >= 0) & (places < len(is_usual))]] = False
    usual = np.diff(ends_us)[is_usual]
    return int(usual.max()) if len(usual) else None
