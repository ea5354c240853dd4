"""Decisions to notify people of an event: data, made by `evaluation` and `pipelines`, worded by `notifications`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import PipelineIncident, PlatformIncident
from runs_assets.alerts.observation import JobFailure, Row, SourceObservation
from runs_assets.watch_entries import Severity


class Change(StrEnum):
    """Why people are notified again of a pipeline's incident."""

    FLAPPING = "it came back within a day"
    STATE = "another state, which is more severe or something else"
    FAILURES = "many times as many failures in a row"
    RATE = "a much higher failure rate"
    REASON = "a new reason"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An event to notify people of, and the tags to which it is routed; itself about the settings of notifications."""

    event: Event
    severity: Severity = Severity.WARNING
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobDecision(Decision):
    """About a job whose latest run failed, or the source that it reads (`view`), which may be unread instead.

    `failures` happened since it was last resolved; 0 if it was not, or longer than a day ago.
    """

    job: str
    since: datetime
    failure: JobFailure | None
    failures: int
    view: SourceObservation | None = None


@dataclass(frozen=True, kw_only=True)
class PlatformDecision(Decision):
    """About many pipelines of a source at once: those that are `bad` (down or silent) and, at its end, `resolved`."""

    view: SourceObservation
    incident: PlatformIncident
    bad: tuple[Row, ...]
    resolved: tuple[PipelineIncident, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PipelineDecision(Decision):
    """About a pipeline: its incident, its row of `pipeline_health` (None: gone), and the state it was in before.

    `change` is why there is an update. `ended_at` is when it ended, if that is known of one that is over. Until that is
    told it takes so many `successes_needed` in a row.
    """

    view: SourceObservation
    incident: PipelineIncident
    row: Row | None
    previous_state: str
    change: Change | None = None
    ended_at: datetime | None = None
    successes_needed: int = 1


@dataclass(frozen=True, kw_only=True)
class NoticeDecision(Decision):
    """About a failure of a pipeline that is no incident: its row of `pipeline_health`."""

    view: SourceObservation
    row: Row


Decisions = list[Decision]
