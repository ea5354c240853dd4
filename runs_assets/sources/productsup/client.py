"""The Productsup CDE client: `GET {base}/runs`, an envelope with metadata, paged by offset, without a date filter.

Facts from the vendor's page "List runs": the parameters, the envelope and the row's fields. The newest-first order is
only seen in its example; the pager verifies it. `next` is never followed: the token goes to no other address. Beside
it, the names of the account's own connectors ("List connectors").
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from runs_assets.errors import NoSuchPageError, UnavailableError
from runs_assets.http.faults import UnexpectedBodyError
from runs_assets.http.transport import Answer, Params
from runs_assets.paging.offset import OffsetAsk, OffsetPager
from runs_assets.reading.rows import RunPage, run_page
from runs_assets.sources.http_client import HttpClient
from runs_assets.sources.productsup.row import MAX_PAGE_SIZE, SHAPE

Row = TypeVar("Row")

TOO_FAR = frozenset({400, 404, 416})
"""Statuses with which a server may refuse an offset that it does not like."""
PAST_END = TOO_FAR | {500}
"""Those with which it may answer for a place past the end of the list, where nothing can be missed."""
MAX_DIGITS = 18
CONNECTORS_PAGE = 100
MOST_CONNECTOR_PAGES = 40
CONNECTORS_SECONDS = 10.0
"""All pages together; there are few connectors."""


@dataclass
class ProductsupClient(HttpClient):
    """Lists the runs of one account."""

    page_size: int = 100

    def pager(self, start_us: int, end_us: int) -> OffsetPager:
        """A pager over the runs created in [start_us, end_us)."""
        return OffsetPager(start_us, end_us, limit=self.page_size, max_limit=MAX_PAGE_SIZE)

    def fetch_run(self, run_id: str) -> RunPage:
        """The page of a single run, empty if the API no longer shows it. Raises what `get` raises."""
        return self.get("/runs", {"id": run_id}, _page_of)

    def fetch(self, ask: OffsetAsk) -> RunPage:
        """One page; without rows where the API refuses to show one. Raises what else `get` raises."""
        params: Params = {"from": ask.offset, "limit": ask.limit}
        no_page = PAST_END if ask.is_past_end else TOO_FAR if ask.offset else ()
        try:
            return self.get("/runs", params, partial(_page_of, asked=ask.offset), no_page=no_page)
        except NoSuchPageError as error:
            return replace(run_page([], SHAPE, self.clock()), offset=ask.offset, refusal=str(error))

    def pipeline_names(self) -> dict[str, str]:
        """The names of the account's own connectors, by id; those of others are not listed.

        Raises what `get` raises, `UnavailableError` also if the list does not end.
        """
        names: dict[str, str] = {}
        offset, until = 0, self.monotonic() + CONNECTORS_SECONDS
        for _ in range(MOST_CONNECTOR_PAGES):
            if self.monotonic() > until:
                break
            ask: Params = {"from": offset, "limit": CONNECTORS_PAGE}
            rows, total = self.get("/connectors", ask, _connectors_of)
            fresh = self.names(rows)
            offset += len(rows)
            is_over = fresh.keys() <= names.keys() if total is None else offset >= total
            names |= fresh
            if is_over or not rows:
                return names
        raise UnavailableError("The list of connectors is too long, or it does not end.")


def _connectors_of(answer: Answer) -> tuple[list[Any], int | None]:
    """The rows of a page and how many there are in all, as far as the answer has the documented shape."""
    document = answer.json()
    rows, metadata = (document.get(name) if isinstance(document, dict) else None for name in ("data", "metadata"))
    total = metadata.get("total") if isinstance(metadata, dict) else None
    return rows if isinstance(rows, list) else [], _count(total)


class _Envelope(msgspec.Struct, Generic[Row]):
    data: list[Row] | None
    metadata: Any = None


def _page_of(answer: Answer, asked: int = 0) -> RunPage:
    """The page at the offset `asked`: null, and `data` that is null in a whole envelope, stand for one without rows."""

    def page_in(body: bytes) -> RunPage:
        found = SHAPE.decode(body, _Envelope)
        offset, total = _place_of(found) if found else (asked, None)
        page = run_page(found.data or [] if found else [], SHAPE, answer.asked_at)
        return replace(page, offset=offset, total=total)

    return answer.decoded(page_in, "an object with a list of runs in 'data'")


def _place_of(envelope: _Envelope[Any]) -> tuple[int, int | None]:
    """The offset of a page and the length of the list, by the answer's own statement."""
    stated = envelope.metadata
    if not isinstance(stated, dict) or (offset := _count(stated.get("from"))) is None:
        raise UnexpectedBodyError("metadata.from does not hold the offset of the page")
    total = _count(stated.get("total"))
    if not envelope.data and total is not None and offset < total:
        raise UnexpectedBodyError(f"the page at {offset} of {total} runs is empty")
    return offset, total


def _count(value: Any) -> int | None:
    """A count or offset: a non-negative whole number, or its spelling."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= MAX_DIGITS:
        return int(value)
    return value if type(value) is int and value >= 0 else None
