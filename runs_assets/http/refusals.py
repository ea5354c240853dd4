"""What an error status means and what to do about it: a table by status; any other fails for good."""

import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import httpx
import orjson

from runs_assets.errors import CredentialsError, RequestRefusedError, RunsAssetsError, UnavailableError
from runs_assets.http.faults import TransientError
from runs_assets.http.retry_after import requested_wait_seconds

E = TypeVar("E", bound=BaseException)
RETRIED_STATUSES = frozenset({408, 429, *range(500, 600)})
_REMEDIES: dict[int, tuple[type[RunsAssetsError], str]] = {
    400: (RequestRefusedError, "The API refused a parameter: compare the settings with its documentation."),
    401: (CredentialsError, "Check {credentials}: it is wrong, expired or revoked."),
    403: (CredentialsError, "Give {credentials} access to the runs, or use another one that has it."),
    404: (RequestRefusedError, "Check the base URL: the API has nothing at this address."),
}
_OTHERS = (RequestRefusedError, "Check the base URL and the settings.")
_REDIRECTS = "Redirects are not followed, because credentials would go along: set the base URL to the final address."


def refusal(
    response: httpx.Response, body: bytes, where: str, setting: str, shorten: Callable[[str], str], now: datetime
) -> Exception:
    """The error for an answer that is not a success: a `TransientError` where waiting may help, else a final one.

    `where` is the base URL, `setting` names the credential, `shorten` makes foreign text fit to be shown.
    """
    status = response.status_code
    # The standard's phrase, not the server's: that one is foreign text too.
    what = f"HTTP {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
    if message := shorten(message_of(body)):
        what += f', "{message}"'
    if status in RETRIED_STATUSES:
        return TransientError(what, wait_seconds=requested_wait_seconds(response.headers, body, now))
    kind, remedy = _REMEDIES.get(status, _OTHERS)
    if response.is_redirect:
        remedy = _REDIRECTS
    return kind(f"{what} ({where}). {remedy.format(credentials=setting)}")


def distrust(error: BaseException | None, where: str) -> UnavailableError | None:
    """The error for a certificate that was not accepted; None if `error` is about something else."""
    found = cause_of(error, ssl.SSLCertVerificationError)
    if found is None:
        return None
    return UnavailableError(
        f"The certificate of {where} is not trusted ({found.verify_message}), so nothing was sent. Check the base URL "
        "and this machine's clock; if your network has a certificate authority of its own, set SSL_CERT_FILE to a file "
        "of the certificates to trust."
    )


def cause_of(error: BaseException | None, kind: type[E]) -> E | None:
    """The first error of this kind among an error and its causes."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def message_of(body: bytes) -> str:
    """The `message` and `errors` of a JSON error body; empty if it has none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return " ".join(_parts(document)) if isinstance(document, dict) else ""


def _parts(document: dict[str, Any]) -> list[str]:
    parts = [document["message"]] if isinstance(document.get("message"), str) else []
    errors = document.get("errors")
    return [*parts, *(f"{name}: {text}" for name, text in errors.items())] if isinstance(errors, dict) else parts
