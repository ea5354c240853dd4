"""Incidents, and their life: opened, updated, reminded of, resolved or given up.

Pure, and the same for a pipeline, a platform, a source, a job and the settings of notifications: `advance` alone says
which event follows from the incident as remembered and the condition that holds now. A `Policy` is how kinds differ.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from runs_assets.watch_entries import Severity, Subject

DAY, WEEK = timedelta(hours=24), timedelta(days=7)
"""A day at least is between two reminders, and between two openings of what a policy limits or what flaps."""
FIRST_REMINDERS = (DAY, 3 * DAY)
"""So long after it opened people are reminded of an incident, and then every week: soon enough to be still of use, and
too seldom to be filtered away."""


class Event(StrEnum):
    """What a notification is about: a step in the life of an incident, a single fact, or the summary of a week."""

    OPENED = "opened"
    UPDATED = "updated"
    REMINDED = "reminded"
    RESOLVED = "resolved"
    GIVEN_UP = "given up"
    NOTICE = "notice"
    SUMMARY = "summary"


class Remembered(BaseModel):
    """Immutable, and the same after a round trip through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Incident(Remembered):
    """Something that is wrong, or was within a day (`is_resolved`).

    `notified_at` is the time of the last notification about it, None before the first one; `tags` are those of all of
    them, None before the first. `failures_since` counts failures after it was resolved that were not reported yet. One
    that `is_history` came by a backfill and waits for the digest; one that `is_given_up` was closed though it goes on.
    An urgent one is not limited to one notification a day. One that `is_flapping` came back within a day (a week if it
    runs rarely), and stays open until nothing has been wrong for as long: since `well_since`, None while something is.
    """

    since: AwareDatetime | None
    notified_at: AwareDatetime | None = None
    tags: tuple[str, ...] | None = None
    opened_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    failures_since: int = 0
    is_resolved: bool = False
    is_urgent: bool = False
    is_history: bool = False
    is_given_up: bool = False
    is_flapping: bool = False
    well_since: AwareDatetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether people were notified that it began, and not that it is over."""
        return self.notified_at is not None and not self.is_resolved and not self.is_given_up

    def recipients(self, routed: frozenset[str]) -> tuple[str, ...]:
        """The tags of its next notification: where it is `routed`, and all who were notified before."""
        return tuple(sorted({*routed, *(self.tags or ())}))


class PipelineIncident(Incident):
    """What is wrong with a pipeline; `since` and `state` are as in `pipeline_health`.

    What people were notified of last: the state, `failures` in a row, and the failure `rate` if it is worse than usual
    (None if not); and all `reasons` so far. They heard at `updated_at` that it had changed without being more severe.
    `worst_rate` is the highest failure rate of 24 hours while something was wrong. Of one that `is_listed` they know
    only from the list at the end of a platform incident.
    """

    pipeline_id: str | None
    pipeline_name: str | None
    state: str
    failures: int = 0
    rate: float | None = None
    reasons: tuple[str, ...] = ()
    updated_at: AwareDatetime | None = None
    worst_rate: float = 0.0
    is_listed: bool = False

    def subject(self, source: str) -> Subject:
        """The pipeline, of the source whose memory this is in."""
        return Subject(source, self.pipeline_id, self.pipeline_name)


class PlatformIncident(Incident):
    """What befell many pipelines of a source at once (`state`: failing, silent, down or in trouble).

    If it is a matter of what they have in `common` ("workspace 600"), other pipelines are no part of it.

    `affected` of the `active` pipelines is what people were notified of last (`usual` would be as many by chance), and
    `members` are the ids of all that ever were. The source has been well since `well_since`, None while it is not.
    Pipelines that are down or silent are a part of it if that was confirmed from `counts_from` to `counts_until`;
    later ones are on their own.
    """

    since: AwareDatetime
    state: str = "down"
    affected: int = 0
    active: int = 0
    usual: float | None = None
    common: str | None = None
    members: tuple[str | None, ...] = ()
    well_since: AwareDatetime | None = None
    counts_from: AwareDatetime
    counts_until: AwareDatetime | None = None

    def covers(self, pipeline_id: str | None) -> bool:
        """Whether what happens to a pipeline can be a part of it."""
        return self.common is None or pipeline_id in self.members

    def is_after(self, instant: datetime) -> bool:
        """Whether what happened at `instant` came too late to be a part of it."""
        return self.counts_until is not None and instant > self.counts_until


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An event to notify people of, and the tags to which it is routed; itself about the settings of notifications."""

    event: Event
    severity: Severity = Severity.WARNING
    tags: tuple[str, ...] = ()


