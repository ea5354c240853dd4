"""Words in our own sentences: foreign text as one short line that a terminal can show; times, rates and lists."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

LONGEST_INPUT = 4000
"""Characters that are looked at; more than a few hundred are never shown."""
LONGEST = 120
"""Characters of foreign text on a line: a name or a reason."""
LISTED = 25
"""Lines of a list; the others are counted."""

UUID_DIGITS = 8
"""As many as Dagster shows of its runs' ids."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def plain(text: str) -> str:
    """`text` as one line without control characters: none can move a terminal's cursor or begin a new log line."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def shortened(text: str, longest: int = LONGEST, redact: Callable[[str], str] = str, *, ellipsis: str = "...") -> str:
    """`text` as one plain line of at most `longest` characters, which ends in `ellipsis` if it was cut.

    `redact` masks secrets in it before it is cut, so that none is cut in two.
    """
    line = plain(redact(plain(text[:LONGEST_INPUT])))
    return line if len(line) <= longest else line[: longest - len(ellipsis)] + ellipsis


def at(instant: datetime) -> str:
    """`2026-03-18 09:12 UTC`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(length: timedelta) -> str:
    """`3 d 4 h`, `2 h 5 min` or `40 min`: the two largest units, rounded down.

    Never less than `0 min`: another clock may be ahead of this one.
    """
    minutes = max(int(length.total_seconds()) // 60, 0)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def rate(share: float | None) -> str:
    """`12.5 %`, or `unknown`."""
    return "unknown" if share is None else f"{share:.1%}".replace("%", " %")


def percent(share: float | None) -> str:
    """`12 %`; `-` if it is unknown."""
    return "-" if share is None else f"{share:.0%}".replace("%", " %")


def listed(lines: Iterable[str]) -> list[str]:
    """A list's lines, the first ones only if they are many."""
    every = [f"- {line}" for line in lines]
    rest = len(every) - LISTED
    return every if rest <= 0 else [*every[:LISTED], f"- and {rest} more"]


def label(pipeline_id: str | None, pipeline_name: str | None) -> str:
    """What people call a pipeline: its name, else its id."""
    return shortened(pipeline_name or "") or short_id(pipeline_id) or "(no pipeline)"


def short_id(pipeline_id: str | None) -> str:
    """The id as people read it, of a UUID the first eight digits; empty if there is none."""
    one = shortened(pipeline_id or "")
    return one[:UUID_DIGITS] if _UUID.fullmatch(one) else one
