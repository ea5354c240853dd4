"""Faults of the HTTP answer: refusals, outages, and bodies that are not what they should be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from math import ceil
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from runs_assets.sandbox.answers import Handler, json_answer
from runs_assets.sandbox.faults.asking import asks_for_runs, edited
from runs_assets.sandbox.faults.fault import Fault

BLOCKED = "<!doctype html><title>Attention required</title><h1>You have been blocked</h1>"
HTML = "<!doctype html><title>Maintenance</title><h1>We are back soon</h1>"


@dataclass(eq=False)
class NowAndThen(Fault):
    """Hits the first request for runs and then every `every`-th one; `every=1` is an outage. Tokens are left alone."""

    every: int = 3
    hits: int = field(default=0, init=False)
    _requests: int = field(default=0, init=False)

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Let the request pass, or hit it."""
        if not asks_for_runs(request):
            return await inner(request)
        self._requests += 1
        if (self._requests - 1) % self.every:
            return await inner(request)
        self.hits += 1
        return await self.hit(request, inner)

    async def hit(self, request: Request, inner: Handler) -> Response:
        """Answer wrongly."""
        raise NotImplementedError


@dataclass(eq=False)
class TooManyRequests(NowAndThen):
    """What the kinds of 429 share."""

    wait_seconds: int = 1

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Refuse, and say how long to wait."""
        headers = self.headers(request.state.now + timedelta(seconds=self.wait_seconds))
        content = {"statusCode": 429, "error": "Too Many Requests", "message": "Rate limit exceeded", **self.body()}
        return json_answer(content, 429, headers)

    def headers(self, until: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Return the headers that tell the wait."""
        return {}

    def body(self) -> Mapping[str, object]:
        """Return the fields that tell the wait."""
        return {}


class TooManyRequestsSeconds(TooManyRequests):
    """RFC 9110's first form."""

    name = "too_many_requests_seconds"
    about = "Some requests are answered 429 with Retry-After in seconds."

    def headers(self, until: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Return the header."""
        return {"Retry-After": str(self.wait_seconds)}


class TooManyRequestsDate(TooManyRequests):
    """RFC 9110's second form, in whole seconds, rounded up."""

    name = "too_many_requests_date"
    about = "Some requests are answered 429 with Retry-After as a date."

    def headers(self, until: datetime) -> Mapping[str, str]:
        """Return the header."""
        return {"Retry-After": format_datetime(_whole_second(until), usegmt=True)}


@dataclass(eq=False)
class TooManyRequestsAtOnce(TooManyRequests):
    """Whoever believes it asks without a pause."""

    name = "too_many_requests_at_once"
    about = "Some requests are answered 429 with Retry-After: 0, or a date that has passed, in turn."
    wait_seconds: int = 0

    def headers(self, until: datetime) -> Mapping[str, str]:
        """Return the header."""
        passed = format_datetime(until - timedelta(hours=1), usegmt=True)
        return {"Retry-After": passed if self.hits % 2 else "0"}


@dataclass(eq=False)
class TooManyRequestsForLong(TooManyRequestsSeconds):
    """Longer than a reading waits."""

    name = "too_many_requests_for_long"
    about = "Some requests are answered 429 with Retry-After: 900."
    wait_seconds: int = 900


class TooManyRequestsBody(TooManyRequests):
    """As older servers of CloudCruise answer."""

    name = "too_many_requests_body"
    about = "Some requests are answered 429 with retryAfterSeconds in the body and no header."
    platforms = frozenset({"cloudcruise"})

    def body(self) -> Mapping[str, object]:
        """Return the field, with what stands beside it."""
        return {"limit": 500, "remaining": 0, "retryAfterSeconds": self.wait_seconds}


class TooManyRequestsEpoch(TooManyRequests):
    """As Productsup's Platform API answers."""

    name = "too_many_requests_epoch"
    about = "Some requests are answered 429 with X-Ratelimit-Retry-After as a Unix time."

    def headers(self, until: datetime) -> Mapping[str, str]:
        """Return the header."""
        return {"X-Ratelimit-Retry-After": str(ceil(until.timestamp()))}


class ServerErrors(NowAndThen):
    """As gateways and crashed servers answer."""

    name = "server_errors"
    about = "Some requests are answered 500, 502 and 503 in turn."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Fail."""
        return HTMLResponse("<h1>Error</h1>", (503, 500, 502)[self.hits % 3])


class FirewallPages(NowAndThen):
    """With every other page there is a Retry-After."""

    name = "firewall_pages"
    about = "Some requests are answered 403 with the HTML page of a firewall."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Block it."""
        return HTMLResponse(BLOCKED, 403, {"Retry-After": "2"} if self.hits % 2 else None)


class ErrorObjects(NowAndThen):
    """What is wrong is only in the body."""

    name = "error_objects"
    about = "Some requests are answered 200 with an object that tells of an error."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Tell it."""
        return json_answer({"statusCode": 503, "error": "Service Unavailable", "message": "The database is busy"})


class HtmlPages(NowAndThen):
    """As a proxy or a login page answers."""

    name = "html_pages"
    about = "Some requests are answered 200 with an HTML page."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Show the page."""
        return HTMLResponse(HTML)


class TruncatedJson(NowAndThen):
    """The content length is that of the cut body, so that only the JSON tells."""

    name = "truncated_json"
    about = "Some answers are 200 with a JSON text that is cut in the middle."

    async def hit(self, request: Request, inner: Handler) -> Response:
        """Cut it."""
        answer = await inner(request)
        return Response(answer.body[: len(answer.body) // 2], answer.status_code, media_type="application/json")


class EmptyBodies(NowAndThen):
    """Not even white space."""

    name = "empty_bodies"
    about = "Some requests are answered 200 with an empty body."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Say nothing."""
        return Response(media_type="application/json")


@dataclass(eq=False)
class EmptyLists(NowAndThen):
    """Productsup's total stays as it is, unless `zero_total` makes the answer agree with itself."""

    name = "empty_lists"
    about = "Some requests are answered 200 with no runs although there are some."
    zero_total: bool = False

    async def hit(self, request: Request, inner: Handler) -> Response:
        """Leave the rows out."""
        return edited(await inner(request), self._emptied)

    def _emptied(self, document: Any) -> object:
        if isinstance(document, list):
            return []
        metadata = {**document["metadata"], "count": 0, **({"total": 0} if self.zero_total else {})}
        return {**document, "data": [], "metadata": metadata}


class RedirectsElsewhere(NowAndThen):
    """No such host exists: `.invalid` is reserved."""

    name = "redirects_elsewhere"
    about = "Some requests are redirected to another host."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Point elsewhere."""
        return RedirectResponse("https://elsewhere.invalid/runs", 302)


def _whole_second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1 if instant.microsecond else 0)
