"""Reading a time window of a list that can only be paged by offset, newest first (Productsup CDE).

There is no date filter, so the window is found by bisection. Rows that appear at the head while reading push the
rest down (they only repeat); rows that vanish pull it up, past the next offset, which is how offset paging loses
rows. Here each page must begin with a row strictly newer than where the reading stands: within one answer the list is
sorted, so everything at or below that instant then lies on this page or after it, whatever moved.

Why strictly newer: rows of one creation time may change places between answers, so such a group is always read whole.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from runs_assets.errors import ApiChangedError
from runs_assets.paging.page import NO_TIME, Page, Pager, second_of

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


class _UnsortedError(Exception):
    """The list is not newest first."""


@dataclass
class OffsetPager(Pager[OffsetAsk]):
    """A pager that finds its window by bisection.

    If the list proves not to be newest first, all of it is read instead, `notes` says so, and `is_complete` stays True
    only if as many different rows were shown as the list says it has, unchanged throughout.
    Raises `ApiChangedError` for a group of equal times, or a change of the list, that no page can bridge, and for an
    offset that is not obeyed.
    """

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
        if not len(head):
            # An empty page may be an empty list or a fault: it counts when it comes twice.
            head = yield from self._ask(0)
        if not len(head) or _oldest_us(head) < self.end_us:
            return head
        newer = len(head) - 1
        older = yield from self._offset_before_window(newer, head.total)
        while older - newer > self.limit:
            middle = (newer + older) // 2
            if (yield from self._is_newer_than_window(middle)):
                newer = middle
            else:
                older = middle
        return (yield from self._anchored(newer, self.end_us - 1))

    def _offset_before_window(self, newer: int, total: int | None) -> Generator[OffsetAsk, Page, int]:
        """An offset at which the list is already older than the window's end, or over."""
        older = total if total is not None and total > newer else 2 * newer + 2
        while (yield from self._is_newer_than_window(older)):
            if older > MAX_OFFSET:
                raise ApiChangedError(
                    f"Asked for the runs from offset {older} on, the API still shows some of "
                    f"{second_of(self.end_us)} or later: it no longer obeys its offset. The API has changed: look for "
                    "a newer version of this project."
                )
            older *= 2
        return older

    def _is_newer_than_window(self, offset: int) -> Generator[OffsetAsk, Page, bool]:
        # A probe may have no usable time: False makes the reading start earlier, which is safe.
        probe = yield from self._ask(offset, PROBE_ROWS)
        return len(probe.times_us) > 0 and int(probe.times_us[0]) >= self.end_us

    # -- reading it --------------------------------------------------------------------------------------------

    def _walk(self, page: Page) -> Generator[OffsetAsk, Page, None]:
        stalled = 0
        reached_us = self.end_us
        while len(page) and _oldest_us(page) >= self.start_us:
            oldest_us = _oldest_us(page)
            if (yield from self._ends_with(page)):
                return
            stalled = 0 if oldest_us < reached_us else stalled + 1
            reached_us = min(reached_us, oldest_us)
            if stalled > MAX_STALLED_PAGES:
                raise ApiChangedError(
                    f"The list changes faster than it can be read: {stalled} pages in a row brought nothing before "
                    f"{second_of(oldest_us)}. Try again later, or with a larger page size."
                )
            self.mark_us = min(self.mark_us, oldest_us + 1)
            page = yield from self._anchored(self._next_offset(page, oldest_us), oldest_us)

    def _next_offset(self, page: Page, oldest_us: int) -> int:
        """The offset of the last row strictly newer than the page's oldest group; a larger page where there is none."""
        newer = np.flatnonzero((page.created_us != NO_TIME) & (page.created_us > oldest_us))
        if len(newer) and newer[-1] > 0:
            return page.offset + int(newer[-1])
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

        A total may be capped, and is then trusted no more. Without a usable total, the page's oldest rows must also
        come again, and be the oldest, since rows deleted meanwhile could make the place after it look empty.
        """
        total = page.total if self._trusts_total else None
        if (total is not None and page.end < total) or (total is None and len(page) >= self.limit):
            return False
        after = yield from self._ask(page.end)
        if len(after):
            self._trusts_total = False
            return False
        if total is not None:
            return True
        again = yield from self._ask(page.offset)
        return _oldest_group(again) == _oldest_group(page)

    def _ask(self, offset: int, limit: int | None = None) -> Generator[OffsetAsk, Page, Page]:
        page = yield OffsetAsk(offset, limit or self.limit)
        if not page.is_newest_first:
            raise _UnsortedError
        if limit is None and len(page) and not len(page.times_us):
            raise ApiChangedError(
                f"The {len(page)} runs from offset {page.offset} on have no usable creation time, so there is no way "
                "to tell their days. Report it to the platform's support."
            )
        return page

    # -- when there is no order to rely on ---------------------------------------------------------------------

    def _whole_list(self) -> Generator[OffsetAsk, Page, None]:
        """Every page from the head on, each overlapping the one before by a row that both must show.

        A list that grows at its end as fast as it is read is left there, and is then not complete.
        """
        limit = max(2, self.limit)
        seen: set[str] = set()
        totals: set[int | None] = set()
        offset = steps_back = tail_pages = 0
        while True:
            page = yield OffsetAsk(offset, limit)
            totals.add(page.total)
            if offset and seen.isdisjoint(page.keys):
                steps_back += 1
                if steps_back > MAX_STALLED_PAGES:
                    raise ApiChangedError(
                        "The list is in no order, and changes faster than it can be read. Try again later."
                    )
                offset = max(0, offset - limit)
                continue
            brought_nothing = seen.issuperset(page.keys)
            seen.update(page.keys)
            tail_pages += len(page) <= 2
            if (brought_nothing and len(page) < limit) or tail_pages > MAX_STALLED_PAGES:
                break
            offset = page.end - 1
        self.is_complete = totals == {len(seen)}


def _oldest_us(page: Page) -> int:
    return int(page.times_us[-1])


def _oldest_group(page: Page) -> set[str]:
    """The rows that share the page's oldest time."""
    return {page.keys[index] for index in np.flatnonzero(page.created_us == page.times_us[-1:])}
