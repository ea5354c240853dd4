"""What the clients of HTTP APIs share: they are transports, and read what a platform calls its pipelines."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runs_assets.http.transport import Transport
from runs_assets.plain_text.wording import shortened

CODE_CHARACTERS = 80
NAME_CHARACTERS = 200


@dataclass
class HttpClient(Transport):
    """A transport that knows what its API's answers mean. Use it as a context manager: it holds connections."""

    def shortened(self, foreign: str, longest: int = CODE_CHARACTERS) -> str:
        """A foreign code or name as it may be stored: short, on one line, without credentials."""
        return shortened(foreign, longest, self.redact, ellipsis="")

    def names(self, rows: Iterable[Any]) -> dict[str, str]:
        """The `name` of each row by its `id`; rows without either, or of another shape, are ignored."""
        named = (row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str))
        found = {str(row["id"]): self.shortened(row["name"], NAME_CHARACTERS) for row in named if _is_id(row.get("id"))}
        return {key: name for key, name in found.items() if name}


def _is_id(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS)
