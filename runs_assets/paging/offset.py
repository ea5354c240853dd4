"""Reading a time window of a list that can only be paged by offset, newest first (Productsup CDE).

There is no date filter, so the window is found by bisection. Rows that appear at the head while reading push the
rest down (they only repeat); rows that vanish pull it up, past the next offset, which is how offset paging loses
rows. Here each page must begin with a row strictly newer than where the reading stands: within one answer the list is
sorted, so everything at or below that instant then lies on this page or after it, whatever moved.

Why strictly newer: rows of one creation time may change places between answers, so such a group is always read whole.
"""

import sys
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from runs_assets.days import SECOND_US
from runs_assets.errors import ApiChangedError, PageLimitError
from runs_assets.paging.page import Page, Pager, second_of

PROBE_ROWS = 10
MAX_STALLED_PAGES = 200
"""Pages in a row that may fail to reach an older instant before the list is taken to change faster than it is read."""

MAX_CROWDED_PAGES = 5
"""Times that the largest page may bring one creation time only: rows that move meanwhile are no reason to give up."""

MAX_OFFSET = 10**9
"""No list is taken to be longer: a server that shows new runs even there does not obey its offset."""


@dataclass(frozen=True)
class OffsetAsk:
    """Up to `limit` rows from `offset` on, 0 being the newest."""

    offset: int
    limit: int
    is_past_end: bool = False
    """Whether nothing is expected there, by the total that the list last told."""


class _UnsortedError(Exception):
    """The list is not newest first."""


