"""How requests are authenticated, and the simplest way: a fixed header."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

Send = Callable[[httpx.Request], tuple[httpx.Response, bytes]]
"""Sends a request and reads its body, within the transport's bounds."""


class Auth(Protocol):
    """What a transport asks for the headers that authenticate its requests."""

    @property
    def setting(self) -> str:
        """The setting to name when the API does not accept it."""

    def headers(self, send: Send) -> Mapping[str, str]:
        """The headers that go with a request."""

    def renew(self, send: Send) -> bool:
        """Called after a 401; whether it is worth another try."""


@dataclass(frozen=True)
class HeaderAuth:
    """One fixed header with every request. `setting` is the one to name when the API does not accept it."""

    name: str
    value: str = field(repr=False)
    setting: str

    def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002
        """The headers that go with a request."""
        return {self.name: self.value}

    def renew(self, send: Send) -> bool:  # noqa: ARG002
        """Called after a 401: there is nothing to renew."""
        return False
