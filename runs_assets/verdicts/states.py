"""The one state of a pipeline, and since when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from runs_assets.days import DAY_US, day_of_us, from_us, start_of
from runs_assets.verdicts.activity import Activity
from runs_assets.verdicts.failure_trends import WORSE
from runs_assets.verdicts.history import History
from runs_assets.verdicts.outages import Stretch
from runs_assets.verdicts.silences import OPEN

NEW_DAYS = 7
MIN_RUNS = 20
FLAKY_FLIP_RATE = 0.2
HANGING_FOR_SECONDS = 7 * 86_400.0
"""A run that hangs for longer is one that nobody waits for any more."""


class State(StrEnum):
    """What is to be said of a pipeline: the first one that holds, in this order."""

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
    """All that is known of one pipeline.

    `stretches` are those of the window; `silences` and `hanging` are rows of these tables, `now` the one of
    `failure_trends` for the last 24 hours, None if nothing ran; `worse_days` are the days with that verdict.
    """

    history: History
    activity: Activity
    stretches: Sequence[Stretch]
    silences: Sequence[Mapping[str, Any]]
    hanging: Sequence[Mapping[str, Any]]
    now: Mapping[str, Any] | None
    worse_days: set[date]

    @property
    def open_stretch(self) -> Stretch | None:
        """The stretch of failures that has not ended."""
        return next((stretch for stretch in self.stretches if stretch.ended_at is None), None)

    @property
    def open_silence(self) -> Mapping[str, Any] | None:
        """The silence that was noticed first."""
        found = (row for row in self.silences if row["state"] == OPEN)
        return min(found, key=lambda row: row["expected_by"], default=None)

    @property
    def hanging_since(self) -> datetime | None:
        """Since when the first of the runs hangs that somebody may still wait for."""
        lately = (row["open_since"] for row in self.hanging if row["open_seconds"] <= HANGING_FOR_SECONDS)
        return min(lately, default=None)


def state_of(evidence: Evidence) -> tuple[State, datetime | None]:
    """The state, and since when (UTC); None where it has no beginning."""
    return next((state, since(evidence)) for state, holds, since in _RULES if holds(evidence))


def _is_down(evidence: Evidence) -> bool:
    return evidence.open_stretch is not None and evidence.open_stretch.is_confirmed


def _down_since(evidence: Evidence) -> datetime | None:
    return from_us(evidence.open_stretch.failing_since) if evidence.open_stretch else None


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
    return activity.decided_28d >= MIN_RUNS and (activity.flip_rate or 0.0) >= FLAKY_FLIP_RATE


def _is_new(evidence: Evidence) -> bool:
    """Whether it first ran within 7 days, and was not there on a whole day a week before that."""
    first = evidence.activity.first_run_at
    a_week_before = day_of_us(first) - timedelta(days=NEW_DAYS)
    is_young = first > evidence.history.until_us - NEW_DAYS * DAY_US
    return is_young and any(worth.is_whole and worth.day <= a_week_before for worth in evidence.history.days)


def _last_trouble_ended(evidence: Evidence) -> datetime | None:
    ends = [row["ended_at"] for row in evidence.silences if row["ended_at"] is not None]
    ends += [from_us(stretch.ended_at) for stretch in evidence.stretches if stretch.is_confirmed and stretch.ended_at]
    return max(ends, default=None)


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


_RULES: tuple[tuple[State, Callable[[Evidence], bool], Callable[[Evidence], datetime | None]], ...] = (
    (State.DOWN, _is_down, _down_since),
    (State.SILENT, lambda it: it.open_silence is not None, _silent_since),
    (State.DEGRADED, _is_degraded, _degraded_since),
    (State.HANGING, lambda it: it.hanging_since is not None, lambda it: it.hanging_since),
    (State.FLAKY, _is_flaky, lambda it: _instant(it.activity.first_failure_28d_at)),
    (State.NEW, _is_new, lambda it: from_us(it.activity.first_run_at)),
    (State.TOO_FEW_RUNS, lambda it: it.activity.decided_28d < MIN_RUNS, lambda _: None),
    (State.OK, lambda _: True, _last_trouble_ended),
)
