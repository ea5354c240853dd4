"""The one state of a pipeline, since when, and the evidence for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runs_assets.days import DAY_US, from_us, start_of, to_us
from runs_assets.verdicts.failure_trends import WORSE
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.silences import OPEN
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

if TYPE_CHECKING:
    import pandas as pd

RECENT_DAYS = NEW_DAYS = 7
MIN_RUNS = 20
FLAKY_FLIP_RATE = 0.2
HANGING_FOR_SECONDS = 7 * 86_400.0
"""A run that hangs for longer does not make its pipeline `hanging` any more: it is not going to end."""


class PipelineState(StrEnum):
    """A pipeline has the first of these that applies, in this order."""

    DOWN = "down"
    SILENT = "silent"
    DEGRADED = "degraded"
    HANGING = "hanging"
    FLAKY = "flaky"
    NEW = "new"
    TOO_FEW_RUNS = "too few runs"
    OK = "ok"


@dataclass(frozen=True)
class Activity:
    """When and how much a pipeline ran, as of `read_until`; None where there is no such run.

    `runs_7d` counts runs created in the last 7 days; `completed_28d`, `failed_28d` and `first_failure_28d_at` are of
    the completed runs that ended in the last 28 days, `flip_rate` is changes of outcome / (completed_28d - 1) in these.
    """

    first_run_at: datetime
    last_run_at: datetime
    last_success_at: datetime | None
    last_failure_at: datetime | None
    runs_7d: int
    completed_28d: int = 0
    failed_28d: int = 0
    flip_rate: float | None = None
    first_failure_28d_at: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """What the state of a pipeline is derived from.

    `streaks` are those of the window; `silences` and `hanging` are rows of these tables, `now` the one of
    `failure_trends` for the last 24 hours, None if nothing ran; `worse_days` are the days with that verdict.
    """

    history: SourceHistory
    activity: Activity
    streaks: Sequence[FailureStreak]
    silences: Sequence[Mapping[str, Any]]
    hanging: Sequence[Mapping[str, Any]]
    now: Mapping[str, Any] | None
    worse_days: set[date]

    @property
    def open_streak(self) -> FailureStreak | None:
        """The failures in a row that have not ended."""
        return next((streak for streak in self.streaks if streak.ended_us is None), None)

    @property
    def open_silence(self) -> Mapping[str, Any] | None:
        """Of the silences that have not ended, the one that was overdue first."""
        found = (row for row in self.silences if row["state"] == OPEN)
        return min(found, key=lambda row: row["expected_by"], default=None)

    @property
    def hanging_since(self) -> datetime | None:
        """Since when the oldest run hangs that may still end."""
        recent = (row["open_since"] for row in self.hanging if row["open_seconds"] <= HANGING_FOR_SECONDS)
        return min(recent, default=None)


def activities(history: SourceHistory) -> dict[int, Activity]:
    """Of each pipeline, by its number, with a run created in the window."""
    created = history.runs.groupby("pipeline")["created_us"]
    firsts, lasts = created.min(), created.max()
    is_recent = history.runs["created_us"] > history.until_us - RECENT_DAYS * DAY_US
    recent = history.runs.loc[is_recent].groupby("pipeline").size()
    last_ends = history.completed.groupby(["pipeline", "failed"])["ended_us"].max()
    month = history.completed[history.completed["ended_us"] > history.until_us - BASELINE_DAYS * DAY_US]
    months = {number: _month(runs) for number, runs in month.groupby("pipeline")}
    active = lasts.index[lasts >= to_us(history.window.start)].tolist()
    return {
        number: Activity(
            first_run_at=from_us(int(firsts[number])),
            last_run_at=from_us(int(lasts[number])),
            last_success_at=_instant(last_ends.get((number, False))),
            last_failure_at=_instant(last_ends.get((number, True))),
            runs_7d=int(recent.get(number, 0)),
            **months.get(number, {}),
        )
        for number in active
    }


def state_of(evidence: Evidence) -> tuple[PipelineState, datetime | None]:
    """The state, and since when (UTC); None where it has no beginning."""
    return next((state, since(evidence)) for state, applies, since in _RULES if applies(evidence))


def _month(completed: "pd.DataFrame") -> dict[str, Any]:
    failed = completed["failed"]
    flips = int((failed.to_numpy()[1:] != failed.to_numpy()[:-1]).sum())
    failures = completed.loc[failed, "ended_us"]
    return {
        "completed_28d": len(completed),
        "failed_28d": int(failed.sum()),
        "flip_rate": flips / (len(completed) - 1) if len(completed) > 1 else None,
        "first_failure_28d_at": _instant(failures.iloc[0]) if len(failures) else None,
    }


def _instant(us: Any) -> datetime | None:
    return None if us is None else from_us(int(us))


def _is_down(evidence: Evidence) -> bool:
    return evidence.open_streak is not None and evidence.open_streak.is_confirmed


def _down_since(evidence: Evidence) -> datetime | None:
    return from_us(evidence.open_streak.failing_since_us) if evidence.open_streak else None


def _silent_since(evidence: Evidence) -> datetime | None:
    return evidence.open_silence["since"] if evidence.open_silence else None


def _is_degraded(evidence: Evidence) -> bool:
    return evidence.now is not None and evidence.now["verdict"] == WORSE


def _degraded_since(evidence: Evidence) -> datetime:
    """The beginning of the unbroken days that were worse, up to yesterday; else of the last 24 hours."""
    today = day = evidence.history.last_day
    while day - timedelta(days=1) in evidence.worse_days:
        day -= timedelta(days=1)
    return evidence.history.read_until - timedelta(days=1) if day == today else start_of(day)


def _is_flaky(evidence: Evidence) -> bool:
    activity = evidence.activity
    return activity.completed_28d >= MIN_RUNS and (activity.flip_rate or 0.0) >= FLAKY_FLIP_RATE


def _is_new(evidence: Evidence) -> bool:
    """Whether it first ran within 7 days, and would have been seen on a whole day a week before that."""
    first, history = evidence.activity.first_run_at, evidence.history
    a_week_before = first.date() - timedelta(days=NEW_DAYS)
    is_young = first > history.read_until - timedelta(days=NEW_DAYS)
    return is_young and any(known.is_whole and known.day <= a_week_before for known in history.days)


def _last_trouble_ended(evidence: Evidence) -> datetime | None:
    ends = [row["ended_at"] for row in evidence.silences if row["ended_at"] is not None]
    ends += [from_us(streak.ended_us) for streak in evidence.streaks if streak.is_confirmed and streak.ended_us]
    return max(ends, default=None)


_RULES: tuple[tuple[PipelineState, Callable[[Evidence], bool], Callable[[Evidence], datetime | None]], ...] = (
    (PipelineState.DOWN, _is_down, _down_since),
    (PipelineState.SILENT, lambda it: it.open_silence is not None, _silent_since),
    (PipelineState.DEGRADED, _is_degraded, _degraded_since),
    (PipelineState.HANGING, lambda it: it.hanging_since is not None, lambda it: it.hanging_since),
    (PipelineState.FLAKY, _is_flaky, lambda it: it.activity.first_failure_28d_at),
    (PipelineState.NEW, _is_new, lambda it: it.activity.first_run_at),
    (PipelineState.TOO_FEW_RUNS, lambda it: it.activity.completed_28d < MIN_RUNS, lambda _: None),
    (PipelineState.OK, lambda _: True, _last_trouble_ended),
)
