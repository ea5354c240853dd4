"""Faults of what surrounds the list: tokens and clocks."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler, json_answer
from runs_assets.sandbox.faults.asking import asks_for_runs
from runs_assets.sandbox.faults.fault import Fault


@dataclass(eq=False)
class TokensExpire(Fault):
    """A token that nobody can renew, such as `Productsup.token`, is then of no more use."""

    name = "tokens_expire"
    about = "Access tokens expire after three requests; each renewal replaces the refresh token too."
    platforms = frozenset({"productsup"})
    requests: int = 3
    _used: Counter[str] = field(default_factory=Counter, init=False)

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Count the requests of each token."""
        token = request.headers.get("authorization", "")
        self._used[token] += 1
        if asks_for_runs(request) and self._used[token] > self.requests:
            return json_answer({"message": "You have to be authorized to access this resource."}, 401)
        return await inner(request)


class SecretWantedInForm(Fault):
    """The client is registered for `client_secret_post` alone (RFC 7591 section 2)."""

    name = "secret_wanted_in_form"
    about = "The token endpoint takes the client's secret in the form alone, and refuses Basic authentication."
    platforms = frozenset({"productsup"})

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Refuse it."""
        if request.headers.get("authorization", "").lower().startswith("basic "):
            return json_answer({"error": "invalid_client"}, 401)
        return await inner(request)


@dataclass(eq=False)
class ClockMinutesOff(Fault):
    """Ahead, or behind if `minutes` is negative: this moves what exists, and what is too old to be asked for."""

    name = "clock_minutes_off"
    about = "The server's clock is ten minutes ahead."
    minutes: float = 10

    def clock(self, now: datetime) -> datetime:
        """Return the server's time."""
        return now + timedelta(minutes=self.minutes)


class ClockMinutesBehind(ClockMinutesOff):
    """The other way round."""

    name = "clock_minutes_behind"
    about = "The server's clock is ten minutes behind."

    def clock(self, now: datetime) -> datetime:
        """Return the server's time."""
        return now - timedelta(minutes=self.minutes)
