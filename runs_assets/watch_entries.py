"""Entries of the watch file that say how people are notified of pipelines: routes, mutes and rules.

`source` and `pipeline` are shell patterns; a pipeline's is matched against its id and its name, and only `*` matches a
source as a whole.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator

from runs_assets.days import end_of


class Severity(StrEnum):
    """Of a notification: a pipeline or platform is down; something else is wrong; a notice or the week's summary."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Subject(NamedTuple):
    """What a notification is about: a pipeline, without one its source as a whole, without a source the project."""

    source: str | None = None
    pipeline_id: str | None = None
    pipeline_name: str | None = None


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY_FORM = re.compile(rf"({'|'.join(WEEKDAYS)}) (\d\d:\d\d)-(\d\d:\d\d)")


class WeeklyTime(NamedTuple):
    """From `start` on a weekday (0 is Monday) to `end`, on the next day if it is not later; on local clocks."""

    weekday: int
    start: time
    end: time

    @classmethod
    def of(cls, text: str) -> Self:
        """From `sun 02:00-06:00`; `ValueError` for any other form."""
        found = _WEEKLY_FORM.fullmatch(text)
        try:
            if found:
                return cls(WEEKDAYS.index(found[1]), time.fromisoformat(found[2]), time.fromisoformat(found[3]))
        except ValueError:  # no such time of day
            pass
        raise ValueError("must be a weekday and its times, such as sun 02:00-06:00")

    def between(self, first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Its [start, end) that touch `first` to `last` (aware, inclusive), in order, UTC."""
        overnight = timedelta(days=int(self.end <= self.start))
        day = first.astimezone(zone).date() - timedelta(days=1)
        while day <= last.astimezone(zone).date():
            if day.weekday() == self.weekday:
                start, end = (
                    datetime.combine(on, at, zone).astimezone(UTC)
                    for on, at in ((day, self.start), (day + overnight, self.end))
                )
                if start <= last and first < end:
                    yield start, end
            day += timedelta(days=1)


def time_zone(name: str) -> str:
    """The same; `ValueError` unless it is a name of the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database, such as Europe/Berlin") from None
    return name


def _weekly(text: str) -> str:
    WeeklyTime.of(text)
    return text


def end_at(until: date) -> datetime:
    """The first instant after a UTC day, or a time, which is in UTC if it has no zone."""
    if not isinstance(until, datetime):
        return end_of(until)
    return until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
TomlDate = Annotated[datetime, Strict()] | Annotated[date, Strict()]


class Entry(BaseModel):
    """Immutable; nothing but what is declared, and no value in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class About(Entry):
    """What an entry applies to: all pipelines of all sources by default."""

    source: Words = "*"
    pipeline: Words = "*"

    def covers(self, subject: Subject) -> bool:
        """Whether it applies to a subject; only `*` matches an unknown name, or a source as a whole."""
        source, *names = (name or "" for name in subject)
        return fnmatchcase(source, self.source) and any(fnmatchcase(name, self.pipeline) for name in names)


class Route(About):
    """Notifications of this severity (all by default) go to the addresses that have `tag`."""

    severity: Severity | None = None
    tag: Tag


class Mute(About):
    """No notifications: until a time or the end of a UTC day, or at a time of each week, or both: each week until then.

    Runs that are created in a weekly one are left out of rates if they are `not_in_rates`.
    """

    until: TomlDate | None = None
    weekly: Annotated[str, AfterValidator(_weekly)] | None = None
    timezone: Annotated[str, AfterValidator(time_zone)] = "UTC"
    not_in_rates: bool = False
    reason: Words

    @model_validator(mode="after")
    def _is_limited(self) -> Self:
        if self.until is None and self.weekly is None:
            raise ValueError("until or weekly is needed")
        if self.weekly is None and {"timezone", "not_in_rates"} & self.model_fields_set:
            raise ValueError("timezone and not_in_rates are for a weekly one")
        return self

    def holds_at(self, now: datetime) -> bool:
        """Whether it holds at `now` (aware)."""
        return (self.until is None or now < end_at(self.until)) and (
            self.weekly is None or next(self.between(now, now), None) is not None
        )

    def between(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The [start, end) of a weekly one that touch `first` to `last` (aware, inclusive), UTC; none after `until`."""
        if self.weekly is None:
            return
        for start, end in WeeklyTime.of(self.weekly).between(first, last, ZoneInfo(self.timezone)):
            if self.until is None or start < end_at(self.until):
                yield start, end if self.until is None else min(end, end_at(self.until))


class Tell(StrEnum):
    """Of what people are notified: each failed run, incidents and notices, incidents alone, or nothing."""

    EVERY_FAILURE = "every failure"
    USUAL = "usual"
    INCIDENTS = "incidents"
    NEVER = "never"


class Rule(About):
    """How a pipeline differs: of what people are notified, `after` how many failures in a row, and how severe it is."""

    tell: Tell = Tell.USUAL
    after: Annotated[int, Strict(), Field(ge=1)] | None = None
    severity: Literal[Severity.CRITICAL, Severity.WARNING] | None = None
