"""An OAuth2 token endpoint for the refresh-token grant (RFC 6749, section 6), with rotation.

Productsup publishes neither its token URL nor its lifetimes, so everything here is the standard's: a client
that keeps to the standard passes, one that reuses a spent refresh token is refused.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import json_answer


@dataclass
class TokenIssuer:
    """One registered client. `refresh_token` is the one that is good now: each use replaces it."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105  (opens nothing but this server)
    refresh_token: str = "sandbox-refresh-token-0"  # noqa: S105
    expires_in: int = 3600  # seconds
    _expiry: dict[str, datetime] = field(default_factory=dict, init=False)
    _serial: "count[int]" = field(default_factory=lambda: count(1), init=False)

    def accepts(self, access_token: str, now: datetime) -> bool:
        """Return whether it issued this access token and the token has not expired."""
        return access_token in self._expiry and now < self._expiry[access_token]

    async def answer(self, request: Request, now: datetime) -> Response:
        """Answer one request for a token."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        basic = _basic_credentials(request.headers.get("authorization", ""))
        client = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if client != (self.client_id, self.client_secret):
            return _error(401, "invalid_client")
        if "grant_type" not in form:
            return _error(400, "invalid_request")
        if form["grant_type"] != "refresh_token":
            return _error(400, "unsupported_grant_type")
        if "refresh_token" not in form:
            return _error(400, "invalid_request")
        if form["refresh_token"] != self.refresh_token:
            return _error(400, "invalid_grant")
        return self._issue(now)

    def _issue(self, now: datetime) -> Response:
        serial = next(self._serial)
        access_token = f"sandbox-access-token-{serial}"
        self._expiry[access_token] = now + timedelta(seconds=self.expires_in)
        self.refresh_token = f"sandbox-refresh-token-{serial}"
        content = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
        }
        return json_answer(content, headers={"Cache-Control": "no-store"})


def _basic_credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _error(status: int, error: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
    return json_answer({"error": error}, status, headers)
