"""Reading a time window of a list that pages by creation time alone, newest first (CloudCruise).

The cursor is a time without an id beside it, and rows may share a time, finer than it is printed: the plain recipe
(next cursor = the last row's time, stop at a short page) loses rows at page edges and under a capped page size. Here
pages overlap by up to a second, and a page that brings no older second is only the end once that has been proven.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from runs_assets.days import SECOND_US
from runs_assets.errors import ApiChangedError
from runs_assets.paging.page import Page, Pager, second_of

TRUSTED_PAGE = 100
"""A page shorter than this is taken as not capped: no server is expected to cap pages below it."""

MAX_EMPTIED = 50
"""Times that no runs may be shown where the page before showed some, before the answers are taken to be at fault."""


@dataclass(frozen=True)
class CursorAsk:
    """Rows created at or after `start_us` and strictly before `cursor_us`, at most `limit`, of one status if given."""

    start_us: int
    cursor_us: int
    limit: int
    status: str | None = None


@dataclass
class CursorPager(Pager[CursorAsk]):
    """A pager whose window is on whole seconds.

    `statuses` are the documented status words, for the one case in which the end has to be confirmed by filter.
    Raises `ApiChangedError` for an order that is not newest first, a cursor that is not obeyed, a page without any
    usable time, a second that holds more rows than the largest page, and runs that are shown and then no more.
    """

    statuses: Sequence[str]

    def asks(self) -> Generator[CursorAsk, Page, None]:
        """The walk; see `Pager`."""
        cursors_us = [self.end_us + SECOND_US]
        longest = emptied = 0
        tried_us = None
        while True:
            cursor_us = cursors_us[-1]
            page = yield from self._ask(cursor_us)
            if longest and not len(page):
                # The page before showed runs of this second: they were deleted, or the answers are at fault.
                cursors_us.pop()
                emptied += 1
                if not cursors_us or emptied > MAX_EMPTIED:
                    raise ApiChangedError("The list became empty while it was being read. Try again later.")
                continue
            longest = max(longest, len(page))
            if not len(page) or (oldest_us := self._oldest_us(page, cursor_us)) < self.start_us:
                break
            second_us = oldest_us - oldest_us % SECOND_US
            if second_us + SECOND_US < cursor_us:
                cursors_us.append(second_us + SECOND_US)
                self.mark_us = min(self.mark_us, cursors_us[-1])
            elif (yield from self._ends_in(page, second_us, longest)):
                break
            else:
                # Even the largest page is asked for twice: a run may have appeared between two requests.
                self.enlarge(page, "the second", second_us, is_last_try=tried_us == cursor_us)
                tried_us = cursor_us
        self.mark_us = self.start_us

    def _ask(self, cursor_us: int, status: str | None = None) -> Generator[CursorAsk, Page, Page]:
        # A server may compare finer than it prints, so a second on either side is read along.
        ask = CursorAsk(self.start_us - SECOND_US, cursor_us, self.limit, status)
        page = yield ask
        if not len(page):
            # An empty array may be the end of the runs or a fault: it counts when it comes twice.
            page = yield ask
        if not page.is_newest_first:
            raise ApiChangedError(
                f"The runs before {second_of(cursor_us)} are no longer listed newest first, which the cursor "
                "depends on. The API has changed: look for a newer version of this project."
            )
        if len(page.times_us) and page.times_us[0] > cursor_us:
            raise ApiChangedError(
                f"Asked for runs before {second_of(cursor_us)}, the API showed one of "
                f"{second_of(int(page.times_us[0]))}: it no longer obeys its cursor. The API has changed: look for a "
                "newer version of this project."
            )
        return page

    def _oldest_us(self, page: Page, cursor_us: int) -> int:
        if not len(page.times_us):
            raise ApiChangedError(
                f"A page of {len(page)} runs before {second_of(cursor_us)} has no usable creation time in any row, so "
                "there is no way to read on. Report it to the platform's support."
            )
        return int(page.times_us[-1])

    def _ends_in(self, page: Page, second_us: int, longest: int) -> Generator[CursorAsk, Page, bool]:
        """Whether nothing lies before a page that is wholly in one second, and nothing more lies in it."""
        if len(page) >= self.limit:
            return False
        known = set(page.keys)
        others: list[tuple[int, str | None]] = [(second_us, None)]
        if len(page) >= max(longest, TRUSTED_PAGE):
            others += [(second_us + SECOND_US, status) for status in self.statuses]
        for cursor_us, status in others:
            other = yield from self._ask(cursor_us, status)
            if not known.issuperset(other.keys):
                return False
        return True
