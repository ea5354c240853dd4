"""How messages are put together, and how they write times, lengths of time, rates and foreign words."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from runs_assets.alerts.look import Look
from runs_assets.alerts.state import Event, Message
from runs_assets.plain_text.wording import plain
from runs_assets.watch_file import Severity

NAMED = 25
"""Pipelines that a message about many names; the others are counted."""
LONGEST = 120


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


def words_of(text: str, longest: int = LONGEST) -> str:
    """Foreign words as one line of limited length."""
    line = plain(text[: 4 * longest])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def label(pipeline_id: str | None, pipeline_name: str | None) -> str:
    """What people call a pipeline: its name, else its id."""
    return words_of(pipeline_name or "") or words_of(pipeline_id or "") or "(no pipeline)"


def listed(lines: Iterable[str]) -> list[str]:
    """A list's lines, the first ones only if they are many."""
    every = [f"- {line}" for line in lines]
    rest = len(every) - NAMED
    return every if rest <= 0 else [*every[:NAMED], f"- and {rest} more"]


def late_line(certain_at: datetime | None, look: Look) -> list[str]:
    """How late something is told, and since when it was certain, if that is later than the readings make it."""
    if certain_at is None or look.now - certain_at <= look.late_after:
        return []
    return [f"Told {span(look.now - certain_at)} late: certain since {at(certain_at)}."]


def message_of(
    title: str, lines: Iterable[str], event: Event, severity: Severity, tags: Iterable[str], look: Look
) -> Message:
    """A message decided at a look, its body a line each."""
    body = "\n".join(lines)
    return Message(
        title=title, body=body, event=event, severity=severity, tags=tuple(sorted(tags)), decided_at=look.now
    )
