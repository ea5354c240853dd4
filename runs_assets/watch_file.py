"""The watch file: what people know about the pipelines and no API does, in a small TOML file.

Who is notified of what (`[[routes]]`, `[[rules]]`), what is being worked on (`[[mutes]]`), how often a pipeline has to
run (`[[expectations]]`), who owns it (`[[owners]]`), and where the platforms show a run (`[links]`). Everything in it
is optional, and so is the file.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    model_validator,
)

from runs_assets.errors import SettingsError
from runs_assets.settings import LOOPBACK_HOSTS
from runs_assets.watch_entries import About, Entry, Mute, Route, Rule, Severity, Subject, Words
from runs_assets.weekly_times import time_zone

WATCHED_FOR = timedelta(days=28)
"""How long after its last run a pipeline's silence is watched."""
PLACEHOLDERS = frozenset({"run_id", "pipeline_id"})
_SPAN = re.compile(r"(\d{1,4})([mhdw])")
_ABSOLUTE = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
_CALENDAR_DAYS = {"d": 1, "w": 7}


def _span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        raise ValueError("must be a number followed by m, h, d or w, such as 15m, 6h, 1d or 1w")
    return text


def _positive_span(text: str) -> str:
    if int(_span(text)[:-1]) == 0:
        raise ValueError("must not be zero")
    return text


def _link_template(template: str) -> str:
    """An https address with no placeholder before its path; `ValueError` for any other."""
    try:
        parts, url = list(Formatter().parse(template)), urlsplit(template)
    except ValueError:
        raise ValueError("is not a URL, or has an unmatched brace") from None
    if any(name is not None and (name not in PLACEHOLDERS or form or how) for _, name, form, how in parts):
        raise ValueError("may only have the placeholders {run_id} and {pipeline_id}")
    if not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK_HOSTS)) or not url.hostname:
        raise ValueError("must begin with https:// and a host")
    if "{" in url.netloc or url.username is not None:
        raise ValueError("must not have a placeholder or a user name in its host")
    return template


class Expectation(About):
    """A run is created at least every `every`, give or take `grace`."""

    every: Annotated[str, AfterValidator(_positive_span)]
    grace: Annotated[str, AfterValidator(_span)]
    timezone: Annotated[str, AfterValidator(time_zone)] = "UTC"

    @model_validator(mode="after")
    def _is_watched_for_long_enough(self) -> Self:
        some_run = datetime(2026, 1, 1, tzinfo=UTC)
        if self.overdue_at(some_run) - some_run >= WATCHED_FOR:
            raise ValueError("every and grace together must be less than 28 days, after which a silence is given up")
        return self

    def overdue_at(self, last_run: datetime) -> datetime:
        """When the next run is overdue, grace included, if the last one was created at `last_run` (aware); UTC.

        Days and weeks follow the calendar in `timezone`, so that a daily run at 06:00 is expected at 06:00 also after
        the clocks change; hours and minutes are elapsed time.
        """
        zone = ZoneInfo(self.timezone)
        return _after(_after(last_run, self.every, zone), self.grace, zone)


class Owner(About):
    """Who owns a pipeline: a name for people to read."""

    owner: Words


_Found = TypeVar("_Found", bound=About)


class WatchFile(Entry):
    """The whole file. The first matching rule, expectation and owner apply, and all matching routes and mutes."""

    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    mutes: tuple[Mute, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    owners: tuple[Owner, ...] = ()
    links: dict[str, Annotated[str, AfterValidator(_link_template)]] = Field(default_factory=dict)

    def expectation_of(self, subject: Subject) -> Expectation | None:
        """How often the pipeline has to run; None if that is not set."""
        return next(_about(subject, self.expectations), None)

    def owner_of(self, subject: Subject) -> str | None:
        """Who owns the pipeline; None if that is not set."""
        return next((entry.owner for entry in _about(subject, self.owners)), None)

    def rule_of(self, subject: Subject) -> Rule:
        """How the pipeline differs; not at all if no rule matches."""
        return next(_about(subject, self.rules), Rule())

    def is_muted(self, subject: Subject, now: datetime) -> bool:
        """Whether there are no notifications at `now` (aware)."""
        return any(mute.holds_at(now) for mute in _about(subject, self.mutes))

    def left_out(self, subject: Subject, first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
        """The [start, end) that touch `first` to `last` (aware) and whose runs are left out of the pipeline's rates."""
        mutes = (mute for mute in _about(subject, self.mutes) if mute.not_in_rates)
        return [found for mute in mutes for found in mute.between(first, last)]

    def tags_of(self, subject: Subject, severity: Severity) -> frozenset[str]:
        """The tags to which a notification is routed; none if no route matches."""
        routes = _about(subject, self.routes)
        return frozenset(route.tag for route in routes if route.severity in {None, severity})

    def link_of(self, source: str, run_id: str, pipeline_id: str | None) -> str | None:
        """The platform's page of a run; None without a template, or if that needs a pipeline and the run has none."""
        template = self.links.get(source)
        if template is None or ("{pipeline_id}" in template and pipeline_id is None):
            return None
        return template.format(run_id=quote(run_id, safe=""), pipeline_id=quote(pipeline_id or "", safe=""))


def load_watch_file(path: Path | None) -> WatchFile:
    """The file; an empty one if no path is set.

    Raises `SettingsError` naming the file, the entry and what is wrong with it, never a value.
    """
    if path is None:
        return WatchFile()
    try:
        with path.open("rb") as file:
            return WatchFile.model_validate(tomllib.load(file))
    except OSError as error:
        why = error.strerror or "it cannot be read"
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        why = f"it is not TOML: {error}"
    except ValidationError as error:
        why = "; ".join(f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors())
    raise SettingsError(f"The watch file {path} (RUNS_ASSETS_WATCH_FILE) is invalid: {why}. Correct the file.")


def _about(subject: Subject, entries: Iterable[_Found]) -> Iterator[_Found]:
    return (entry for entry in entries if entry.covers(subject))


def _after(instant: datetime, span: str, zone: ZoneInfo) -> datetime:
    count, unit = int(span[:-1]), span[-1]
    if unit in _ABSOLUTE:
        return instant.astimezone(UTC) + count * _ABSOLUTE[unit]
    local = instant.astimezone(zone) + timedelta(days=count * _CALENDAR_DAYS[unit])
    # Where the clocks skip or repeat the hour, the later reading: nobody is notified of a run that is not missed yet.
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _place(loc: tuple[Any, ...]) -> str:
    """`("mutes", 0, "until")` as `mutes 1, until`; the parts of a union that pydantic adds are left out."""
    if not loc:
        return "the file"
    entry = f"{loc[0]} {loc[1] + 1}" if len(loc) > 1 and isinstance(loc[1], int) else str(loc[0])
    inside = [str(part) for part in loc[2 if " " in entry else 1 :]][:1]
    return ", ".join([entry, *inside])
