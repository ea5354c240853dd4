"""An OAuth2 bearer token that is refreshed and rotated.

The message formats (RFC 6749 section 6) are oauthlib's; this module sends them, and keeps what comes back.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

import httpx
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from runs_assets.errors import CredentialsError
from runs_assets.http.faults import RETRIED_STATUSES, TransientError, object_in
from runs_assets.http.header_auth import Auth, Send
from runs_assets.http.token_file import RefreshGrant, TokenFile, checked_tokens
from runs_assets.plain_text.redaction import Redactor
from runs_assets.plain_text.wording import shortened

EARLY_SECONDS = 30.0
REASON_CHARACTERS = 100


class RefreshingBearerAuth(Auth):
    """A bearer token that is renewed shortly before it expires, and once when the API says 401.

    A refresh token is good for one use, so one process at a time may use it, and the others take over what it got.

    A refusal of the token endpoint raises `CredentialsError`; if it is down or busy, that is a `TransientError` for the
    transport to retry. `BusyError` if another process is still at it.
    """

    def __init__(
        self, grant: RefreshGrant, file: TokenFile, redact: Redactor, clock: Callable[[], datetime], setting: str
    ) -> None:
        self.setting = setting
        self._grant = grant
        self._file = file
        self._redact = redact
        self._clock = clock
        # The standard (RFC 6749 section 2.3.1) has both escaped before they are joined.
        client = f"{quote_plus(grant.client_id)}:{quote_plus(grant.client_secret)}"
        self._basic = b64encode(client.encode()).decode()
        self._redact.learn(self._basic, grant.client_secret, grant.refresh_token)
        self._use(file.load())
        self._is_secret_in_form = bool(self._tokens.get("secret_in_form"))

    def headers(self, send: Send) -> Mapping[str, str]:
        """The token, refreshed first if it is due."""
        if self._are_due():
            self.renew(send)
        return {"authorization": f"Bearer {self._tokens['access_token']}"}

    def renew(self, send: Send) -> bool:
        """Take over the tokens that another process got, or get new ones and store them before they are used."""
        with self._file.claimed():
            before = self._tokens
            self._use(self._file.load() or before)
            if self._tokens == before or self._are_due():
                self._use(self._renewed(send))
        return True

    def _are_due(self) -> bool:
        expires_at = self._tokens.get("expires_at")
        is_over = expires_at is not None and self._clock().timestamp() > expires_at - EARLY_SECONDS
        return is_over or "access_token" not in self._tokens

    def _use(self, tokens: dict[str, Any]) -> None:
        self._tokens = tokens
        self._redact.learn(*(tokens[name] for name in ("access_token", "refresh_token") if name in tokens))

    def _renewed(self, send: Send) -> dict[str, Any]:
        """New tokens for the refresh token, stored.

        The client's secret goes by Basic authentication or in the form (RFC 6749 section 2.3.1): what the endpoint
        refuses as `invalid_client` is tried the other way, and what works is kept.
        """
        client = WebApplicationClient(self._grant.client_id)
        current = self._tokens.get("refresh_token", self._grant.refresh_token)
        response, body = send(self._request(client, current))
        if object_in(body).get("error") == "invalid_client":  # RFC 6749 section 5.2
            self._is_secret_in_form = not self._is_secret_in_form
            response, body = send(self._request(client, current))
        _check_is_answer(response, body)
        return self._file.put_in_place_of(current, self._issued(client, body, current))

    def _request(self, client: WebApplicationClient, refresh_token: str) -> httpx.Request:
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        in_form = {}
        if self._is_secret_in_form:
            in_form = {"client_id": self._grant.client_id, "client_secret": self._grant.client_secret}
        else:
            headers["authorization"] = f"Basic {self._basic}"
        body = client.prepare_refresh_body(refresh_token=refresh_token, **in_form)
        return httpx.Request("POST", self._grant.token_url, content=body, headers=headers)

    def _issued(self, client: WebApplicationClient, body: bytes, current: str) -> dict[str, Any]:
        """The tokens of the token endpoint's answer; the current refresh token if it has no new one."""
        try:
            answer = client.parse_request_body_response(body.decode(errors="replace"))
            issued = {"access_token": answer["access_token"], "refresh_token": answer.get("refresh_token") or current}
            if answer.get("expires_in"):
                issued["expires_at"] = self._clock().timestamp() + float(answer["expires_in"])
            if self._is_secret_in_form:
                issued["secret_in_form"] = True
            return checked_tokens(issued)
        except OAuth2Error as error:
            reason = shortened(str(error.error or "no reason given"), REASON_CHARACTERS, self._redact)
            raise CredentialsError(
                f"The token endpoint refused to refresh the token: {reason}. "
                "Set a fresh refresh token, and check the client id and secret."
            ) from None
        except (ValueError, TypeError, AttributeError, KeyError):
            raise CredentialsError(
                "The token endpoint's answer is not what RFC 6749 describes. Check the token URL."
            ) from None


def _check_is_answer(response: httpx.Response, body: bytes) -> None:
    """Raise unless the token endpoint answered with a JSON object."""
    status = response.status_code
    if status in RETRIED_STATUSES:
        raise TransientError(f"The token endpoint answered HTTP {status}")
    if response.is_redirect:
        raise CredentialsError(
            f"The token endpoint answered HTTP {status}. Redirects are not followed, because the client secret would "
            "go along: set the token URL to the final address."
        )
    if body.lstrip().startswith(b"{"):
        return
    if response.is_success:
        raise TransientError("The token endpoint's answer is not a JSON object")
    raise CredentialsError(f"The token endpoint answered HTTP {status} without a reason. Check the token URL.")
