"""Faults of the paging itself: what `metadata.next` holds, and a cursor that is not obeyed."""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler, integer, json_answer
from runs_assets.sandbox.faults.asking import asked_otherwise, asks_for_runs, edited, listed
from runs_assets.sandbox.faults.fault import Fault

PRODUCTSUP = frozenset({"productsup"})


class NextIsSet(Fault):
    """What the kinds of `metadata.next` share; the last page's stays null."""

    platforms = PRODUCTSUP

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Set it."""
        answer = await inner(request)
        return edited(answer, lambda document: self._with_next(request, document)) if asks_for_runs(request) else answer

    def next(self, request: Request, offset: int, limit: int) -> object:
        """Return what stands for the next page."""
        raise NotImplementedError

    def _with_next(self, request: Request, document: Any) -> object:
        metadata = document["metadata"]
        offset = metadata["from"] + metadata["count"]
        if offset >= metadata["total"]:
            return document
        return {**document, "metadata": {**metadata, "next": self.next(request, offset, metadata["limit"])}}


class NextIsNumber(NextIsSet):
    """An offset."""

    name = "next_is_number"
    about = "metadata.next is the offset of the next page."

    def next(self, request: Request, offset: int, limit: int) -> object:  # noqa: ARG002
        """Return the offset."""
        return offset


class NextIsPath(NextIsSet):
    """A path below the base URL."""

    name = "next_is_path"
    about = "metadata.next is the path of the next page."

    def next(self, request: Request, offset: int, limit: int) -> object:  # noqa: ARG002
        """Return the path."""
        return f"/runs?from={offset}&limit={limit}"


class NextIsUrl(NextIsSet):
    """A URL of this server."""

    name = "next_is_url"
    about = "metadata.next is the URL of the next page."

    def next(self, request: Request, offset: int, limit: int) -> object:
        """Return the URL."""
        return str(request.url.replace(query=f"from={offset}&limit={limit}"))


class NextIsForeign(NextIsSet):
    """No such host exists: `.invalid` is reserved."""

    name = "next_is_foreign"
    about = "metadata.next is a URL of another host, which must never see the token."

    def next(self, request: Request, offset: int, limit: int) -> object:  # noqa: ARG002
        """Return the URL."""
        return f"https://elsewhere.invalid/runs?from={offset}&limit={limit}"


@dataclass(eq=False)
class CursorIgnored(Fault):
    """On Productsup, `from` is ignored, and metadata.from says so unless `is_denied`."""

    name = "cursor_ignored"
    about = "The server ignores where a page should begin, and always begins at the newest run."
    is_denied: bool = False

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Ask for the first page."""
        answer = await inner(asked_otherwise(request, {"cursor": None, "from": None}))
        asked = integer(request.query_params.get("from", ""))
        if not self.is_denied or asked is None:
            return answer
        return edited(answer, lambda document: _as_if(document, asked))


class NullPages(Fault):
    """CloudCruise's whole answer, or the `data` in Productsup's envelope."""

    name = "null_pages"
    about = "A page without runs is null."

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Print null instead of an empty list."""
        return edited(await inner(request), lambda document: document if _rows(document) else self.nothing(document))

    def nothing(self, document: Any) -> object:
        """Return what a page without runs is."""
        return {**document, "data": None} if isinstance(document, dict) else None


class NoContent(Fault):
    """Not even an envelope."""

    name = "no_content"
    about = "A page without runs is HTTP 204 without a body."

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Leave the body out."""
        answer = await inner(request)
        document = listed(answer)
        return answer if document is None or _rows(document) else Response(status_code=204)


@dataclass(eq=False)
class PastEndRefused(Fault):
    """The statuses come in turn."""

    name = "past_end_refused"
    about = "A request for a page past the end of the list is answered 404, 400, 416 or 500."
    platforms = PRODUCTSUP
    statuses: tuple[int, ...] = (404, 400, 416, 500)
    hits: int = field(default=0, init=False)

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Refuse it."""
        answer = await inner(request)
        metadata = (listed(answer) or {"metadata": {"from": 0}})["metadata"]
        if not metadata["from"] or metadata["from"] < metadata["total"]:
            return answer
        self.hits += 1
        return json_answer({"message": "There is no such page."}, self.statuses[(self.hits - 1) // 2 % 4])


@dataclass(eq=False)
class LargeOffsetsRefused(Fault):
    """As search engines behind an API do."""

    name = "large_offsets_refused"
    about = "A request is answered 400 if its page would end beyond the 10,000th run of the list."
    platforms = PRODUCTSUP
    most: int = 10_000
    hits: int = field(default=0, init=False)

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Refuse it."""
        offset, limit = (integer(request.query_params.get(name, "0")) or 0 for name in ("from", "limit"))
        if not asks_for_runs(request) or offset + limit <= self.most:
            return await inner(request)
        self.hits += 1
        return json_answer({"message": f"from + limit must be at most {self.most}."}, 400)


def _rows(document: Any) -> list[Any]:
    rows: list[Any] = document["data"] if isinstance(document, dict) else document
    return rows


def _as_if(document: Any, offset: int) -> object:
    return {**document, "metadata": {**document["metadata"], "from": offset}}
