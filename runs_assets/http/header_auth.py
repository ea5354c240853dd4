"""How requests are authenticated, and the simplest way: a fixed header."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

Send = Callable[[httpx.Request], tuple[httpx.Response, bytes]]
"""Sends a request and reads its body, within the transport's bounds."""


class Auth(ABC):
    """What a transport asks for the headers that authenticate its requests.

    `setting` is the one to name when the API does not accept them.
    """

    setting: str

    @abstractmethod
    def headers(self, send: Send) -> Mapping[str, str]:
        """The headers that go with a request."""

    def renew(self, send: Send) -> bool:  # noqa: ARG002
        """Called after a 401; whether it is worth another try: not where there is nothing to renew."""
        return False


@dataclass(frozen=True)
class HeaderAuth(Auth):
    """One fixed header with every request."""

    name: str
    value: str = field(repr=False)
    setting: str

    def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002
        """The headers that go with a request."""
        return {self.name: self.value}
