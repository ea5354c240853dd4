"""Pages and pagers: what a pager sees of a page, what all pagers have in common, and how one is driven."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import from_us, iso
from runs_assets.errors import ApiChangedError

NO_TIME = np.iinfo(np.int64).min
"""Stands in `created_us` for a creation time that is null or cannot be read."""

AHEAD = 3
"""Pages of a walk that may be fetched before they can be processed: storing a day takes as long as a few of them."""


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
) -> Iterator[tuple[int, Shown, Pager[Ask]]]:
    """Drive pagers side by side: every page that was fetched, probes too, with the place of its pager among them.

    Each pager and its own function, which fetches its pages, run in a thread, up to `AHEAD` pages before the one in the
    caller's hands. With a page comes its pager as it stood then: it takes that page into account, and nothing that came
    after it. An error is raised once the pages before it were yielded. Then, as when the iteration is left early, `stop`
    is called, which must bring what is under way to an end: it is waited for.

    A pager is sent an empty page only if no other request was under way; otherwise it is asked for again once none is.
    Two in a row are thus two answers in a row of the API. If they were not, a fault that empties every third answer
    could hit the same one of three pagers each time.
    """
    turns = _Turns()
    # An interrupt leaves no lock of these queues held, as it may of a condition or a semaphore.
    fetched: SimpleQueue[tuple[int, Shown, Pager[Ask]] | Future[None]] = SimpleQueue()
    room: list[SimpleQueue[bool]] = [SimpleQueue() for _ in walks]

    def walk(place: int) -> None:
        pager, fetch = walks[place]
        asks = pager.asks()
        ask, is_alone = next(asks, None), len(walks) == 1
        while ask is not None and room[place].get():
            with turns.taken(place, is_alone=is_alone):
                page = fetch(ask)
            if len(page) or is_alone:
                ask = _after(page, asks)
            fetched.put((place, page, copy(pager)))
            is_alone = not len(page) or len(walks) == 1

    def end() -> None:
        stop()
        for tokens in room:
            tokens.put(False)

    with ThreadPoolExecutor(len(walks)) as pool, ExitStack() as on_failure:
        on_failure.callback(end)
        for place, tokens in enumerate(room):
            for _ in range(AHEAD):
                tokens.put(True)
            future = pool.submit(walk, place)
            future.add_done_callback(lambda _, place=place: turns.leave(place))
            future.add_done_callback(fetched.put)
        for _ in walks:
            while not isinstance(item := fetched.get(), Future):
                room[item[0]].put(True)
                yield item
            item.result()
        on_failure.pop_all()


class _Turns:
    """Lets the requests of all pagers be under way side by side, or those of one alone."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._under_way: set[int] = set()
        self._alone: int | None = None

    @contextmanager
    def taken(self, place: int, *, is_alone: bool) -> Iterator[None]:
        """Wait for a turn; one alone lasts until the pager's next turn, so that no other request comes in between."""
        with self._changed:
            self._changed.wait_for(lambda: self._alone in {None, place} and not (is_alone and self._under_way))
            self._alone = place if is_alone else None
            self._under_way.add(place)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._under_way.remove(place)
                self._changed.notify_all()

    def leave(self, place: int) -> None:
        """Hold up nobody any more."""
        with self._changed:
            if self._alone == place:
                self._alone = None
            self._changed.notify_all()


def _after(page: Page, asks: Generator[Ask, Page, None]) -> Ask | None:
    """What a pager asks for after a page; None if it has seen its window."""
    try:
        return asks.send(page)
    except StopIteration:
        return None


def second_of(instant_us: int) -> str:
    """An instant for an error message."""
    return iso(from_us(instant_us))
