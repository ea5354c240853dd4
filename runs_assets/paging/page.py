"""What a pager sees of a page, how a pager is driven, and what it raises when an answer breaks the rules."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

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
    answer's own statement of where the page lies in the list and how long the list is; None if it has none.
    """

    keys: list[str]
    created_us: NDArray[np.int64]
    offset: int = 0
    total: int | None = None

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


Ask_co = TypeVar("Ask_co", covariant=True)
Shown = TypeVar("Shown", bound=Page)


class Pager(Protocol[Ask_co]):
    """Decides which request comes next.

    `mark_us` falls as the reading goes on: every run created in the window at or after it, that existed throughout
    the reading, has been shown. Should it rise, the reading has begun again. `is_complete` is False when the pager
    cannot vouch for that. `notes` are sentences about the reading that people should see.
    """

    mark_us: int
    is_complete: bool
    notes: tuple[str, ...]

    def asks(self) -> Generator[Ask_co, Page, None]:
        """A generator of requests: send it the page that answers each; it ends when the window is read."""
        ...


def pages(pager: Pager[Ask_co], fetch: Callable[[Ask_co], Shown]) -> Iterator[Shown]:
    """Drive a pager: every page that was fetched for it, probes too, since whatever the API showed counts.

    When a page is yielded, `pager.mark_us` already takes it into account.
    """
    asks = pager.asks()
    ask = next(asks, None)
    while ask is not None:
        page = fetch(ask)
        try:
            ask = asks.send(page)
        except StopIteration:
            ask = None
        yield page


def second_of(instant_us: int) -> str:
    """An instant for an error message."""
    return iso(from_us(instant_us))


def crowded(what: str, instant_us: int, count: int, largest: int) -> ApiChangedError:
    """The error for more rows at one instant than the largest page can tell apart."""
    return ApiChangedError(
        f"At least {count} runs share {what} {second_of(instant_us)}, and pages of up to {largest} rows cannot show "
        "whether there are more. Nothing was stored for the days that hold it; report it to the platform's support."
    )
