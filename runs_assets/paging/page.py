"""Pages and pagers: what a pager sees of a page, what all pagers have in common, and how one is driven."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import from_us, iso
from runs_assets.errors import ApiChangedError

NO_TIME = np.iinfo(np.int64).min
"""Stands in `created_us` for a creation time that is null or cannot be read."""


@dataclass(frozen=True)
class Page:
    """The rows of one answer, in the order in which it showed them.

    `keys` identifies each row (its id, or a digest of its content where it has none); `created_us` is its creation
    time in microseconds since the epoch, `NO_TIME` where it has no usable one. `offset` and `total` are the
    answer's own statement of where the page lies in the list and how long the list is; None if it has none. `refusal`
    is what the API said where it refused to show a page; such a page has no rows.
    """

    keys: list[str]
    created_us: NDArray[np.int64]
    offset: int = 0
    total: int | None = None
    refusal: str | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def end(self) -> int:
        """The offset just after the page's last row."""
        return self.offset + len(self)

    @property
    def times_us(self) -> NDArray[np.int64]:
        """The usable creation times, in the order shown."""
        usable: NDArray[np.int64] = self.created_us[self.created_us != NO_TIME]
        return usable

    @property
    def is_newest_first(self) -> bool:
        """Whether the usable times never rise."""
        times = self.times_us
        return bool(np.all(times[1:] <= times[:-1]))


Ask = TypeVar("Ask")
Ask_co = TypeVar("Ask_co", covariant=True)
Shown = TypeVar("Shown", bound=Page)


@dataclass
class Pager(ABC, Generic[Ask_co]):
    """Walks the window [start_us, end_us) of a list, and decides which request comes next.

    A page has `limit` rows, which may grow to `max_limit`. `mark_us` falls as the reading goes on: every run created in
    the window at or after it, that existed throughout the reading, has been shown. Should it rise, the reading has
    begun again. `is_complete` is False when the pager cannot vouch for that. `notes` are sentences about the reading
    that people should see.
    """

    start_us: int
    end_us: int
    limit: int
    max_limit: int
    is_complete: bool = field(default=True, init=False)
    notes: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self.mark_us = self.end_us

    @abstractmethod
    def asks(self) -> Generator[Ask_co, Page, None]:
        """A generator of requests: send it the page that answers each; it ends when the window is read."""

    def enlarge(self, page: Page, what: str, instant_us: int, *, is_last_try: bool) -> None:
        """Ask for more rows from now on, since a page brought none but those of one instant; `what` names it.

        Raises `ApiChangedError` when the largest page has been tried, too: it cannot show whether there are more.
        """
        if is_last_try and self.limit >= self.max_limit:
            raise ApiChangedError(
                f"At least {len(page)} runs share {what} {second_of(instant_us)}, and pages of up to {self.max_limit} "
                "rows cannot show whether there are more. Nothing was stored for the days that hold it; report it to "
                "the platform's support."
            )
        self.limit = min(self.limit * 2, self.max_limit)


def pages(
    walks: Sequence[tuple[Pager[Ask], Callable[[Ask], Shown]]], stop: Callable[[], object]
) -> Iterator[tuple[int, Shown]]:
    """Drive pagers side by side: every page that was fetched, probes too, and the place of its pager among them.

    Each pager's own function fetches its pages, in a thread: while a page is in the caller's hands, the next one is
    under way. When a page is yielded, its pager's `mark_us` takes it into account, and nothing that came after it. An
    error of fetching is raised once the pages before it were yielded. Then, as when the iteration is left early, `stop`
    is called, which must bring what is under way to an end: it is waited for.

    A pager is sent an empty page only if no other request was under way; otherwise it is asked for again once none is.
    Two in a row are thus two answers in a row of the API. If they were not, a fault that empties every third answer
    could hit the same one of three pagers each time.
    """
    with ThreadPoolExecutor(len(walks)) as pool, ExitStack() as on_failure:
        on_failure.callback(stop)
        asks = [pager.asks() for pager, _ in walks]
        under_way: dict[Future[Shown], tuple[Ask, int, bool]] = {}
        # An interrupt leaves no lock of a future held, as it may within `concurrent.futures.wait`.
        fetched: SimpleQueue[Future[Shown]] = SimpleQueue()
        doubtful: list[tuple[Ask, int]] = []

        def ask_for(ask: Ask | None, place: int, *, is_alone: bool) -> None:
            if ask is not None:
                future = pool.submit(walks[place][1], ask)
                under_way[future] = ask, place, is_alone
                future.add_done_callback(fetched.put)

        for place in range(len(walks)):
            ask_for(next(asks[place], None), place, is_alone=len(walks) == 1)
        while under_way:
            done = fetched.get()
            page, (ask, place, was_alone) = done.result(), under_way.pop(done)
            if len(page) or was_alone:
                ask_for(_after(page, asks[place]), place, is_alone=not under_way)
            else:
                doubtful.append((ask, place))
            if doubtful and not under_way:
                ask_for(*doubtful.pop(), is_alone=True)
            yield place, page
        on_failure.pop_all()


def _after(page: Page, asks: Generator[Ask, Page, None]) -> Ask | None:
    """What a pager asks for after a page; None if it has seen its window."""
    try:
        return asks.send(page)
    except StopIteration:
        return None


def second_of(instant_us: int) -> str:
    """An instant for an error message."""
    return iso(from_us(instant_us))