@dataclass
class OffsetPager(Pager[OffsetAsk]):
    """A pager that finds its window by bisection.

    If the list proves not to be newest first, all of it is read instead, `notes` says so, and `is_complete` stays True
    only if as many different rows were shown as the list says it has, unchanged throughout.
    A server may refuse what lies past the end of the list, or further down than it likes to look: the window is
    therefore looked for from the head on, and a page is cut to what is shown.
    Raises `ApiChangedError` for a group of equal times, or a change of the list, that no page can bridge, and for an
    offset that is not obeyed; `PageLimitError` when the window lies beyond what the server shows.
    """

    _total: int = field(default=sys.maxsize, init=False)
    _shown_end: int = field(default=sys.maxsize, init=False)
    _refusal: str = field(default="", init=False)
    _trusts_total: bool = field(default=True, init=False)
    _crowded_pages: int = field(default=0, init=False)

    def asks(self) -> Generator[OffsetAsk, Page, None]:
        """The walk; see `Pager`."""
        try:
            page = yield from self._entry()
            yield from self._walk(page)
        except _UnsortedError:
            self.notes = ("The list is not newest first, so all of it was read.",)
            self.mark_us = self.end_us
            yield from self._whole_list()
        self.mark_us = self.start_us

    # -- finding the window ------------------------------------------------------------------------------------

    def _entry(self) -> Generator[OffsetAsk, Page, Page]:
        """A page that begins at or before the window's newest row."""
        head = yield from self._ask(0)
        if not len(head) or _oldest_us(head) < self.end_us:
            return head
        newer, older = len(head) - 1, sys.maxsize
        while older - newer > self.limit:
            probed = min((newer + older) // 2, self._further_than(newer))
            probe = yield from self._sorted_page(probed, PROBE_ROWS)
            # A probe may have no usable time, or be refused: the reading then starts earlier, which is safe.
            if not len(probe.times_us) or int(probe.times_us[0]) < self.end_us:
                older = probed
            elif probed > MAX_OFFSET:
                raise ApiChangedError(
                    f"Asked for the runs from offset {probed} on, the API still shows some of "
                    f"{second_of(self.end_us)} or later: it no longer obeys its offset. The API has changed: look for "
                    "a newer version of this project."
                )
            else:
                newer = probed
        return (yield from self._anchored(newer, self.end_us - 1))

    def _further_than(self, offset: int) -> int:
        """Twice as far, but for a stop at the end that the list tells."""
        further = 2 * offset + 2
        return min(further, self._total) if offset < self._total else further

    # -- reading it --------------------------------------------------------------------------------------------

    def _walk(self, page: Page) -> Generator[OffsetAsk, Page, None]:
        stalled = 0
        while len(page) and (oldest_us := _oldest_us(page)) >= self.start_us:
            stalled = 0 if oldest_us < self.mark_us - 1 else stalled + 1
            if stalled > MAX_STALLED_PAGES:
                raise ApiChangedError(
                    f"The list changes faster than it can be read: {stalled} pages in a row brought nothing before "
                    f"{second_of(oldest_us)}. Try again later, or with a larger page size."
                )
            self.mark_us = min(self.mark_us, oldest_us + 1)
            if (yield from self._ends_with(page)):
                return
            self._check_goes_on(page.end)
            page = yield from self._anchored(self._next_offset(page, oldest_us), oldest_us)

    def _next_offset(self, page: Page, oldest_us: int) -> int:
        """The offset of the last row strictly newer than the page's oldest group; a larger page where there is none."""
        last_newer = int(np.flatnonzero(page.created_us > oldest_us).max(initial=0))
        if last_newer:
            return page.offset + last_newer
        if self.limit >= self.max_limit:
            self._crowded_pages += 1
        self.enlarge(page, "the creation time", oldest_us, is_last_try=self._crowded_pages > MAX_CROWDED_PAGES)
        return page.offset

    def _anchored(self, offset: int, newer_than_us: int) -> Generator[OffsetAsk, Page, Page]:
        """A page that begins with a row strictly newer than `newer_than_us`, or at the list's head."""
        step = max(1, self.limit // 8)
        while True:
            page = yield from self._ask(offset)
            if page.offset == 0 and not len(page):
                raise ApiChangedError("The list became empty while it was being read. Try again later.")
            if page.offset == 0 or (len(page.times_us) and int(page.times_us[0]) > newer_than_us):
                return page
            offset = max(0, min(offset, page.offset) - step)
            step *= 2

    def _ends_with(self, page: Page) -> Generator[OffsetAsk, Page, bool]:
        """Whether the list ends with this page: it says so, and nothing lies after it.

        A total beyond which there are rows is capped, and trusted no more. Without a usable total, the page's oldest
        rows must also come again, and be the oldest, since rows deleted meanwhile could make the place after it look
        empty.
        """
        total = page.total if self._trusts_total else None
        if (total is not None and page.end < total) or (total is None and len(page) >= self.limit):
            return False
        after = yield from self._ask(page.end)
        if after.refusal and total is not None:
            after = yield from self._across(page.end)
        if after.end > page.end:  # a server may show its last page instead
            self._trusts_total = self._trusts_total and (after.total is None or after.end <= after.total)
            return False
        if total is not None:
            return True
        again = yield from self._ask(page.offset)
        return _oldest_group(again) == _oldest_group(page)

    def _across(self, end: int) -> Generator[OffsetAsk, Page, Page]:
        """The row before the total and the one after it, since a server may refuse to show more than it counts.

        A search engine counts and shows 10,000 rows as a rule. There, two rows are refused where one is not.
        """
        both = OffsetAsk(end - 1, 2)
        page = yield both
        if page.refusal:
            alone = yield OffsetAsk(end - 1, 1)  # refused, too, if the list has become shorter
            page = yield both
            if page.refusal and len(alone):
                self._refusal, self._shown_end = page.refusal, end
                self._check_goes_on(end)
        return page

    def _ask(self, offset: int) -> Generator[OffsetAsk, Page, Page]:
        """A page as large as it may be."""
        limit = max(1, min(self.limit, self._shown_end - offset))
        page = yield from self._sorted_page(offset, limit)
        if page.refusal and not self._is_past_end(offset):
            self._refusal = page.refusal
            shown_end = yield from self._end_of_what_is_shown(offset, limit)
            yield from self._twice_if_empty(0, PROBE_ROWS)  # the list may have become shorter
            if not self._is_past_end(offset):
                self._shown_end = shown_end
                self._check_goes_on(offset)
            return (yield from self._ask(offset))
        if len(page) and not len(page.times_us):
            raise ApiChangedError(
                f"The {len(page)} runs from offset {page.offset} on have no usable creation time, so there is no way "
                "to tell their days. Report it to the platform's support."
            )
        return page

    def _sorted_page(self, offset: int, limit: int) -> Generator[OffsetAsk, Page, Page]:
        """The page that answers a request. Raises `_UnsortedError`."""
        page = yield from self._twice_if_empty(offset, limit)
        if not page.is_newest_first:
            raise _UnsortedError
        return page

    def _twice_if_empty(self, offset: int, limit: int) -> Generator[OffsetAsk, Page, Page]:
        """The page that answers a request: without rows, it may be a fault unless a total agrees with it."""
        ask = OffsetAsk(offset, limit, self._is_past_end(offset))
        page = yield ask
        if not len(page) and (page.total is None or not offset):
            page = yield ask
        self._total = self._total if page.total is None else page.total
        return page

    def _check_goes_on(self, offset: int) -> None:
        """Raise if nothing is shown from an offset on, though the list goes on there."""
        if offset >= self._shown_end:
            last_us = self.mark_us - 1
            raise PageLimitError(
                f"The API refuses to show its list beyond the {self._shown_end:,} newest runs: {self._refusal}. Those "
                f"of {second_of(last_us - last_us % SECOND_US)} and before lie there. Ask for newer days, or ask the "
                "platform's support for a way to read older runs."
            )

    def _is_past_end(self, offset: int) -> bool:
        return self._trusts_total and offset >= self._total

    def _end_of_what_is_shown(self, offset: int, refused_limit: int) -> Generator[OffsetAsk, Page, int]:
        """How far a page from an offset on may reach: the offset itself if not even one row is shown."""
        shown, refused = 0, refused_limit
        while refused - shown > 1:
            middle = (shown + refused) // 2
            page = yield OffsetAsk(offset, middle)
            shown, refused = (shown, middle) if page.refusal else (middle, refused)
        return offset + shown

    # -- when there is no order to rely on ---------------------------------------------------------------------

    def _whole_list(self) -> Generator[OffsetAsk, Page, None]:
        """Every page from the head on, each overlapping the one before by a row that both must show.

        A list that grows at its end as fast as it is read is left there, and is then not complete.
        """
        limit = max(2, self.limit)
        seen: set[str] = set()
        totals: set[int | None] = set()
        offset = futile = tail_pages = 0
        while True:
            page = yield from self._twice_if_empty(offset, limit)
            if page.refusal:
                break
            totals.add(page.total)
            is_gap, brought_nothing = offset > 0 and seen.isdisjoint(page.keys), seen.issuperset(page.keys)
            futile += is_gap or brought_nothing
            if futile > MAX_STALLED_PAGES:
                raise ApiChangedError(
                    "The list is in no order, and changes faster than it can be read, or the API no longer obeys its "
                    "offset. Try again later."
                )
            if is_gap:
                offset = max(0, offset - limit)
                continue
            seen.update(page.keys)
            tail_pages += len(page) <= 2
            if (brought_nothing and len(page) < limit) or tail_pages > MAX_STALLED_PAGES:
                break
            offset = page.end - 1
        self.is_complete = not page.refusal and totals == {len(seen)}


def _oldest_us(page: Page) -> int:
    return int(page.times_us[-1])


def _oldest_group(page: Page) -> set[str]:
    """The rows that share the page's oldest time."""
    return {page.keys[index] for index in np.flatnonzero(page.created_us == page.times_us[-1:])}
