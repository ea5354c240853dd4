"""Successes that are overdue: runs are created and none succeeds or fails, or one that runs rarely failed once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from runs_assets.days import DAY_US, HOUR_US, from_us, to_us
from runs_assets.status import RunStatus
from runs_assets.verdicts.columns import by_pipeline, have_status
from runs_assets.verdicts.expected_runs import INTERVAL, Gaps, OverdueRun
from runs_assets.verdicts.local_times import MONTH_US, Instants
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.streak_rules import MIN_SUCCESSES

SUCCESSES, FACTOR = 8, 2
"""Of so many successes in 28 days, none takes twice the longest usual time between two to come, if runs are regular."""
LEARNT_US = 56 * DAY_US
"""So long before the last success, times between successes say what is usual: of a weekly pipeline, eight."""
TENTHS_OF_LONGEST, GRACE_US = 11, HOUR_US
"""A success is overdue 1.1 times the longest usual time after the last one, and an hour: a retry may mend it before."""


class Ends(NamedTuple):
    """When a pipeline's completed runs and its successes ended, and when the runs that did neither were created."""

    completed: Instants
    succeeded: Instants
    lost: Instants


def without_success(gaps: Gaps, ends: Ends, history: SourceHistory) -> Iterator[tuple[int, OverdueRun, int | None]]:
    """Times in which runs were created of which none succeeded or failed, twice as long as any usual one of 28 days.

    A failure ends them: whether a pipeline that fails instead is down is for `outages`.
    """
    told = (gaps.ends[gaps.is_told] - 1).tolist()
    for place in np.unique(np.searchsorted(ends.completed, ends.lost, side="right") - 1).tolist():
        if place < 0:
            continue
        last_us = int(ends.completed[place])
        due = _success_due(last_us, gaps, ends, told)
        end_us = int(ends.completed[place + 1]) if place + 1 < len(ends.completed) else None
        if due is None or not due.overdue_us < (history.until_us if end_us is None else end_us):
            continue
        has_run = bool(((ends.lost > last_us) & (ends.lost <= due.overdue_us)).any())
        if has_run and history.was_read(due.known_from_us, due.overdue_us):
            told.append(last_us)
            yield last_us, due, end_us


def _success_due(last_us: int, gaps: Gaps, ends: Ends, told: list[int]) -> OverdueRun | None:
    """When a success is overdue after the end of a run, if the runs are regular and 8 successes are known.

    The times between successes that hold one of the instants `told` are no part of what is usual.
    """
    known = ends.succeeded[: np.searchsorted(ends.succeeded, last_us, side="right")]
    run = int(np.searchsorted(gaps.created, last_us, side="right")) - 1
    if len(known) < SUCCESSES or known[-SUCCESSES] <= known[-1] - MONTH_US or not gaps.is_regular()[run]:
        return None
    longest = _longest_wait(known[known > known[-1] - MONTH_US], told)
    if longest is None:
        return None
    overdue_us = last_us + gaps.with_rests(run, FACTOR * longest)
    return OverdueRun(overdue_us, INTERVAL, longest, last_us - MONTH_US - DAY_US)


def ends_of(history: SourceHistory) -> list[Ends]:
    """Of each pipeline, by its number."""
    many, completed = len(history.pipelines), history.completed
    times = (
        by_pipeline(completed, "ended_us", many),
        by_pipeline(completed, "ended_us", many, ~completed["failed"].to_numpy()),
        by_pipeline(
            history.runs, "created_us", many, ~have_status(history.runs, RunStatus.SUCCEEDED, RunStatus.FAILED)
        ),
    )
    return [Ends(*its) for its in zip(*times, strict=True)]


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
    if len(successes_us) < MIN_SUCCESSES or history.until_us <= streak.failing_since_us:
        return None
    first = np.searchsorted(successes_us, successes_us[-1] - LEARNT_US, side="right") - 1
    longest_us = _longest_wait(successes_us[max(first, 0) :], [told - 1 for told in told_us])
    if longest_us is None:
        return None
    waited_us = history.until_us - int(successes_us[-1]) - GRACE_US
    return from_us(streak.failing_since_us) if 10 * waited_us > TENTHS_OF_LONGEST * longest_us else None


def _successes_us(history: SourceHistory, pipeline: int) -> Instants:
    """When the successes of a pipeline ended, in order."""
    numbers, failed, ended_us = (history.completed[name].to_numpy() for name in ("pipeline", "failed", "ended_us"))
    mine = slice(*np.searchsorted(numbers, [pipeline, pipeline + 1]))
    successes_us: Instants = ended_us[mine][~failed[mine]]
    return successes_us


def _longest_wait(successes_us: Instants, told_us: Sequence[int]) -> int | None:
    """The longest time between two successes, without those that hold an instant in [one success, the next)."""
    places = np.searchsorted(successes_us, told_us, side="right") - 1
    waits = np.delete(np.diff(successes_us), places[(places >= 0) & (places < len(successes_us) - 1)])
    return int(waits.max()) if len(waits) else None
