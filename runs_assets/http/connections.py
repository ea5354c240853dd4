"""How the network is reached: by which proxy, and with which certificates, as the environment has it."""

import math
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, Self

import httpx

from runs_assets.errors import SettingsError
from runs_assets.settings import LOOPBACK_HOSTS

# Plain http is for loopback alone, and a proxy would read the credentials that go over it.
NEVER_PROXIED: Mapping[str, None] = dict.fromkeys(("http://", "all://127.0.0.1", "all://localhost", "all://[::1]"))

UNUSABLE_PROXY = (
    "The proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, or the list in NO_PROXY, cannot be used: correct or "
    "unset it. A proxy is written as http://host:port (SOCKS is not supported), the list as names and single "
    "addresses without brackets, separated by commas (no IPv6 network such as fd07::/64)."
)


class CuttableConnections:
    """What a client is connected by, so that another thread can end a request that it waits for.

    Closing a client leaves its waiting thread where it is until the time is out. Nor does httpx bound the time of a
    request: it waits anew for each piece of an answer's head. So one thread watches over all requests while the `with`
    block runs. `is_late` says whether the last one took too long.
    """

    def __init__(self, most_seconds: float) -> None:
        self.is_late = False
        self._most_seconds = most_seconds
        self._until = math.inf
        self._sockets: list[socket.socket] = []
        self._is_cut = Event()
        self._watch = Thread(target=self._keep_watch, name="watch over requests", daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._watch.join()

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """End the request that the block makes, if it takes too long."""
        self.is_late, self._until = False, time.monotonic() + self._most_seconds
        try:
            yield
        finally:
            self._until = math.inf

    def _keep_watch(self) -> None:
        # No request that begins during a pause is late before its end.
        pause = self._most_seconds
        while not self._is_cut.wait(pause):
            pause = min(self._until - time.monotonic(), self._most_seconds)
            if pause <= 0:
                self.is_late, pause = True, self._most_seconds
                self._shut_down()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of a new connection: the `trace` of a request's extensions."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            connected = info["return_value"].get_extra_info("socket")
            self._sockets = [*(one for one in self._sockets if one.fileno() >= 0), connected]
            if self._is_cut.is_set():
                self._shut_down()

    def cut(self) -> None:
        """End what is under way now and later."""
        self._is_cut.set()
        self._shut_down()

    def _shut_down(self) -> None:
        for connected in self._sockets:
            with suppress(OSError):
                # Not the shutdown of TLS, after which another thread could send in plain text.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


def new_client(base_url: str, timeout: httpx.Timeout, headers: Mapping[str, str]) -> httpx.Client:
    """A client for one API, which follows no redirect. For an API on loopback, proxies are not even looked at.

    Raises `SettingsError` if the environment has a proxy or certificates that cannot be used.
    """
    try:
        certificates = httpx.create_ssl_context()
        # What Python 3.13 asks of certificates beyond their signature, older private authorities do not have.
        certificates.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return httpx.Client(
            timeout=timeout,
            follow_redirects=False,
            headers=headers,
            mounts=NEVER_PROXIED,
            verify=certificates,
            trust_env=httpx.URL(base_url).host not in LOOPBACK_HOSTS,
        )
    except OSError:
        raise SettingsError(
            "The certificates in SSL_CERT_FILE or SSL_CERT_DIR cannot be used: correct or unset it."
        ) from None
    except (ImportError, ValueError, httpx.InvalidURL):
        raise SettingsError(UNUSABLE_PROXY) from None


def is_usable_proxy(proxy: str) -> bool:
    """Whether it is written as a proxy that is supported; without a scheme it is one for http."""
    try:
        return httpx.URL(proxy if "://" in proxy else f"http://{proxy}").scheme in {"http", "https"}
    except httpx.InvalidURL:
        return False
