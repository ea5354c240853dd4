"""The one state of a pipeline, since when, and the evidence for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from runs_assets.days import DAY_US, from_us, start_of, to_us
from runs_assets.tables import Frame
from runs_assets.verdicts.failure_trends import WORSE
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.silences import OPEN
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

RECENT_DAYS = NEW_DAYS = 7
MIN_RUNS = 20
FLAKY_FLIP_RATE = 0.2
HANGING_FOR_SECONDS = 7 * 86_400.0
"""A run that hangs for longer does not make its pipeline `hanging` any more: it is not going to end."""


Row = Mapping[str, Any]


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
class Evidence:
    """What the state of a pipeline is derived from.

    `activity` is one of `activities`, `streaks` are those of the window; `silences` and `hanging` are rows of these
    tables, `spans` those of `failure_trends` up to now, by their periods; `worse_days` are the days with that verdict.
    """

    history: SourceHistory
    activity: Row
    streaks: Sequence[FailureStreak]
    silences: Sequence[Row]
    hanging: Sequence[Row]
    spans: Mapping[str, Row]
    worse_days: set[date]

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
    created = history.runs.groupby("pipeline")["created_us"]
    firsts, lasts = created.min(), created.max()
    is_recent = history.runs["created_us"] > history.until_us - RECENT_DAYS * DAY_US
    recent = history.runs.loc[is_recent].groupby("pipeline").size()
    last_ends = history.completed.groupby(["pipeline", "failed"])["ended_us"].max()
    month = history.completed[history.completed["ended_us"] > history.until_us - BASELINE_DAYS * DAY_US]
    months = {number: _month(runs) for number, runs in month.groupby("pipeline")}
    active = lasts.index[lasts >= to_us(history.window.start)].tolist()
    return {
        number: {
            "first_run_at": from_us(int(firsts[number])),
            "last_run_at": from_us(int(lasts[number])),
            "last_success_at": _instant(last_ends.get((number, False))),
            "last_failure_at": _instant(last_ends.get((number, True))),
            "runs_7d": int(recent.get(number, 0)),
            **months.get(number, {"decided_28d": 0, "failed_28d": 0}),
        }
        for number in active
    }


def state_of(evidence: Evidence) -> tuple[PipelineState, datetime | None]:
    """The state, and since when (UTC); None where it has no beginning."""
    for state, since in _beginnings(evidence):
        if since is not None:
            return state, since
    if evidence.activity["decided_28d"] < MIN_RUNS:
        return PipelineState.TOO_FEW_RUNS, None
    ends = [row["ended_at"] for row in evidence.silences if row["ended_at"] is not None]
    ends += [from_us(streak.ended_at_us) for streak in evidence.streaks if streak.is_confirmed and streak.ended_at_us]
    return PipelineState.OK, max(ends, default=None)


def _month(completed: Frame) -> dict[str, Any]:
    failed = completed["failed"]
    flips = int((failed.to_numpy()[1:] != failed.to_numpy()[:-1]).sum())
    failures = completed.loc[failed, "ended_us"]
    return {
        "decided_28d": len(completed),
        "failed_28d": int(failed.sum()),
        "flip_rate": flips / (len(completed) - 1) if len(completed) > 1 else None,
        "first_failure_28d_at": _instant(failures.iloc[0]) if len(failures) else None,
    }


def _instant(us: Any) -> datetime | None:
    return None if us is None else from_us(int(us))


def _beginnings(evidence: Evidence) -> Iterator[tuple[PipelineState, datetime | None]]:
    """Since when a state applies, None if it does not."""
    streak, silence, activity = evidence.open_streak, evidence.open_silence, evidence.activity
    yield PipelineState.DOWN, from_us(streak.failing_since_us) if streak and streak.is_confirmed else None
    yield PipelineState.SILENT, silence["since"] if silence else None
    yield PipelineState.DEGRADED, _degraded_since(evidence)
    recent = (row["open_since"] for row in evidence.hanging if row["open_seconds"] <= HANGING_FOR_SECONDS)
    yield PipelineState.HANGING, min(recent, default=None)
    is_flaky = activity["decided_28d"] >= MIN_RUNS and (activity["flip_rate"] or 0.0) >= FLAKY_FLIP_RATE
    yield PipelineState.FLAKY, activity["first_failure_28d_at"] if is_flaky else None
    yield PipelineState.NEW, _new_since(evidence)


def _degraded_since(evidence: Evidence) -> datetime | None:
    """The beginning of the unbroken days that were worse, up to yesterday; else of the last 24 hours."""
    if all(span["verdict"] != WORSE for span in evidence.spans.values()):
        return None
    today = day = evidence.history.last_day
    while day - timedelta(days=1) in evidence.worse_days:
        day -= timedelta(days=1)
    return evidence.history.read_until - timedelta(days=1) if day == today else start_of(day)


def _new_since(evidence: Evidence) -> datetime | None:
    """If it first ran within 7 days, and would have been seen on a whole day a week before that."""
    first, history = evidence.activity["first_run_at"], evidence.history
    a_week_before = first.date() - timedelta(days=NEW_DAYS)
    is_young = first > history.read_until - timedelta(days=NEW_DAYS)
    return first if is_young and any(it.is_whole and it.day <= a_week_before for it in history.days) else None