AnyIncident = TypeVar("AnyIncident", bound=Incident)


@dataclass(frozen=True)
class Policy:
    """How the lives of one kind of incident differ from those of others.

    `is_limited`: at most one opening and one resolution in 24 hours unless it is urgent; failures in between are
    counted, and reported with the next opening. `reminded_for`: from its beginning on, None for as long as it lasts.
    `keeps_since`: it began when it opened, whatever is found out later. `may_flap`: one that comes back soon after it
    opened (`Condition.flaps_within`) does not open again, but is updated once, as flapping.
    """

    is_limited: bool = False
    may_flap: bool = False
    reminded_for: timedelta | None = None
    keeps_since: bool = False


@dataclass(frozen=True)
class Condition(Generic[AnyIncident]):
    """What holds at `now`: the incident as it would open now (None if nothing is wrong), and what bears on it.

    While it `is_muted` there is no event, while it `is_acknowledged` no reminder. What is not watched any more is given
    up instead of reminded of or resolved. It is over when nothing has been wrong `well_for` so long. What comes
    back `flaps_within` so long after it opened is the same incident.
    """

    now: datetime
    incident: AnyIncident | None
    is_muted: bool = False
    is_acknowledged: bool = False
    is_watched: bool = True
    has_changed: bool = False
    has_failed_again: bool = False
    well_for: timedelta = timedelta(0)
    flaps_within: timedelta = DAY


@dataclass(frozen=True)
class Transition(Generic[AnyIncident]):
    """The event to notify of, the incident to remember, and the failures to report that came after a resolution."""

    event: Event | None
    incident: AnyIncident | None
    failures: int = 0


def advance(before: AnyIncident | None, found: Condition[AnyIncident], policy: Policy) -> Transition[AnyIncident]:
    """What follows from an incident as remembered and what holds now; the same condition again has no event."""
    if before and before.is_resolved:
        return _come_back(before, found, policy) if policy.may_flap else _after_resolution(before, found)
    if found.incident is None or not found.is_watched:
        return _close(before, found, policy)
    incident = _carry_on(before, found.incident, policy)
    event = None if incident.is_history or found.is_muted else _event(incident, found, policy)
    if event:
        opened_at = found.now if event is Event.OPENED else incident.opened_at and min(incident.opened_at, found.now)
        return Transition(event, incident.model_copy(update={"notified_at": found.now, "opened_at": opened_at}))
    if found.is_muted and before and before.notified_at:  # a change is news when the mute ends
        return Transition(None, before.model_copy(update={"is_urgent": incident.is_urgent}))
    return Transition(None, incident)


def _carry_on(before: AnyIncident | None, found: AnyIncident, policy: Policy) -> AnyIncident:
    """The incident as found, with the life that it has had; it is history until something newer is found."""
    if before is None:
        return found
    if before.is_given_up:
        return found.model_copy(update={"is_history": False})
    kept = {name: getattr(before, name) for name in ("notified_at", "tags", "opened_at", "resolved_at", "is_flapping")}
    since = before.since if policy.keeps_since or before.is_flapping else found.since
    is_urgent, is_history = before.is_urgent or found.is_urgent, before.is_history and found.is_history
    return found.model_copy(update={**kept, "since": since, "is_urgent": is_urgent, "is_history": is_history})


