"""Faults of the paging itself: what `metadata.next` holds, and a cursor that is not obeyed."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler, integer
from runs_assets.sandbox.faults.asking import asked_otherwise, asks_for_runs, edited
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


def _as_if(document: Any, offset: int) -> object:
    return {**document, "metadata": {**document["metadata"], "from": offset}}
