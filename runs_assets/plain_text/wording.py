"""Foreign words in our own sentences: what an answer says, as one short line that a terminal can show."""

LOOKED_AT = 4000
"""Characters; more than a few hundred are never shown."""


def plain(text: str) -> str:
    """`text` as one line without control characters: none can move a terminal's cursor or begin a new log line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
