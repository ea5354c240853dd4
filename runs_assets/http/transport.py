"""One careful GET: retried where waiting can help, bounded in time and size, and clear about what went wrong.

What may pass and what is final is in `faults`. A 2xx whose body is not the documented JSON is a transient fault like
any other: a proxy's HTML page must never be taken for the end of the data. Redirects are not followed, so that
credentials never reach another host; nor does a proxy see what is sent over plain http.
"""

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from threading import Event, Lock
from typing import Any, Self, TypeVar

import httpx
import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, wait_exponential, wait_random

from runs_assets.days import iso, utc_now
from runs_assets.errors import SettingsError, UnavailableError
from runs_assets.http.body import ACCEPT_ENCODING, pieces_of
from runs_assets.http.connections import CuttableConnections, new_client
from runs_assets.http.faults import TransientError, UnexpectedBodyError, instant_of, message_of, no_connection, refusal
from runs_assets.http.header_auth import Auth
from runs_assets.http.limits import Limits
from runs_assets.http.pace import Pace
from runs_assets.plain_text.redaction import Redactor, redacted_logs
from runs_assets.plain_text.wording import shortened

log = logging.getLogger(__name__)
T = TypeVar("T")
Params = Mapping[str, str | int]

USER_AGENT = f"runs-assets/{version('runs-assets')}"
HEADERS = {"accept": "application/json", "accept-encoding": ACCEPT_ENCODING, "user-agent": USER_AGENT}
SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Answer:
    """A complete 2xx answer: the decoded body and the instant (UTC) at which its request was sent."""

    body: bytes
    asked_at: datetime

    def json(self) -> Any:
        """The decoded body; raises `UnexpectedBodyError`."""
        return self.decoded(msgspec.json.decode, "JSON")

    def decoded(self, decode: Callable[[bytes], T], expected: str) -> T:
        """What `decode` makes of the body with msgspec; raises `UnexpectedBodyError`, which says what was `expected`.

        Half of a surrogate pair, which JavaScript leaves when it cuts a string within an emoji, becomes `?`.
        """
        try:
            try:
                return decode(self.body)
            except msgspec.DecodeError:
                lenient = json.dumps(json.loads(self.body), ensure_ascii=False, allow_nan=False)
                return decode(lenient.encode(errors="replace"))
        except msgspec.ValidationError:
            raise UnexpectedBodyError(f"the body is not {expected}") from None
        except (ValueError, RecursionError):
            raise UnexpectedBodyError(f"the body is not JSON ({len(self.body)} bytes)") from None


