"""The watch file: what people know about the pipelines and no API does, in a small TOML file.

Who is notified of what (`[[routes]]`, `[[rules]]`), what is being worked on (`[[mutes]]`), how often a pipeline has to
run (`[[expectations]]`), when it rests (`[[holidays]]`), who owns it (`[[owners]]`), and where the platforms show a run
(`[links]`). Everything in it is optional, and so is the file.
"""

import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Self, TypeVar, get_args
from urllib.parse import quote, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
)

from runs_assets.calendars import Expectation, Holidays
from runs_assets.errors import SettingsError
from runs_assets.settings import LOOPBACK_HOSTS
from runs_assets.watch_entries import About, Entry, Mute, Route, Rule, Severity, Subject, Words

WATCHED_FOR = timedelta(days=28)
"""How long after its last run a pipeline's silence is watched."""
PLACEHOLDERS = frozenset({"run_id", "pipeline_id"})


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


class Owner(About):
    """Who owns a pipeline: a name for people to read."""

    owner: Words


_Found = TypeVar("_Found", bound=About)


class WatchFile(Entry):
    """The whole file.

    The first matching rule, expectation and owner apply, and all matching routes, mutes and holidays.
    """

    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    mutes: tuple[Mute, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    owners: tuple[Owner, ...] = ()
    links: dict[str, Annotated[str, AfterValidator(_link_template)]] = Field(default_factory=dict)

    def named_sources(self) -> Iterator[tuple[str, str]]:
        """Every source, or pattern of sources, that an entry names, after the entry's place in the file."""
        for section, entries in self:
            if section == "links":
                yield from ((section, source) for source in entries)
            else:
                yield from ((_place((section, place)), entry.source) for place, entry in enumerate(entries))

    def expectation_of(self, subject: Subject) -> Expectation | None:
        """When the pipeline has to run, or in which time zone; None if neither is set."""
        return next(_about(subject, self.expectations), None)

    def holidays_of(self, subject: Subject, first: date, last: date) -> frozenset[date]:
        """The pipeline's holidays from one day to another, both inclusive."""
        return frozenset(day for entry in _about(subject, self.holidays) for day in entry.between(first, last))

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

    @classmethod
    def parsed(cls, content: bytes) -> Self:
        """What TOML says; `ValueError` if it is not a watch file."""
        return cls.model_validate(tomllib.loads(content.decode()))

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
        return WatchFile.parsed(path.read_bytes())
    except OSError as error:
        why = error.strerror or "it cannot be read"
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        why = f"it is not TOML: {error}"
    except ValidationError as error:
        why = "; ".join(f"{_place(fault['loc'])}: {_why(fault)}" for fault in error.errors())
    raise SettingsError(f"The watch file {path} (RUNS_ASSETS_WATCH_FILE) is invalid: {why}. Correct the file.")


def _about(subject: Subject, entries: Iterable[_Found]) -> Iterator[_Found]:
    return (entry for entry in entries if entry.covers(subject))


def _why(fault: Any) -> str:
    """What is wrong; of a name that is not known, which one may have been meant."""
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"])
    section, *inside = fault["loc"]
    known = _keys_of(section) if inside else WatchFile.model_fields
    [closest] = get_close_matches(str(fault["loc"][-1]), list(known), n=1, cutoff=0)
    return f"there is no such {'key' if inside else 'section'}; the closest one is {closest}"


def _keys_of(section: str) -> Iterable[str]:
    entry: type[Entry] = get_args(WatchFile.model_fields[section].annotation)[0]
    return entry.model_fields


def _place(loc: tuple[Any, ...]) -> str:
    """`("mutes", 0, "until")` as `mutes 1, until`; the parts of a union that pydantic adds are left out."""
    if not loc:
        return "the file"
    entry = f"{loc[0]} {loc[1] + 1}" if len(loc) > 1 and isinstance(loc[1], int) else str(loc[0])
    inside = [str(part) for part in loc[2 if " " in entry else 1 :]][:1]
    return ", ".join([entry, *inside])
