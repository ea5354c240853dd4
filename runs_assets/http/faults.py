"""What can go wrong with an attempt: what may pass with time and after how long, and what is final.

What an error status means is a table; any other fails for good. How long to wait comes in several forms: RFC 9110
section 10.2.3 (`Retry-After`, seconds or a date); CloudCruise's 429 body (`retryAfterSeconds`); Productsup's Platform
API (`X-Ratelimit-Retry-After`, a Unix time).
"""

import re
import ssl
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import msgspec

from runs_assets.errors import (
    CredentialsError,
    NoSuchPageError,
    RequestRefusedError,
    RunsAssetsError,
    UnavailableError,
)

E = TypeVar("E", bound=BaseException)
EPOCH_FROM, EPOCH_MS_FROM = 1e9, 1e12
LONGEST_WAIT = 366 * 24 * 3600.0
"""Seconds: a server that asks for longer does not mean it, and the date may be beyond any calendar."""
RETRIED_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
_MOVED = "Redirects are not followed, because credentials would go along: set the base URL to the final address."
_REMEDIES: dict[int, tuple[type[RunsAssetsError], str]] = {
    **dict.fromkeys(range(300, 400), (RequestRefusedError, _MOVED)),
    400: (RequestRefusedError, "The API refused a parameter: compare the settings with its documentation."),
    401: (CredentialsError, "Check {credentials}: it is wrong, expired or revoked."),
    403: (CredentialsError, "Give {credentials} access to the runs, or use another one that has it."),
    404: (RequestRefusedError, "Check the base URL: the API has nothing at this address."),
}
_OTHERS = (RequestRefusedError, "Check the base URL and the settings.")
_SENTENCES = ("message", "error", "error_description", "detail", "title")
_TAGS = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class TransientError(Exception):
    """An attempt failed in a way that may pass with time.

    `wait_seconds` is what the server asked for; `refused` means that the connection was refused.
    """

    def __init__(self, what: str, *, wait_seconds: float | None = None, refused: bool = False) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds
        self.refused = refused


class UnexpectedBodyError(Exception):
    """Raised by a parser for a 2xx body that is not the documented JSON."""


def refusal(
    response: httpx.Response,
    body: bytes,
    where: str,
    setting: str,
    shorten: Callable[[str], str],
    now: datetime,
    no_page: Collection[int],
) -> Exception:
    """The error for an answer that is not a success: a `TransientError` where waiting may help, else a final one.

    `where` is the base URL, `setting` names the credential, `shorten` makes foreign text fit to be shown. The statuses
    `no_page` may mean that there is no such page.
    """
    status = response.status_code
    # The standard's phrase, not the server's: that one is foreign text too.
    what = f"HTTP {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
    if message := shorten(message_of(body)):
        what += f', "{message}"'
    if status in no_page:
        return NoSuchPageError(f"{what} ({where})")
    wait_seconds = requested_wait_seconds(response.headers, body, now)
    if status in RETRIED_STATUSES or (status == httpx.codes.FORBIDDEN and _is_temporary(body, wait_seconds)):
        return TransientError(what, wait_seconds=wait_seconds)
    kind, remedy = _REMEDIES.get(status, _OTHERS)
    return kind(f"{what} ({where}). {remedy.format(credentials=setting)}")


def no_connection(error: httpx.ConnectError, where: str, shorten: Callable[[str], str]) -> Exception:
    """The error for a connection that was not made; final only where the certificate was not accepted."""
    if (distrusted := _cause_of(error, ssl.SSLCertVerificationError)) is not None:
        return UnavailableError(
            f"The certificate of {where} is not trusted ({distrusted.verify_message}), so nothing was sent. Check the "
            "base URL and this machine's clock; if your network has a certificate authority of its own, set "
            "SSL_CERT_FILE to a file of the certificates to trust."
        )
    # Nobody listens at the address; a name that cannot be resolved, or a failed TLS, may pass.
    is_refused = _cause_of(error, ConnectionRefusedError) is not None
    return TransientError(f"No connection: {shorten(str(error))}", refused=is_refused)


def requested_wait_seconds(headers: Mapping[str, str], body: bytes, now: datetime) -> float | None:
    """Seconds to wait from `now` (aware, UTC), never negative; None if the answer has no usable hint."""
    in_body = object_in(body).get("retryAfterSeconds")
    hints = headers.get("retry-after"), headers.get("x-ratelimit-retry-after"), in_body
    waits = (_seconds_of(str(hint), now) for hint in hints if isinstance(hint, str | int | float))
    return next((max(0.0, wait) for wait in waits if wait is not None and wait < LONGEST_WAIT), None)


def _seconds_of(hint: str, now: datetime) -> float | None:
    try:
        number = float(hint)
    except ValueError:
        moment = instant_of(hint)
        return (moment - now).total_seconds() if moment else None
    if number >= EPOCH_MS_FROM:
        number /= 1000
    return number - now.timestamp() if number >= EPOCH_FROM else number


def instant_of(http_date: str) -> datetime | None:
    """The instant (UTC) that a header such as `Date` holds; None if it holds none."""
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_temporary(body: bytes, wait_seconds: float | None) -> bool:
    """Whether a 403 is no matter of the key: a firewall's page, a wait, or a rate limit."""
    text = body.decode(errors="replace").lower()
    return wait_seconds is not None or text.lstrip().startswith("<") or "rate limit" in text


def message_of(body: bytes) -> str:
    """What an error body says: the sentences of a JSON object, or the text of a page; empty if it says nothing."""
    if body.lstrip().startswith(b"<"):
        return _TAGS.sub(" ", body.decode(errors="replace"))
    document = object_in(body)
    parts = [document[name] for name in _SENTENCES if isinstance(document.get(name), str)]
    if isinstance(error := document.get("error"), dict) and isinstance(error.get("message"), str):
        parts.append(error["message"])
    if isinstance(errors := document.get("errors"), dict):
        parts += [f"{name}: {text}" for name, text in errors.items()]
    return " ".join(parts)


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty if it is anything else."""
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _cause_of(error: BaseException | None, kind: type[E]) -> E | None:
    """The first error of this kind among an error and its causes."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