@dataclass
class Transport:
    """GET requests to one API, with one set of credentials. Use it as a context manager: it holds connections.

    While it is entered, a thread bounds the time of its requests. `sleep`, `monotonic` and `clock` are parameters so
    that tests can simulate time. `pace` is kept by every attempt. `requests` counts those that were sent; `server_time`
    is what the last answer's `Date` says (UTC), in whole seconds.
    """

    base_url: str
    auth: Auth
    redact: Redactor
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] | None = None
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = utc_now
    pace: Pace | None = None
    requests: int = 0
    server_time: datetime | None = None

    def __post_init__(self) -> None:
        timeout = httpx.Timeout(self.limits.read, connect=self.limits.connect)
        self._http = new_client(self.base_url, timeout, HEADERS)
        self._refusals = 0
        self._connections = CuttableConnections(self.limits.attempt)
        self._stopped = Event()
        self._renewing = Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for part in (redacted_logs(self.redact), self._connections, closing(self._http)):
            self._open.enter_context(part)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._open.close()

    def stop(self) -> None:
        """Bring the request of another thread to an end at once, and refuse those after it.

        A renewal of tokens is waited for: when its answer is lost, so is the access.
        """
        self._stopped.set()
        with self._renewing:
            self._connections.cut()

    def another(self) -> Self:
        """A transport of its own, with connections of its own, to the same API and with the same credentials."""
        return replace(self, requests=0)

    def within(self, limits: Limits) -> Self:
        """Another transport, with other limits."""
        return replace(self, limits=limits, requests=0)

    def get(
        self, path: str, params: Params, parse: Callable[[Answer], T], *, no_page: Collection[int] = frozenset()
    ) -> T:
        """The parsed answer to `GET <base_url><path>`.

        Raises `CredentialsError` or `RequestRefusedError` at once, `NoSuchPageError` for the statuses `no_page`;
        `UnavailableError` when the deadline or the tries are used up, or the API asks to wait for longer. `parse`
        raises `UnexpectedBodyError` for what is not the documented JSON.
        """
        begun = self.monotonic()
        self._refusals = 0
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._wait_seconds,
            stop=lambda state: self._is_over(state, begun),
            sleep=self._pause,
            before_sleep=self._log_retry,
            reraise=True,
        )
        try:
            return retrying(lambda: self._attempt(path, params, parse, no_page))
        except TransientError as error:
            tries, passed = retrying.statistics["attempt_number"], self.monotonic() - begun
            what = f"{error} ({tries} {'try' if tries == 1 else 'tries'} in {passed:.0f} s, {self.base_url})."
            if error.wait_seconds is not None and passed + error.wait_seconds > self.limits.deadline:
                retry_at = self.clock() + timedelta(seconds=error.wait_seconds)
                raise UnavailableError(f"{what} The API asks to wait until {iso(retry_at)}.", retry_at) from None
            raise UnavailableError(
                f"{what} Try again later; if the error persists, check the base URL and the platform's status."
            ) from None

    def _attempt(self, path: str, params: Params, parse: Callable[[Answer], T], no_page: Collection[int]) -> T:
        response, body = self._send_authorized(path, params)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._renewed():
            response, body = self._send_authorized(path, params)
        if not response.is_success:
            raise refusal(response, body, self.base_url, self.auth.setting, self._shorten, self.clock(), no_page)
        if response.status_code == httpx.codes.NO_CONTENT:
            body = b"null"
        try:
            return parse(Answer(body, self._asked_at))
        except UnexpectedBodyError as error:
            what = f"HTTP {response.status_code}, but {self._shorten(str(error))}"
            said = self._shorten(message_of(body))
            raise TransientError(f'{what}; it says "{said}"' if said else what) from None

    def _send_authorized(self, path: str, params: Params) -> tuple[httpx.Response, bytes]:
        if self.pace and (seconds := self.pace.wait_seconds(self.monotonic())):
            self._pause(seconds)
        with self._renewing:
            headers = self.auth.headers(self._send_for_token)
        if self._stopped.is_set():
            raise UnavailableError("The reading was stopped.")
        request = self._http.build_request("GET", self.base_url + path, params=dict(params), headers=dict(headers))
        self._asked_at = self.clock()
        return self._send(request, self.limits.body_bytes)

    def _renewed(self) -> bool:
        with self._renewing:
            return self.auth.renew(self._send_for_token)

    def _send_for_token(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        request.headers["accept-encoding"] = ACCEPT_ENCODING
        return self._send(request, self.limits.other_bytes)

    def _send(self, request: httpx.Request, most_bytes: int) -> tuple[httpx.Response, bytes]:
        """Send one request and read its body, within the attempt's time and size."""
        self.requests += 1
        request.extensions["trace"] = self._connections.trace
        until = self.monotonic() + self.limits.attempt
        try:
            with self._connections.bounded(), closing(self._http.send(request, stream=True)) as response:
                self.server_time = instant_of(response.headers.get("date", ""))
                return response, self._body(response, most_bytes, until)
        except httpx.ConnectError as error:
            raise no_connection(error, self.base_url, self._shorten) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise SettingsError(
                f"The request cannot be sent with these settings ({self.base_url}). Check the base URL and credentials."
            ) from None
        except httpx.TransportError as error:
            if self._connections.is_late:
                raise self._late() from None
            what = f"The connection failed: {type(error).__name__} {self._shorten(str(error))}".rstrip()
            raise TransientError(what) from None

    def _body(self, response: httpx.Response, most_bytes: int, until: float) -> bytes:
        """The whole body; that of an error is left out if it cannot be read, since its status says enough."""
        try:
            return b"".join(self._pieces(response, most_bytes, until))
        except (TransientError, httpx.TransportError):
            if response.is_success:
                raise
            return b""

    def _pieces(self, response: httpx.Response, most_bytes: int, until: float) -> Iterator[bytes]:
        """The body: neither a trickle nor a flood can hold up the process. Of an error, only the beginning."""
        most = most_bytes if response.is_success else self.limits.other_bytes
        size = 0
        for piece in pieces_of(response):
            size += len(piece)
            if size > most and not response.is_success:
                return
            if size > most:
                raise UnavailableError(
                    f"The answer is larger than {most} bytes and was not read to its end "
                    f"({response.url.copy_with(query=None)}). Use a smaller page size, or check the URL."
                )
            if self.monotonic() > until:
                raise self._late()
            yield piece

    def _late(self) -> TransientError:
        return TransientError(f"The answer did not end within {self.limits.attempt:.0f} s")

    def _shorten(self, foreign: str) -> str:
        """Foreign text as a part of our sentences: short, on one line, without secrets."""
        return shortened(foreign, SHOWN_CHARACTERS, self.redact)

    def _pause(self, seconds: float) -> None:
        sleep = self.sleep or sleep_using_event(self._stopped)
        sleep(seconds)

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, TransientError) else None
        first = self.limits.first_backoff
        backoff = wait_exponential(multiplier=first, max=self.limits.longest_wait) + wait_random(0, first)
        return backoff(state) if asked is None else max(backoff(state), asked + 0.1)

    def _is_over(self, state: RetryCallState, begun: float) -> bool:
        error = state.outcome.exception() if state.outcome else None
        self._refusals = self._refusals + 1 if isinstance(error, TransientError) and error.refused else 0
        if self._refusals >= self.limits.refused_tries or self._stopped.is_set():
            return True
        return self.monotonic() - begun + state.upcoming_sleep > self.limits.deadline

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("%s; trying again in %.1f s", error, state.upcoming_sleep)
