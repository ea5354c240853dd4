"""A made-up past that follows the clock: seeded, so that everybody sees the same one.

A run is its timeline, fixed once by the seed and its day: each `TimelineStep` says what the run shows from then on.
The generator writes the canonical status of a step beside the platform's word for it, so the truth never
comes out of a mapping that might share a mistake with the code under test. Every time lies on a whole second.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypedDict, overload

from runs_assets.sandbox.history import Row

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class Truth(TypedDict):
    """What a perfect reader would know about a run at an instant: the canonical row."""

    run_id: str
    status: str
    raw_status: str
    is_terminal: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    queue_seconds: float | None
    duration_seconds: float | None
    pipeline_id: str | None
    pipeline_version: str | None
    workspace_id: str | None
    workspace_name: str | None
    project_id: str | None
    project_name: str | None
    site_id: str | None
    site_name: str | None
    process_id: str | None
    exit_code: int | None
    dry_run: bool | None


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """What a run shows from `at` until its next step."""

    at: datetime
    raw_status: str  # the platform's word
    status: str  # the canonical one
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class SimulatedRun(ABC):
    """One run with its whole timeline; the first step is its creation."""

    run_id: str
    steps: tuple[TimelineStep, ...]
    _rendered: dict[datetime, Row] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def created_at(self) -> datetime:
        """When the run appears."""
        return self.steps[0].at

    def step(self, now: datetime) -> TimelineStep:
        """Return the step that the run is in at `now`, which is not before its creation."""
        return next(step for step in reversed(self.steps) if step.at <= now)

    def row(self, now: datetime) -> Row:
        """Return the run as its platform prints it at `now`. Rendered once per step: pages are large."""
        step = self.step(now)
        if step.at not in self._rendered:
            self._rendered[step.at] = self.render(step)
        return self._rendered[step.at]

    @abstractmethod
    def render(self, step: TimelineStep) -> Row:
        """Return the run as its platform prints it during `step`."""

    @abstractmethod
    def truth(self, now: datetime) -> Truth:
        """Return the run as the canonical row should tell it at `now`."""

    def base_truth(self, now: datetime) -> Truth:
        """Return the part of the truth that every platform has, the rest None."""
        step = self.step(now)
        return {
            "run_id": self.run_id,
            "status": step.status,
            "raw_status": step.raw_status,
            "is_terminal": step.status in TERMINAL,
            "created_at": self.created_at,
            "started_at": step.started_at,
            "finished_at": step.finished_at,
            "queue_seconds": _seconds_between(self.created_at, step.started_at),
            "duration_seconds": _seconds_between(step.started_at, step.finished_at),
            "pipeline_id": None,
            "pipeline_version": None,
            "workspace_id": None,
            "workspace_name": None,
            "project_id": None,
            "project_name": None,
            "site_id": None,
            "site_name": None,
            "process_id": None,
            "exit_code": step.exit_code,
            "dry_run": None,
        }


#: Makes the runs created on one UTC day, oldest first, from (day, volume factor, the day's own chance).
DayMaker = Callable[[date, float, Random], Sequence[SimulatedRun]]


class SimulatedHistory:
    """The runs of the `days` UTC days before today and of today until now, as they are now."""

    def __init__(
        self, platform: str, make_day: DayMaker, *, days: int = 45, volume: float = 1.0, seed: int = 1
    ) -> None:
        self.days = days
        self.volume = volume
        self.seed = seed
        self._platform = platform
        self._make_day = make_day
        self._made: dict[date, list[SimulatedRun]] = {}
        self._joined: tuple[date, list[SimulatedRun]] | None = None

    def visible(self, now: datetime) -> Sequence[Row]:
        """Return the rows created at or before `now`, newest first; each is rendered when it is looked at."""
        return _RowsAt(now, self.runs(now))

    def truth(self, now: datetime) -> list[Truth]:
        """Return the canonical rows of all runs that are visible at `now`, newest first."""
        return [run.truth(now) for run in self.runs(now)]

    def runs(self, now: datetime) -> list[SimulatedRun]:
        """Return the runs created at or before `now` (aware), newest first."""
        runs = self._until_end_of(now.astimezone(UTC).date())
        return runs[bisect_left(runs, True, key=lambda run: run.created_at <= now) :]

    def _until_end_of(self, today: date) -> list[SimulatedRun]:
        joined = self._joined
        if joined is None or joined[0] != today:
            past = (today - timedelta(days=back) for back in range(self.days + 1))
            joined = self._joined = (today, [run for day in past for run in self._day(day)])
        return joined[1]

    def _day(self, day: date) -> list[SimulatedRun]:
        if day not in self._made:
            rng = Random(f"{self.seed}/{self._platform}/{day}")  # noqa: S311  (a simulation, no secret)
            self._made[day] = list(reversed(self._make_day(day, self.volume, rng)))
        return self._made[day]


class _RowsAt(Sequence[Row]):
    """Runs seen as rows at one instant: a page renders only itself, not the whole history."""

    def __init__(self, now: datetime, runs: list[SimulatedRun]) -> None:
        self._now = now
        self._runs = runs

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Row]:
        return (run.row(self._now) for run in self._runs)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [run.row(self._now) for run in self._runs[index]]
        return self._runs[index].row(self._now)


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
