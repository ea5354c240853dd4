"""Foreign text in our own sentences: what an answer says, as one short line that a terminal can show."""

from collections.abc import Callable

LONGEST_INPUT = 4000
"""Characters that are looked at; more than a few hundred are never shown."""


def plain(text: str) -> str:
    """`text` as one line without control characters: none can move a terminal's cursor or begin a new log line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def shortened(text: str, longest: int, redact: Callable[[str], str] = str, *, ellipsis: str = "...") -> str:
    """`text` as one plain line of at most `longest` characters, which ends in `ellipsis` if it was cut.

    `redact` masks secrets in it before it is cut, so that none is cut in two.
    """
    line = plain(redact(plain(text[:LONGEST_INPUT])))
    return line if len(line) <= longest else line[: longest - len(ellipsis)] + ellipsis
