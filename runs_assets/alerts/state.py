"""What was told so far, and what is still to be delivered: all that messages remember from one look to the next."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from runs_assets.watch_file import Severity


class Remembered(BaseModel):
    """Immutable, and the same after a round trip through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(StrEnum):
    """What a message tells about something that is wrong."""

    OPENED = "opened"
    CHANGED = "changed"
    REMINDED = "reminded"
    ENDED = "ended"
    GIVEN_UP = "given up"
    SUMMARY = "summary"


class Message(Remembered):
    """A message as it is sent, plain text. It goes to every address if it has no `tags`."""

    title: str
    body: str
    event: Event
    severity: Severity
    tags: tuple[str, ...] = ()
    decided_at: AwareDatetime

    def also_to(self, told: tuple[str, ...] | None) -> "Message":
        """The message for those too who were `told` before, so that whoever heard of a beginning hears of the end."""
        tags = tuple(sorted({*self.tags, *told})) if told and self.tags else ()
        return self if told is None else self.model_copy(update={"tags": tags})


class Delivery(Remembered):
    """A message that an address (by its fingerprint, never the address) has not taken yet."""

    message: Message
    address: str
    tries: int = 0
    next_try_at: AwareDatetime


class GivenUp(Remembered):
    """A message that could not be delivered for days, and is tried no more."""

    title: str
    decided_at: AwareDatetime
    given_up_at: AwareDatetime


class Trouble(Remembered):
    """Something of a source or a job that is wrong, or was within a day; one that is wrong now is not `is_over`.

    `told_at` is when it was last told, None if it was not; `opened_at` and `ended_at` when its last beginning and its
    last end were told. `noted` failures came after that end, and were not told yet. What `is_urgent` does not wait.
    """

    since: AwareDatetime
    told_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    noted: int = 0
    is_over: bool = False
    is_urgent: bool = False


class Incident(Remembered):
    """A pipeline that is down or silent.

    `since` is as in `pipeline_health`. `told_at` is None while nothing was told, which stays so if it `is_old`: it came
    by a backfill and waits for the digest. `told` are the tags of all messages about it, empty for everybody. An
    incident that `is_given_up` was closed though nothing has ended it.
    """

    pipeline_id: str | None
    pipeline_name: str | None
    state: str
    since: AwareDatetime | None
    told_at: AwareDatetime | None = None
    told: tuple[str, ...] | None = None
    is_old: bool = False
    is_given_up: bool = False


class PlatformIncident(Remembered):
    """Many pipelines of a source that went down or silent at once.

    It is about those for which that was certain from `counts_from` to `counts_until`; later ones are told singly.
    """

    since: AwareDatetime
    counts_from: AwareDatetime
    counts_until: AwareDatetime | None = None
    told_at: AwareDatetime
    told: tuple[str, ...]

    def is_after(self, instant: datetime) -> bool:
        """Whether what happened at `instant` came too late to be a part of it."""
        return self.counts_until is not None and instant > self.counts_until


class JobFailure(Remembered):
    """The failure of the latest ended run of a job."""

    run_id: str
    ended_at: AwareDatetime
    description: str


class JobState(Remembered):
    """A job whose latest ended run failed, or one within a day; `last_failure` is the last one of it."""

    failure: JobFailure | None
    trouble: Trouble
    last_failure: JobFailure | None = None


class SourceState(Remembered):
    """What is known of a source: how far it was read at the last look, and all that was wrong then."""

    read_until: AwareDatetime | None = None
    job_failure: JobFailure | None = None
    last_failure: JobFailure | None = None
    trouble: Trouble | None = None
    platform: PlatformIncident | None = None
    incidents: tuple[Incident, ...] = ()


class State(Remembered):
    """Everything that messages remember."""

    sources: dict[str, SourceState] = {}
    jobs: dict[str, JobState] = {}
    fault: Trouble | None = None
    outbox: tuple[Delivery, ...] = ()
    given_up: tuple[GivenUp, ...] = ()

    @property
    def oldest_undelivered(self) -> datetime | None:
        """When the message was decided that has waited longest; None if all are delivered."""
        return min((delivery.message.decided_at for delivery in self.outbox), default=None)
