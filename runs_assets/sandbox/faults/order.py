"""Faults of the list's order: rows that share a time, and rows in no order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, groupby

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.faults.asking import asked_limit, asked_otherwise
from runs_assets.sandbox.faults.fault import Fault
from runs_assets.sandbox.faults.rows import copied, moved, number_of
from runs_assets.sandbox.history import Row, first_before, newest_first

DEFAULT_PAGE = 100


@dataclass(eq=False)
class TiesAtPageEdge(Fault):
    """Pages of `page_size` rows (None: as first asked for) end so that begin with a group or with its last row."""

    name = "ties_at_page_edge"
    about = "Runs share their creation time in small groups, and pages end inside a group."
    page_size: int | None = None

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Give the rows of a group, which lies within one UTC day, the creation time of its newest."""
        size = _group_size(self.page_size or DEFAULT_PAGE)
        return [row for _, day in groupby(rows, key=_utc_day) for row in _in_groups(list(day), size)]

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Note the page size."""
        self.page_size = self.page_size or asked_limit(request)
        return await inner(request)


@dataclass(eq=False)
class TieGroupBeyondLargestPage(Fault):
    """The group is made of copies of one run: the newest created before `before`, else the list's middle one."""

    name = "tie_group_beyond_largest_page"
    about = "More runs share one creation time than the largest page holds, to which the server cuts every page."
    size: int = 150
    largest_page: int = 100
    before: datetime | None = None
    _group: list[Row] = field(default_factory=list, init=False)

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Add the group."""
        if rows and not self._group:
            place = first_before(rows, self.before) if self.before else len(rows) // 2
            self._group = [copied(rows[min(place, len(rows) - 1)], str(number)) for number in range(1, self.size)]
        return newest_first([*rows, *self._group])

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Cut the page."""
        return await inner(_capped(request, self.largest_page))


@dataclass(eq=False)
class PageSizeCapped(Fault):
    """A smaller limit is obeyed."""

    name = "page_size_capped"
    about = "The server gives smaller pages than are asked for."
    largest_page: int = 50

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Ask for less."""
        return await inner(_capped(request, self.largest_page))


class TimesPrintedCoarser(Fault):
    """The microseconds follow from the id, so that rows of one printed second keep one order."""

    name = "times_printed_coarser"
    about = "The server compares creation times by the microsecond and prints whole seconds."

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Give every row its microseconds."""
        return newest_first(map(_refined, rows))


@dataclass(eq=False)
class UnstableTies(Fault):
    """Only the order within one answer can be relied on."""

    name = "unstable_ties"
    about = "Runs that share a creation time stand in another order at every request."
    _requests: int = field(default=0, init=False)

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Turn every group of one creation time by a place for each request."""
        groups = (list(group) for _, group in groupby(rows, key=lambda row: row.created_at))
        return [row for group in groups for row in _turned(group, self._requests)]

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Count."""
        self._requests += 1
        return await inner(request)


class UnsortedList(Fault):
    """The order is the same at every request."""

    name = "unsorted_list"
    about = "The list is in no order."

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Order the rows by a number that has no sense."""
        return sorted(rows, key=number_of)


@dataclass(eq=False)
class IdsRepeatedAcrossPages(Fault):
    """The list's total counts every place."""

    name = "ids_repeated_across_pages"
    about = "Every run stands several times in the list, so that one page ends and the next begins with the same run."
    places: int = 3

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Repeat every row."""
        return [row for row in rows for _ in range(self.places)]


def _group_size(page_size: int) -> int:
    return next(size for size in count(3) if page_size % size > 1 or size > page_size)


def _in_groups(day: list[Row], size: int) -> Iterator[Row]:
    return (moved(row, day[place - place % size].created_at) for place, row in enumerate(day))


def _turned(group: list[Row], by: int) -> list[Row]:
    first = by % len(group)
    return group[first:] + group[:first]


def _utc_day(row: Row) -> object:
    return row.created_at.astimezone(UTC).date()


def _capped(request: Request, largest: int) -> Request:
    limit = asked_limit(request)
    is_small = limit is not None and limit <= largest
    return request if is_small else asked_otherwise(request, {"limit": str(largest)})


def _refined(row: Row) -> Row:
    second = row.created_at.replace(microsecond=0)
    return replace(moved(row, second), created_at=second + timedelta(microseconds=number_of(row) % 1_000_000))
