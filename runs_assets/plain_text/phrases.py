"""How times, spans, rates and names are written for people: plain text, times in UTC."""

from datetime import UTC, datetime, timedelta

from runs_assets.plain_text.wording import plain

LONGEST = 120
"""Characters of foreign text on a line: a name or a reason."""


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
