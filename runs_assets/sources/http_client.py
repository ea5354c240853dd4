"""What the clients of HTTP APIs share: a transport that is closed with them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from runs_assets.http.transport import Limits, Transport
from runs_assets.plain_text.wording import shortened

CODE_CHARACTERS = 80
NAME_CHARACTERS = 200


@dataclass
class HttpClient:
    """A client on one transport. Use it as a context manager: it holds connections."""

    transport: Transport

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self.transport.base_url

    @property
    def requests(self) -> int:
        """Requests sent so far, retries and token refreshes included."""
        return self.transport.requests

    @property
    def server_time(self) -> datetime | None:
        """What the last answer's `Date` says, UTC."""
        return self.transport.server_time

    def within(self, limits: Limits) -> Self:
        """The same client with other bounds for each request, and with connections of its own."""
        return replace(self, transport=self.transport.within(limits))

    def shortened(self, foreign: str, longest: int = CODE_CHARACTERS) -> str:
        """A foreign code or name as it may be stored: short, on one line, without credentials."""
        return shortened(foreign, longest, self.transport.redact, ellipsis="")

    def names(self, rows: Iterable[Any]) -> dict[str, str]:
        """The `name` of each row by its `id`; rows without either, or of another shape, are ignored."""
        named = (row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str))
        found = {str(row["id"]): self.shortened(row["name"], NAME_CHARACTERS) for row in named if _is_id(row.get("id"))}
        return {key: name for key, name in found.items() if name}

    def __enter__(self) -> Self:
        self.transport.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.__exit__()


def _is_id(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS)
