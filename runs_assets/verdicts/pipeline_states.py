"""The one state of a pipeline, since when, and the evidence for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, from_us, start_of, to_us
from runs_assets.statistics.significance import alternation_z
from runs_assets.verdicts.columns import by_pipeline, split_by_pipeline
from runs_assets.verdicts.failure_trends import NOW, SPANS, WORSE
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.overdue_successes import failed_once_since
from runs_assets.verdicts.silences import OPEN
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory
from runs_assets.verdicts.streak_rules import MIN_RUNS, StreakKind

RECENT_DAYS = NEW_DAYS = 7
MIN_WHOLE_DAYS = 7
"""Before so many days were read whole, nothing is usual yet."""
FLAKY_FLIP_RATE, FLAKY_Z = 0.2, 2.58
"""The outcome changes after a fifth of the runs, and more often than chance explains at 0.5 % (one-sided)."""

Row = Mapping[str, Any]


class PipelineState(StrEnum):
    """A pipeline has the first of these that applies, in this order."""

    DOWN = "down"
    NEVER_SUCCEEDED = "never succeeded"
    STUCK = "stuck"
    SILENT = "silent"
    FAILING = "failing"
    WORSE = "worse"
    PARTLY_FAILING = "partly failing"
    HANGING = "hanging"
    FAILED_ONCE = "failed once"
    FLAKY = "flaky"
    NEW = "new"
    TOO_FEW_RUNS = "too few runs"
    OK = "ok"


@dataclass(frozen=True)
class Evidence:
    """What the state of a pipeline, by its number in the history, is derived from.

    `activity` is one of `activities`, `streaks` are those of the window; `silences`, `hanging` and `concentrations` are
    rows of these tables, `spans` those of `failure_trends` up to now, by their periods; `worse_days` are the days with
    that verdict.
    `stuck_since` is the creation of the first of the runs that are stuck, UTC.
    """

    history: SourceHistory
    number: int
    activity: Row
    streaks: Sequence[FailureStreak]
    silences: Sequence[Row]
    hanging: Sequence[Row]
    concentrations: Sequence[Row]
    spans: Mapping[str, Row]
    worse_days: set[date]
    stuck_since: datetime | None

    @property
    def now(self) -> Row | None:
        """The span of the last 24 hours; None if nothing ran."""
        return self.spans.get(NOW)

    @property
    def open_streak(self) -> FailureStreak | None:
        """The failures in a row that have not ended."""
        return next((streak for streak in self.streaks if streak.ended_at_us is None), None)

    @property
    def open_silence(self) -> Row | None:
        """Of the silences that have not ended, the one that was overdue first."""
        found = (row for row in self.silences if row["state"] == OPEN)
        return min(found, key=lambda row: row["expected_by"], default=None)


def activities(history: SourceHistory) -> dict[int, Row]:
    """When and how much each pipeline with a run in the window ran, by its number: columns of `pipeline_health`.

    And `first_failure_28d_at`: when the first of the `failed_28d` ended, UTC.
    """
    many, completed = len(history.pipelines), history.completed
    created = by_pipeline(history.runs, "created_us", many)
    failed = completed["failed"].to_numpy()
    successes, failures = (by_pipeline(completed, "ended_us", many, those) for those in (~failed, failed))
    months = _months(history)
    recent_us = history.until_us - RECENT_DAYS * DAY_US
    return {
        number: {
            "first_run_at": from_us(int(its[0])),
            "last_run_at": from_us(int(its[-1])),
            "last_success_at": _last(successes[number]),
            "last_failure_at": _last(failures[number]),
            "runs_7d": int((its > recent_us).sum()),
            **months.get(number, {"decided_28d": 0, "failed_28d": 0, "successes": 0}),
        }
        for number, its in enumerate(created)
        if len(its) and its[-1] >= to_us(history.window.start)
    }


def state_of(evidence: Evidence) -> tuple[PipelineState, datetime | None]:
    """The state, and since when (UTC); None where it has no beginning."""
    for state, since in _beginnings(evidence):
        if since is not None:
            return state, since
    if not_judged(evidence) is not None:
        return PipelineState.TOO_FEW_RUNS, None
    ends = [row["ended_at"] for row in evidence.silences if row["ended_at"] is not None]
    ends += [from_us(streak.ended_at_us) for streak in evidence.streaks if streak.is_confirmed and streak.ended_at_us]
    return PipelineState.OK, max(ends, default=None)


def not_judged(evidence: Evidence) -> str | None:
    """Why nobody can tell whether the pipeline fails more often than usual; None if that is known."""
    history = evidence.history
    first = history.last_day - timedelta(days=BASELINE_DAYS)
    if sum(it.is_whole and first <= it.day < history.last_day for it in history.days) < MIN_WHOLE_DAYS:
        return f"fewer than {MIN_WHOLE_DAYS} days read whole"
    if evidence.activity["decided_28d"] < MIN_RUNS:
        return f"fewer than {MIN_RUNS} completed runs in the {BASELINE_DAYS} days before"
    return None


def _months(history: SourceHistory) -> dict[int, Row]:
    """What became of the runs of each pipeline, by its number, that completed in the last 28 days."""
    columns = (history.completed[name].to_numpy() for name in ("pipeline", "ended_us", "failed"))
    numbers, ended_us, failed = columns
    is_recent = ended_us > history.until_us - BASELINE_DAYS * DAY_US
    parts = split_by_pipeline(numbers[is_recent], ended_us[is_recent], failed[is_recent])
    return {int(its[0]): _month(*part) for its, *part in parts}


def _month(ended_us: NDArray[np.int64], failed: NDArray[np.bool_]) -> Row:
    """Of the completed runs of one pipeline, in order."""
    flips, failures = int((failed[1:] != failed[:-1]).sum()), ended_us[failed]
    return {
        "successes": int(failed[::-1].argmax()) if len(failures) else len(failed),
        "decided_28d": len(failed),
        "failed_28d": len(failures),
        "flip_rate": flips / (len(failed) - 1) if len(failed) > 1 else None,
        "first_failure_28d_at": from_us(int(failures[0])) if len(failures) else None,
    }


def _last(instants_us: NDArray[np.int64]) -> datetime | None:
    return from_us(int(instants_us[-1])) if len(instants_us) else None


def _beginnings(evidence: Evidence) -> Iterator[tuple[PipelineState, datetime | None]]:
    """Since when a state applies, None if it does not."""
    silence = evidence.open_silence
    yield PipelineState.DOWN, _since_when(evidence, StreakKind.DOWN)
    yield PipelineState.NEVER_SUCCEEDED, _since_when(evidence, StreakKind.NEVER_SUCCEEDED)
    yield PipelineState.STUCK, evidence.stuck_since
    yield PipelineState.SILENT, silence["since"] if silence else None
    yield PipelineState.FAILING, _since_when(evidence, StreakKind.FAILING)
    yield PipelineState.WORSE, _worse_since(evidence)
    yield PipelineState.PARTLY_FAILING, min((row["since"] for row in evidence.concentrations), default=None)
    yield PipelineState.HANGING, min((row["open_since"] for row in evidence.hanging), default=None)
    yield PipelineState.FAILED_ONCE, failed_once_since(evidence.history, evidence.streaks, evidence.silences)
    yield PipelineState.FLAKY, evidence.activity["first_failure_28d_at"] if _is_flaky(evidence.activity) else None
    yield PipelineState.NEW, _new_since(evidence)


def _since_when(evidence: Evidence, kind: StreakKind) -> datetime | None:
    """When the open streak began, if it is of this kind."""
    streak = evidence.open_streak
    return from_us(streak.failing_since_us) if streak and streak.kind is kind else None


def _is_flaky(activity: Row) -> bool:
    runs, failed, flip_rate = activity["decided_28d"], activity["failed_28d"], activity.get("flip_rate") or 0.0
    if runs < MIN_RUNS or flip_rate < FLAKY_FLIP_RATE:
        return False
    return alternation_z(round(flip_rate * (runs - 1)), failed, runs - failed) >= FLAKY_Z


def _worse_since(evidence: Evidence) -> datetime | None:
    """The first worse day of the longest span that is worse, or of the unbroken worse days that lead up to it.

    If no day of it is worse by itself, the beginning of the shortest span that is.
    """
    rows = ((span, evidence.spans.get(span.period)) for span in SPANS)
    lengths = [timedelta(days=span.days) for span, row in rows if row and row["verdict"] == WORSE]
    if not lengths:
        return None
    read_until, worse_days = evidence.history.read_until, evidence.worse_days
    longest_from = (read_until - max(lengths)).date()
    day = min((day for day in worse_days if day >= longest_from), default=None)
    if day is None:
        return read_until - min(lengths)
    while day - timedelta(days=1) in worse_days:
        day -= timedelta(days=1)
    return start_of(day)


def _new_since(evidence: Evidence) -> datetime | None:
    """If it first ran within 7 days, and would have been seen on a whole day a week before that."""
    first, history = evidence.activity["first_run_at"], evidence.history
    a_week_before = first.date() - timedelta(days=NEW_DAYS)
    is_young = first > history.read_until - timedelta(days=NEW_DAYS)
    return first if is_young and any(it.is_whole and it.day <= a_week_before for it in history.days) else None
