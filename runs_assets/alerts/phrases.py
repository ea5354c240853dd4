"""How times, rates, names and lists are written in every notification: plain text, short lines, times in UTC."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from runs_assets.alerts.observation import Observation, Row
from runs_assets.plain_text.wording import plain
from runs_assets.watch_entries import Subject

LISTED = 25
"""Pipelines that a notification about many names; the others are counted."""
LONGEST = 120
"""Characters of foreign text on a line: a name or a reason."""

Lines = Iterator[str]


def at(instant: datetime) -> str:
    """`2026-03-18 09:12 UTC`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(length: timedelta) -> str:
    """`3 d 4 h`, `2 h 5 min` or `40 min`: the two largest units, rounded down."""
    minutes = int(length.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def rate(share: float | None) -> str:
    """`12.5 %`, or `unknown`."""
    return "unknown" if share is None else f"{share:.1%}".replace("%", " %")


def cut(text: str, longest: int = LONGEST) -> str:
    """Foreign text as one line of limited length."""
    line = plain(text[: 4 * longest])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def label(pipeline_id: str | None, pipeline_name: str | None) -> str:
    """What people call a pipeline: its name, else its id."""
    return cut(pipeline_name or "") or cut(pipeline_id or "") or "(no pipeline)"


def name_of(row: Row) -> str:
    """What people call the pipeline of a row."""
    return label(row["pipeline_id"], row["pipeline_name"])


def open_line(subject: Subject, state: str) -> str:
    """What an open incident is about, and its state."""
    about = label(subject.pipeline_id, subject.pipeline_name) if subject.pipeline_id else "as a whole"
    return f"{cut(subject.source or 'this project')} {about}: {state}"


def run_with_page(run_id: str, page: str | None) -> str:
    """A run by its id, with the address of its page where the watch file has a template for it."""
    return f"{cut(run_id)} {page}" if page else cut(run_id)


def listed(lines: Iterable[str]) -> list[str]:
    """A list's lines, the first ones only if they are many."""
    every = [f"- {line}" for line in lines]
    rest = len(every) - LISTED
    return every if rest <= 0 else [*every[:LISTED], f"- and {rest} more"]


def lateness(certain_at: datetime | None, seen: Observation) -> Lines:
    """How late it is reported that something is certain, if it is."""
    late = seen.lateness(certain_at)
    if certain_at and late:
        yield f"Reported {span(late)} late: confirmed at {at(certain_at)}."
