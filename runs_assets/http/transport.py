"""One careful GET: retried where waiting can help, bounded in time and size, and clear about what went wrong.

What a status means is a table (`_REMEDIES`); what is not listed fails. A 2xx whose body is not the documented JSON
is a transient fault like any other: a proxy's HTML page must never be taken for the end of the data. Redirects are
not followed, so that credentials never reach another host.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from runs_assets.days import utc_now
from runs_assets.errors import (
    CredentialsError,
    RequestRefusedError,
    RunsAssetsError,
    SettingsError,
    UnavailableError,
)
from runs_assets.http.auth import Auth
from runs_assets.http.faults import TransientError, UnexpectedBodyError
from runs_assets.http.redaction import Redactor
from runs_assets.http.retry_after import requested_wait_seconds

log = logging.getLogger(__name__)
T = TypeVar("T")
Params = Mapping[str, str | int]

RETRIED_STATUSES = frozenset({408, 429, *range(500, 600)})
_REMEDIES: dict[int, tuple[type[RunsAssetsError], str]] = {
    400: (RequestRefusedError, "The API refused a parameter: compare the settings with its documentation."),
    401: (CredentialsError, "Check {credentials}: it is wrong, expired or revoked."),
    403: (CredentialsError, "Give {credentials} access to the runs, or use another one that has it."),
    404: (RequestRefusedError, "Check the base URL: there is no such address."),
}


@dataclass(frozen=True)
class Limits:
    """Bounds of one GET, all attempts together; every duration is in seconds, sizes in bytes."""

    deadline: float = 300.0
    attempt: float = 120.0
    connect: float = 10.0
    read: float = 60.0
    longest_wait: float = 60.0
    first_backoff: float = 0.5
    refused_tries: int = 3
    body_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """A complete 2xx answer: the decoded body and the instant (UTC) at which it had arrived."""

    body: bytes
    received_at: datetime

    def json(self) -> Any:
        """The decoded body; raises `UnexpectedBodyError`.

        Half of a surrogate pair, which JavaScript leaves when it cuts a string within an emoji, becomes `?`.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        try:
            lenient = json.dumps(json.loads(self.body), ensure_ascii=False, allow_nan=False)
            return orjson.loads(lenient.encode(errors="replace"))
        except (ValueError, RecursionError):
            raise UnexpectedBodyError(f"the body is not JSON ({len(self.body)} bytes)") from None


