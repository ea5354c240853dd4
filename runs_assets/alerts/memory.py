"""What notifications remember from one evaluation to the next: incidents, the outbox, the watch file; and its file."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, Field

from runs_assets.alerts.former_memories import migrated
from runs_assets.alerts.lifecycle import Event, Incident, PipelineIncident, PlatformIncident, Remembered
from runs_assets.alerts.observation import JobFailure
from runs_assets.errors import DamagedFileError, SettingsError, StorageError
from runs_assets.plain_text.wording import at, shortened
from runs_assets.storage.disk import cannot_read, raising
from runs_assets.storage.layout import Layout
from runs_assets.watch_entries import About, Severity, Subject
from runs_assets.watch_file import WatchFile, load_watch_file

log = logging.getLogger(__name__)
VERSION = 2


class Notification(Remembered):
    """A notification as it is sent, plain text. It goes to addresses without tags, and to those with one of `tags`."""

    title: str
    body: str
    event: Event
    severity: Severity
    tags: tuple[str, ...] = ()
    decided_at: AwareDatetime

    @classmethod
    def summary(cls, title: str, lines: Iterable[str], now: datetime, tags: Iterable[str] = ()) -> "Notification":
        """Of how things are, not about an event."""
        body, kind = "\n".join(lines), Event.SUMMARY
        return cls(title=title, body=body, event=kind, severity=Severity.INFO, tags=tuple(sorted(tags)), decided_at=now)


class Delivery(Remembered):
    """A notification that an address (by its fingerprint, never the address) has not taken yet."""

    notification: Notification
    address: str
    tries: int = 0
    next_try_at: AwareDatetime


class UndeliveredNotification(Remembered):
    """A notification that no try has delivered for days, and that is not tried again."""

    title: str
    decided_at: AwareDatetime
    given_up_at: AwareDatetime


class Notice(Remembered):
    """The last failure of a pipeline that people had a notice of: it is told once."""

    pipeline_id: str | None
    failed_at: AwareDatetime


class Acknowledgement(About):
    """Somebody knows of the incidents of these pipelines: until a time, or until the last of them is over."""

    note: str | None = None
    until: AwareDatetime | None = None
    acknowledged_at: AwareDatetime

    def holds(self) -> str:
        """Until when, and what was noted, in words."""
        until = f"until {at(self.until)}" if self.until else "until it is over"
        return f"{until}: {shortened(self.note)}" if self.note else until


class JobMemory(Remembered):
    """How the latest ended run of a job failed (None: it did not), how the last failed one did, and its incident."""

    failure: JobFailure | None = None
    last_failure: JobFailure | None = None
    incident: Incident | None = None


class SourceMemory(Remembered):
    """How far a source had been read, and its incidents; being unread is one of the job that reads it.

    `progressed_at` is when it was seen that it had been read further, or that evaluations go on after a pause.
    `earlier_platforms` are the platform incidents before the last into which a span of a week still reaches back.
    """

    read_until: AwareDatetime | None = None
    progressed_at: AwareDatetime | None = None
    job: JobMemory = JobMemory()
    platform: PlatformIncident | None = None
    last_platform: PlatformIncident | None = None
    earlier_platforms: tuple[PlatformIncident, ...] = ()
    pipelines: tuple[PipelineIncident, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def past_platforms(self) -> tuple[PlatformIncident, ...]:
        """The platform incidents that are over, the last one at the end."""
        return (*self.earlier_platforms, *([self.last_platform] if self.last_platform else []))


class Memory(Remembered):
    """Everything that notifications remember; `settings` is the incident of their own settings.

    The first evaluation was at `begun_at`, the welcome at `welcomed_at`. `addresses` are the fingerprints of those that
    know what is open, None before the first notification.
    """

    version: Literal[2] = 2
    begun_at: AwareDatetime | None = None
    welcomed_at: AwareDatetime | None = None
    addresses: tuple[str, ...] | None = None
    sources: dict[str, SourceMemory] = Field(default_factory=dict)
    jobs: dict[str, JobMemory] = Field(default_factory=dict)
    settings: Incident | None = None
    acknowledged: tuple[Acknowledgement, ...] = ()
    outbox: tuple[Delivery, ...] = ()
    undelivered: tuple[UndeliveredNotification, ...] = ()

    def open_incidents(self) -> Iterator["OpenIncident"]:
        """What is open."""
        for name, source in self.sources.items():
            yield from _if_open(Subject(name), "cannot be read, or its job fails", source.job.incident)
            if source.platform:
                yield from _if_open(Subject(name), source.platform.state, source.platform)
            for one in source.pipelines:
                yield from _if_open(one.subject(name), one.state, one)
        for job, memory in self.jobs.items():
            yield from _if_open(Subject(pipeline_id=job), "fails", memory.incident)

    def acknowledged_at(self, now: datetime) -> tuple[Acknowledgement, ...]:
        """The acknowledgements that still hold."""
        return tuple(known for known in self.acknowledged if known.until is None or now < known.until)


class OpenIncident(NamedTuple):
    """An incident that is open, with its state in words."""

    subject: Subject
    state: str
    incident: Incident


def _if_open(subject: Subject, state: str, incident: Incident | None) -> Iterator[OpenIncident]:
    if incident and incident.is_open:
        yield OpenIncident(subject, state, incident)


class MemoryFile:
    """`<data>/.alerts/state.json`, replaced atomically; its time of modification is that of the last evaluation."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.file = layout.alerts_file("state.json")
        self._version: str | None = None

    def locked(self, patience: float) -> AbstractContextManager[None]:
        """The right to decide and send; raises `BusyError` if another process has it for `patience` seconds."""
        return self._layout.alerts_file("lock").held("the notifications", patience=patience)

    def load(self, now: datetime) -> Memory:
        """What is remembered. A damaged file is kept aside and logged, and the memory begins empty.

        Raises `StorageError` if the file cannot be read, or was written by a newer version of this project. The first
        `save` after this raises `ConflictError` if another process has saved something by then.
        """
        self._version = self.file.version()
        try:
            return self.look()
        except DamagedFileError:
            kept = self._layout.alerts_file(f"damaged-{now:%Y%m%dT%H%M%SZ}.json")
            self.file.copy_to(kept)
        log.error(
            "The file %s is damaged and was kept as %s. Open incidents and undelivered notifications are lost; "
            "whatever is wrong now opens again.",
            self.file,
            kept,
        )
        return Memory(welcomed_at=now)

    def look(self) -> Memory:
        """What is remembered, for those who only read; raises as `load`, and `DamagedFileError`."""
        if (content := self.file.content()) is None:
            return Memory()
        try:
            return self._parsed(content)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            why = f"it is no memory of notifications ({type(error).__name__})"
            raise DamagedFileError(self.file, why, "The next notifications keep it aside and begin anew.") from None

    @property
    def evaluated_at(self) -> datetime | None:
        """When the last evaluation was (UTC); None if there was none."""
        entry = self.file.entry()
        return entry.modified_at if entry else None

    def save(self, memory: Memory, now: datetime) -> None:
        """Make it durable, as of an evaluation at `now`; raises `StorageError` if the disk refuses."""
        self.file.replace(memory.model_dump_json().encode(), version=self._version, modified_at=now)
        self._version = None

    def _parsed(self, content: bytes) -> Memory:
        found = json.loads(content)
        version = found.get("version")
        if isinstance(version, int) and version > VERSION:
            raise StorageError(
                f"The file {self.file} has format version {version}; this runs_assets reads {VERSION} at most. "
                "Upgrade runs_assets, or move the file away: what is wrong then opens again."
            )
        return Memory.model_validate_json(content if version == VERSION else json.dumps(migrated(found)))


def usable_watch_file(path: Path | None, layout: Layout) -> tuple[WatchFile, tuple[str, ...]]:
    """The watch file, and what is wrong with it; then in the last valid version, which is kept, or an empty one.

    A mistake in it must not silence everything. Raises `StorageError` if a copy cannot be kept.
    """
    kept = layout.alerts_file("watch.toml")
    try:
        watch = load_watch_file(path)
    except SettingsError as error:
        faults = (f"{error} Until then its last valid version is used, or none if there was none.",)
        with suppress(ValueError):
            return WatchFile.parsed(kept.content() or b""), faults
        return WatchFile(), faults
    if path is not None:
        with raising(cannot_read, path):
            content = path.read_bytes()
        if kept.content() != content:
            kept.replace(content)
    return watch, ()
