"""Foreign words in our own sentences: what an answer says, as one short line that a terminal can show."""

from typing import Any

import orjson

LOOKED_AT = 4000
"""Characters; more than a few hundred are never shown."""


def plain(text: str) -> str:
    """`text` as one line without control characters: none can move a terminal's cursor or begin a new log line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def message_of(body: bytes) -> str:
    """What a JSON error body says in `message` and `errors`, as one line; empty if it says nothing."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    return plain(" ".join(_parts(document))[:LOOKED_AT])


def _parts(document: dict[str, Any]) -> list[str]:
    said = [document["message"]] if isinstance(document.get("message"), str) else []
    errors = document.get("errors")
    return [*said, *(f"{name}: {text}" for name, text in errors.items())] if isinstance(errors, dict) else said
