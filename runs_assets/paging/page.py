"""Pages and pagers: what a pager sees of a page, what all pagers have in common, and how one is driven."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import RLock
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
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

    `ids` identifies each row (its id, or a digest of its content where it has none); `created_us` is its creation
    time in microseconds since the epoch, `NO_TIME` where it has no usable one. `offset` and `total` are the
    answer's own statement of where the page lies in the list and how long the list is; None if it has none. `refusal`
    is what the API said where it refused to show a page; such a page has no rows.
    """

    ids: pa.StringArray
    created_us: NDArray[np.int64]
    offset: int = 0
    total: int | None = None
    refusal: str | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def keys(self) -> list[str]:
        """The `ids` as Python strings: made only where they are looked at.

        Kept beside every page, they scatter the next page's objects over memory: to decode it then takes twice as long.
        """
        keys: list[str] = self.ids.to_pylist()
        return keys

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


T = TypeVar("T")
Ask = TypeVar("Ask")
Shown = TypeVar("Shown", bound=Page)


@dataclass
class Pager(ABC, Generic[Ask]):
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
    def asks(self) -> Generator[Ask, Page, None]:
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
) -> Generator[tuple[int, Shown, Pager[Ask]], None, None]:
    """Drive pagers side by side: every page that was fetched, probes too, and the place of its pager among them.

    Each pager runs in a thread, with its own function that fetches its pages, up to `AHEAD` pages before the one in the
    caller's hands. With each page comes its pager as it stood when it had taken that page into account, and nothing
    after it. An error is raised once the pages before it were yielded. Then, as when the iteration is left early,
    `stop` is called, which must bring what is under way to an end: it is waited for.

    A pager is sent an empty page only if no other request was under way; otherwise it is asked for again once none is,
    and none is begun until it has rows or the walk ends. Two in a row are thus two answers in a row of the API. If they
    were not, a fault that empties every third answer could hit the same one of three pagers each time.
    """
    # An interrupt leaves no lock of these queues held, as it may of a condition or a semaphore.
    fetched: SimpleQueue[tuple[int, Shown, Pager[Ask]] | Future[None]] = SimpleQueue()
    room: list[SimpleQueue[bool]] = [SimpleQueue() for _ in walks]
    locks = [RLock() for _ in walks]  # a request holds that of its walk; one that has to be alone, all of them

    def walk(place: int) -> None:
        pager, fetch = walks[place]
        asks = pager.asks()
        ask, is_alone = next(asks, None), len(walks) == 1
        with ExitStack() as held:
            while ask is not None and room[place].get():
                with locks[place]:
                    page = fetch(ask)
                if len(page) or is_alone:
                    ask = None
                    with suppress(StopIteration):
                        ask = asks.send(page)
                fetched.put((place, page, copy(pager)))
                is_alone = not len(page) or len(walks) == 1
                if len(page):
                    held.close()
                else:
                    for lock in locks:
                        held.enter_context(lock)

    with ThreadPoolExecutor(len(walks)) as pool, ExitStack() as on_failure:
        on_failure.callback(stop)
        for place, tokens in enumerate(room):
            on_failure.callback(tokens.put, False)
            for _ in range(AHEAD):
                tokens.put(True)
            pool.submit(walk, place).add_done_callback(fetched.put)
        for _ in walks:
            while not isinstance(item := _next_of(fetched), Future):
                room[item[0]].put(True)
                yield item
            item.result()
        on_failure.pop_all()


def _next_of(queue: SimpleQueue[T]) -> T:
    """Wait for the next item. An interrupt just before a wait is noticed after it, so none of the waits is long."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=1)


def second_of(instant_us: int) -> str:
    """An instant for an error message."""
    return iso(from_us(instant_us))