@dataclass
class Transport:
    """GET requests to one API, with one set of credentials.

    `sleep`, `monotonic` and `now` are parameters so that time can be played in tests. `requests` counts every attempt
    that was sent.
    """

    base_url: str
    auth: Auth
    redact: Redactor
    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    requests: int = 0

    def __post_init__(self) -> None:
        timeout = httpx.Timeout(self.limits.read, connect=self.limits.connect)
        try:
            self._http = httpx.Client(timeout=timeout, follow_redirects=False, headers={"accept": "application/json"})
        except (ImportError, ValueError):
            raise SettingsError(
                "The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used: correct or unset it."
            ) from None
        self._refusals = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, params: Params, parse: Callable[[Answer], T]) -> T:
        """The parsed answer to `GET <base_url><path>`.

        Raises `CredentialsError` or `RequestRefusedError` at once, `UnavailableError` when the deadline or the tries
        are used up. `parse` raises `UnexpectedBodyError` for what is not the documented JSON.
        """
        begun = self.monotonic()
        self._refusals = 0
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._wait_seconds,
            stop=lambda state: self._is_over(state, begun),
            sleep=self.sleep,
            before_sleep=self._log_retry,
            reraise=True,
        )
        try:
            return retrying(lambda: self._attempt(path, params, parse))
        except TransientError as error:
            tries = retrying.statistics["attempt_number"]
            raise UnavailableError(
                f"{error} ({tries} tries in {self.monotonic() - begun:.0f} s, {self.base_url}). "
                "Try again later; if it stays so, check the base URL and the platform's status."
            ) from None

    def _attempt(self, path: str, params: Params, parse: Callable[[Answer], T]) -> T:
        response, body = self._send_authorized(path, params)
        if response.status_code == httpx.codes.UNAUTHORIZED and self.auth.renew(self._send):
            response, body = self._send_authorized(path, params)
        if not response.is_success:
            raise self._fault(response, body)
        try:
            return parse(Answer(body, self.now()))
        except UnexpectedBodyError as error:
            raise TransientError(f"HTTP {response.status_code}, but {self.redact(str(error))}") from None

    def _send_authorized(self, path: str, params: Params) -> tuple[httpx.Response, bytes]:
        headers = self.auth.headers(self._send)
        return self._send(
            self._http.build_request("GET", self.base_url + path, params=dict(params), headers=dict(headers))
        )

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Send one request and read its body, within the attempt's time and size."""
        self.requests += 1
        until = self.monotonic() + self.limits.attempt
        response = None
        try:
            response = self._http.send(request, stream=True)
            return response, self._body(response, until)
        except httpx.ConnectError as error:
            raise TransientError(f"No connection: {self.redact(str(error))}", refused=_is_refusal(error)) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise SettingsError(f"The request cannot be sent as the settings have it ({self.base_url}).") from None
        except httpx.TransportError as error:
            what = f"The connection failed: {type(error).__name__} {self.redact(str(error))}".rstrip()
            raise TransientError(what) from None
        except httpx.DecodingError:
            raise TransientError("The answer's compressed body was damaged") from None
        finally:
            if response is not None:
                response.close()

    def _body(self, response: httpx.Response, until: float) -> bytes:
        """The whole body: neither a trickle nor a flood holds the process up."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self.limits.body_bytes:
                raise UnavailableError(
                    f"The answer is larger than {self.limits.body_bytes} bytes and was not read to its end "
                    f"({self.base_url}). Use a smaller page size, or check the base URL."
                )
            if self.monotonic() > until:
                raise TransientError(f"The answer did not end within {self.limits.attempt:.0f} s")
            chunks.append(chunk)
        return b"".join(chunks)

    def _fault(self, response: httpx.Response, body: bytes) -> Exception:
        status = response.status_code
        what = f"HTTP {status} {response.reason_phrase}".rstrip()
        said = self._message(body)
        if said:
            what += f', "{said}"'
        if status in RETRIED_STATUSES:
            return TransientError(what, wait_seconds=requested_wait_seconds(response.headers, body, self.now()))
        kind, remedy = _REMEDIES.get(status, (RequestRefusedError, "Check the base URL and the settings."))
        if response.is_redirect:
            remedy = (
                "Redirects are not followed, because credentials would go along: set the base URL to the final address."
            )
        return kind(f"{what} ({self.base_url}). {remedy.format(credentials=self.auth.setting)}")

    def _message(self, body: bytes) -> str:
        """What an error body says, in one short line, without secrets."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return ""
        if not isinstance(document, dict):
            return ""
        said = [str(document["message"])] if isinstance(document.get("message"), str) else []
        if isinstance(document.get("errors"), dict):
            said += [f"{name}: {text}" for name, text in document["errors"].items()]
        return self.redact(" ".join(" ".join(said).split()))[:300]

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, TransientError) else None
        first = self.limits.first_backoff
        backoff = wait_exponential(multiplier=first, max=self.limits.longest_wait) + wait_random(0, first)
        return backoff(state) if asked is None else min(asked, self.limits.longest_wait) + 0.1

    def _is_over(self, state: RetryCallState, begun: float) -> bool:
        error = state.outcome.exception() if state.outcome else None
        self._refusals = self._refusals + 1 if isinstance(error, TransientError) and error.refused else 0
        if self._refusals >= self.limits.refused_tries:
            return True
        return self.monotonic() - begun + state.upcoming_sleep > self.limits.deadline

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("%s; trying again in %.1f s", error, state.upcoming_sleep)


def _is_refusal(error: BaseException | None) -> bool:
    """Whether nobody listens at the address; a name that cannot be resolved, or a failed TLS, may pass."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False
