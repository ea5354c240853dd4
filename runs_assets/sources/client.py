"""What the clients of HTTP APIs share: a transport that is closed with them, and filters as query parameters."""

from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

from runs_assets.http.transport import Transport


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

    def __enter__(self) -> Self:
        self.transport.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.transport.__exit__(kind, error, trace)


def params_of(filters: Any, *, separator: str) -> dict[str, str]:
    """A dataclass of filters as query parameters: those that are not None, words joined by `separator`."""
    values = {item.name.replace("_", separator): getattr(filters, item.name) for item in fields(filters)}
    return {name: value for name, value in values.items() if value is not None}