def _event(incident: Incident, found: Condition[AnyIncident], policy: Policy) -> Event | None:
    if incident.notified_at is None:
        return Event.OPENED
    if found.has_changed:
        return Event.UPDATED
    limit, since = policy.reminded_for, incident.since
    is_over = limit is not None and since is not None and found.now - since > limit
    opened_at = incident.opened_at or incident.notified_at
    is_due = _is_reminder_due(opened_at, incident.notified_at, found.now)
    return Event.REMINDED if is_due and not is_over and not found.is_acknowledged else None


def _is_reminder_due(opened_at: datetime, notified_at: datetime, now: datetime) -> bool:
    """Whether the time of a reminder has come since the last notification, and that is a day ago.

    Or a day ahead, and so both: a clock was wrong.
    """
    if notified_at > now:
        return _is_a_day(notified_at, now)
    return now - notified_at >= DAY and _reminders(now - opened_at) > _reminders(notified_at - opened_at)


def _reminders(age: timedelta) -> int:
    """How many reminders belong to an incident that opened so long ago."""
    return sum(age >= first for first in FIRST_REMINDERS) + max(age // WEEK, 0)


def _close(before: AnyIncident | None, found: Condition[AnyIncident], policy: Policy) -> Transition[AnyIncident]:
    """Nothing is wrong, or what is wrong is not watched any more: what nobody was notified of is forgotten."""
    if before is None or before.notified_at is None or before.is_given_up:
        return Transition(None, before if before and before.is_given_up and found.incident else None)
    is_too_soon = policy.is_limited and not before.is_urgent and not _is_a_day(before.resolved_at, found.now)
    if found.is_muted or is_too_soon:
        return Transition(None, before)
    if not found.is_watched:
        closed = before.model_copy(update={"is_given_up": True})
        return Transition(Event.GIVEN_UP, closed if found.incident else None)
    well_for = max(found.well_for, found.flaps_within) if before.is_flapping else found.well_for
    if well_for and not (before.well_since and abs(found.now - before.well_since) >= well_for):
        return Transition(None, before.model_copy(update={"well_since": before.well_since or found.now}))
    is_kept = policy.is_limited or (policy.may_flap and not _is_past(before.opened_at, found.now, found.flaps_within))
    resolved = {"is_resolved": True, "is_urgent": False, "resolved_at": found.now, "failures_since": 0}
    return Transition(Event.RESOLVED, before.model_copy(update=resolved) if is_kept else None)


def _come_back(before: AnyIncident, found: Condition[AnyIncident], policy: Policy) -> Transition[AnyIncident]:
    """Soon after it opened it is the same incident, which flaps; later it would be another."""
    incident = found.incident
    if _is_past(before.opened_at, found.now, found.flaps_within):
        return advance(None, found, policy)
    if incident is None or incident.is_history or found.is_muted or not found.is_watched:
        return Transition(None, before)
    flapping = _carry_on(before.model_copy(update={"is_flapping": True}), incident, policy)
    return Transition(Event.UPDATED, flapping.model_copy(update={"notified_at": found.now}))


def _after_resolution(before: AnyIncident, found: Condition[AnyIncident]) -> Transition[AnyIncident]:
    """Failures are counted, and reported a day after the last opening, even if it is resolved again by then."""
    if found.is_muted:
        return Transition(None, before)
    now, incident = found.now, found.incident
    failures = max(before.failures_since + found.has_failed_again, int(incident is not None))
    if not (incident and incident.is_urgent) and not _is_a_day(before.opened_at, now):
        return Transition(None, before.model_copy(update={"failures_since": failures}))
    if not failures:
        return Transition(None, None if _is_a_day(before.resolved_at, now) else before)
    opened = {"notified_at": now, "opened_at": now, "failures_since": 0, "is_resolved": incident is None}
    renewed = {"since": incident.since, "is_urgent": incident.is_urgent} if incident else {}
    reported = failures if before.failures_since else 0
    return Transition(Event.OPENED, before.model_copy(update=opened | renewed), reported)


def _is_a_day(since: datetime | None, now: datetime) -> bool:
    return _is_past(since, now, DAY)


def _is_past(since: datetime | None, now: datetime, wait: timedelta) -> bool:
    """Also if `since` is so far ahead: a clock was wrong."""
    return since is None or abs(now - since) >= wait
