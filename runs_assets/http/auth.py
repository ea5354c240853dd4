"""The two ways to say who we are: a fixed header, and an OAuth2 bearer token that is refreshed and rotated.

The OAuth2 message formats (RFC 6749 section 6) are oauthlib's; this module sends them, and keeps what comes back.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from runs_assets.errors import CredentialsError, StorageError
from runs_assets.http.faults import TransientError
from runs_assets.http.redaction import Redactor

EARLY_SECONDS = 30.0
Send = Callable[[httpx.Request], tuple[httpx.Response, bytes]]
"""Sends a request and reads its body, within the transport's bounds."""


class Auth(Protocol):
    """Who we are."""

    @property
    def setting(self) -> str:
        """The setting to blame when the API does not accept it."""
        ...

    def headers(self, send: Send) -> Mapping[str, str]:
        """The headers that go with a request; may use `send` to get a token first."""
        ...

    def renew(self, send: Send) -> bool:
        """Called after a 401: whether it is worth asking again, with what `headers` gives now."""
        ...


@dataclass(frozen=True)
class HeaderAuth:
    """One fixed header with every request."""

    name: str
    value: str = field(repr=False)
    setting: str

    def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002
        """See `Auth`."""
        return {self.name: self.value}

    def renew(self, send: Send) -> bool:  # noqa: ARG002
        """There is nothing to renew."""
        return False


@dataclass(frozen=True)
class RefreshGrant:
    """What an OAuth2 refresh-token grant needs. `refresh_token` is the first one, before any rotation."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


class TokenFile:
    """The tokens of one grant in a file that only its owner can read (mode 0600, in a folder of mode 0700).

    The file remembers, as a hash, which configured refresh token it grew from: a new one in the settings wins over
    whatever is stored.
    """

    def __init__(self, path: Path, grant: RefreshGrant) -> None:
        self._path = path
        self._origin = hashlib.sha256(f"{grant.client_id}\n{grant.refresh_token}".encode()).hexdigest()

    def load(self) -> dict[str, Any]:
        """The stored tokens; empty if there are none of this grant."""
        try:
            stored = orjson.loads(self._path.read_bytes())
            return dict(stored["tokens"]) if stored["origin"] == self._origin else {}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError):
            raise CredentialsError(
                f"The file of rotated tokens is damaged: {self._path}. Delete it and set a fresh refresh token."
            ) from None

    def save(self, tokens: dict[str, Any]) -> None:
        """Store the tokens durably before anything uses them: a rotated refresh token exists only here."""
        try:
            self._write(orjson.dumps({"origin": self._origin, "tokens": tokens}))
        except OSError as error:
            raise StorageError(
                f"Could not write the rotated tokens to {self._path}: {error.strerror}. Free space or correct the "
                "folder's permissions; if the next refresh is refused, set a fresh refresh token."
            ) from error

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


class RefreshingBearerAuth:
    """A bearer token that is renewed shortly before it expires, and once when the API says 401.

    `now` gives Unix seconds. A refusal of the token endpoint raises `CredentialsError`; that it is down or busy is a
    `TransientError` for the transport to retry.
    """

    def __init__(
        self, grant: RefreshGrant, file: TokenFile, redact: Redactor, now: Callable[[], float], setting: str
    ) -> None:
        self.setting = setting
        self._grant = grant
        self._file = file
        self._redact = redact
        self._now = now
        self._tokens = file.load()
        self._redact.learn(grant.client_secret, grant.refresh_token, *self._secret_values())

    def headers(self, send: Send) -> Mapping[str, str]:
        """The token, refreshed first if it is due."""
        expires_at = self._tokens.get("expires_at")
        if "access_token" not in self._tokens or (expires_at and self._now() > expires_at - EARLY_SECONDS):
            self.renew(send)
        return {"authorization": f"Bearer {self._tokens['access_token']}"}

    def renew(self, send: Send) -> bool:
        """Get new tokens for the refresh token, and store them before they are used."""
        client = WebApplicationClient(self._grant.client_id)
        current = self._tokens.get("refresh_token", self._grant.refresh_token)
        request = httpx.Request(
            "POST",
            self._grant.token_url,
            content=client.prepare_refresh_body(refresh_token=current),
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
        )
        basic = httpx.BasicAuth(self._grant.client_id, self._grant.client_secret)
        response, body = send(next(basic.auth_flow(request)))
        if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TransientError(f"The token endpoint answered HTTP {response.status_code}")
        self._tokens = {"refresh_token": current, **self._issued(client, body)}
        self._redact.learn(*self._secret_values())
        self._file.save(self._tokens)
        return True

    def _issued(self, client: WebApplicationClient, body: bytes) -> dict[str, Any]:
        """What is kept of the token endpoint's answer, with an `expires_at` (Unix seconds) if it has a term."""
        if not body.lstrip().startswith(b"{"):
            raise TransientError("The token endpoint's answer is not a JSON object")
        try:
            answer = client.parse_request_body_response(body.decode(errors="replace"))
            issued = {name: answer[name] for name in ("access_token", "refresh_token") if answer.get(name)}
            if answer.get("expires_in"):
                issued["expires_at"] = self._now() + float(answer["expires_in"])
            return {"access_token": issued.pop("access_token"), **issued}
        except OAuth2Error as error:
            raise CredentialsError(
                f"The token endpoint refused to refresh the token: {self._redact(error.error or 'no reason given')}. "
                "Set a fresh refresh token, and check the client id and secret."
            ) from None
        except (ValueError, TypeError, AttributeError, KeyError):
            raise CredentialsError(
                "The token endpoint's answer is not what RFC 6749 describes. Check the token URL."
            ) from None

    def _secret_values(self) -> list[str]:
        return [str(self._tokens[name]) for name in ("access_token", "refresh_token") if name in self._tokens]
