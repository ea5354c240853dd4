"""What the simulated pipelines are like, and when they have a bad time.

Everything here depends on the date alone, never on the day the server was started. All hours are UTC, all
durations are in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Protocol

from runs_assets.sandbox.identity import named_id

#: How likely a run is in each of the 24 hours of a day.
OFFICE = (1, 1, 1, 1, 1, 2, 5, 12, 20, 24, 24, 20, 16, 20, 24, 22, 18, 12, 6, 4, 3, 2, 1, 1)
NIGHT = (14, 20, 24, 20, 12, 6, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 8, 12)
ALL_DAY = (1,) * 24

CREEP_DAYS = 28


@dataclass(frozen=True)
class Pipeline:
    """One workflow or connector."""

    name: str
    runs_per_day: float
    median_seconds: int
    failure_rate: float
    hours: Sequence[int] = ALL_DAY
    spread: float = 0.5  # standard deviation of the logarithm of the duration
    weekend: float = 1.0  # its volume on Saturdays and Sundays, as a factor
    creep: float = 0.0  # what the failure rate gains, day by day, in each cycle of CREEP_DAYS days
    on_the_quarter: bool = False  # started by a timetable: at :00, :15, :30 and :45 sharp
    every_minutes: int | None = None  # started once in each span of so many minutes, whatever its runs per day

    @cached_property
    def id(self) -> str:
        """The id that the API shows for it."""
        return named_id(self.name)

    def expected_runs(self, day: date) -> float:
        """Return how many runs an average day like this one has."""
        return self.runs_per_day * (self.weekend if day.weekday() >= 5 else 1.0)

    def usual_failure_rate(self, day: date) -> float:
        """Return the chance that a run fails outside of incidents."""
        return self.failure_rate + self.creep * (day.toordinal() % CREEP_DAYS) / (CREEP_DAYS - 1)


class BadTime(Protocol):
    """A bad time of some runs."""

    def rate_of(self, pipeline: Pipeline, at: datetime) -> float:
        """Return the chance that a run that starts then fails because of it; 0 if it has nothing to do with it."""
        ...


@dataclass(frozen=True)
class PlannedIncident:
    """A bad time that comes back every `every_days` days, so that any fortnight holds a whole one."""

    every_days: int
    on_days: Sequence[int]  # date ordinal modulo every_days
    failure_rate: float
    from_hour: int = 0
    to_hour: int = 24  # excluded
    pipeline: str | None = None  # None: all of the platform

    def rate_of(self, pipeline: Pipeline, at: datetime) -> float:
        """See `BadTime`."""
        is_caught = (
            at.toordinal() % self.every_days in self.on_days
            and self.from_hour <= at.hour < self.to_hour
            and self.pipeline in (None, pipeline.name)
        )
        return self.failure_rate if is_caught else 0.0


@dataclass(frozen=True)
class Episode:
    """What happens to one pipeline from an instant on, to another (not inside) or for ever.

    Its runs fail at `failure_rate`, or at what has risen to that by `rises_until`; have a new `version`; or there are
    none. With `span_minutes`, only those of one in `one_in` spans of so many minutes of the day fail.
    """

    pipeline: str
    start: datetime
    end: datetime | None = None
    failure_rate: float = 0.0
    rises_until: datetime | None = None
    span_minutes: int | None = None
    one_in: int = 1
    version: str | None = None
    is_silent: bool = False

    def covers(self, pipeline: Pipeline, created_at: datetime) -> bool:
        """Return whether it is about a run of `pipeline` created then."""
        is_during = self.start <= created_at and (self.end is None or created_at < self.end)
        return is_during and pipeline.name == self.pipeline

    def rate_of(self, pipeline: Pipeline, at: datetime) -> float:
        """See `BadTime`."""
        if not (self.covers(pipeline, at) and self._is_its_turn(at)):
            return 0.0
        if self.rises_until is None:
            return self.failure_rate
        return self.failure_rate * min(1.0, (at - self.start) / (self.rises_until - self.start))

    def _is_its_turn(self, at: datetime) -> bool:
        minute = at.hour * 60 + at.minute
        return self.span_minutes is None or minute // self.span_minutes % self.one_in == 0


@dataclass(frozen=True)
class Profiles:
    """The pipelines of a platform, and what happens to them."""

    pipelines: Sequence[Pipeline]
    incidents: Sequence[BadTime]

    def episodes(self, pipeline: Pipeline, created_at: datetime) -> list[Episode]:
        """Return the episodes that a run of `pipeline` created then is in."""
        found = (incident for incident in self.incidents if isinstance(incident, Episode))
        return [episode for episode in found if episode.covers(pipeline, created_at)]


@dataclass(frozen=True)
class Site:
    """The Productsup site, project and account that a connector works for."""

    site_id: int
    site_name: str
    project_id: int
    project_name: str
    account_id: int
    account_name: str


WORKFLOWS = (
    Pipeline("claims-status-check", 70, 45, 0.03, OFFICE, weekend=0.3),
    Pipeline("eligibility-lookup", 55, 30, 0.02, OFFICE, weekend=0.5),
    Pipeline("invoice-download", 40, 90, 0.05, NIGHT, on_the_quarter=True),
    Pipeline("supplier-portal-export", 30, 240, 0.08, ALL_DAY, on_the_quarter=True),
    Pipeline("prior-authorization", 22, 180, 0.06, OFFICE, weekend=0.1, creep=0.30),
    Pipeline("address-update", 20, 60, 0.01, ALL_DAY),
    Pipeline("statement-upload", 12, 400, 0.12, NIGHT, spread=0.8),
    Pipeline("contract-archive", 12, 1500, 0.04, NIGHT, spread=0.7, weekend=2.0),
)
WORKFLOW_INCIDENTS = (
    PlannedIncident(10, (3,), 0.95, from_hour=9, to_hour=15),
    PlannedIncident(11, (6, 7), 0.90, pipeline="supplier-portal-export"),
)

CONNECTORS = (
    Pipeline("marketplace-orders", 48, 120, 0.02, ALL_DAY, on_the_quarter=True),
    Pipeline("price-feed", 48, 60, 0.01, ALL_DAY, on_the_quarter=True),
    Pipeline("stock-sync", 40, 90, 0.03, OFFICE, weekend=0.6),
    Pipeline("image-import", 24, 600, 0.05, NIGHT, spread=0.9),
    Pipeline("review-import", 16, 200, 0.04, OFFICE, creep=0.25),
    Pipeline("catalog-export", 12, 1800, 0.06, NIGHT, on_the_quarter=True),
    Pipeline("ads-report", 10, 300, 0.10, OFFICE, weekend=0.2),
    Pipeline("full-rebuild", 8, 14400, 0.08, ALL_DAY, spread=0.3),
)
CONNECTOR_INCIDENTS = (
    PlannedIncident(12, (5,), 1.0, pipeline="marketplace-orders"),
    PlannedIncident(9, (2,), 0.85, from_hour=12, to_hour=18),
)

WORKFLOW_PROFILES = Profiles(WORKFLOWS, WORKFLOW_INCIDENTS)
CONNECTOR_PROFILES = Profiles(CONNECTORS, CONNECTOR_INCIDENTS)

SITES = tuple(
    Site(
        9001 + n,
        f"SANDBOX Site {n + 1}",
        900 + n // 2,
        f"SANDBOX Project {n // 2 + 1}",
        90,
        "SANDBOX Account",
    )
    for n in range(4)
)
