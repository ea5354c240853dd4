"""A list of runs as a server keeps it, that changes between requests, for trying the pagers without HTTP."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from runs_assets.days import SECOND_US
from runs_assets.paging.cursor import CursorAsk
from runs_assets.paging.offset import OffsetAsk
from runs_assets.paging.page import NO_TIME, Page, Pager, pages

START_US = 1_750_000_000 * SECOND_US
EMPTY = Page(pa.array([], pa.string()), np.array([], np.int64))
Run = tuple[str, int]


def pages_of(pager: Pager[Any], fetch: Callable[[Any], Page]) -> Iterator[Page]:
    """Every page that a pager has fetched."""
    return (page for _, page, _ in pages([(pager, fetch)], stop=lambda: None))


@dataclass
class ListedRuns:
    """Runs as (id, creation time in microseconds).

    `printed_us` is the step to which times are cut when printed, `cap` the largest page served whatever is asked for,
    `change` is called after each answer and may insert and delete. Ties come in another order each time. By offset,
    requests past the end may be refused, and such as reach beyond the `shown` newest runs. `counted` is the largest
    total that is told.
    """

    runs: list[Run]
    printed_us: int = 1
    cap: int = 1_000_000
    tells_total: bool = True
    is_sorted: bool = True
    refuses_past_end: bool = False
    shown: int | None = None
    counted: int = 1_000_000
    change: Callable[["ListedRuns"], None] = lambda _runs: None
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    asked: int = 0
    longest: int = 0
    throughout: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.throughout = {key for key, _ in self.runs}

    def insert(self, key: str, created_us: int) -> None:
        self.runs.append((key, created_us))

    def delete(self, key: str) -> None:
        self.runs = [run for run in self.runs if run[0] != key]
        self.throughout.discard(key)

    def existing_throughout(self, start_us: int, end_us: int) -> set[str]:
        """The runs in [start, end), by their printed time, that no change has removed or added."""
        return {key for key, us in self.runs if key in self.throughout and start_us <= self._printed(us) < end_us}

    def by_cursor(self, ask: CursorAsk) -> Page:
        """The page of an API that pages by creation time. Compares finer than it prints. No run has a status here."""
        self.asked += 1
        found = [run for run in self._listed() if ask.start_us <= run[1] < ask.cursor_us and self._has(ask.status, run)]
        return self._answer(found[: min(ask.limit, self.cap)])

    def by_offset(self, ask: OffsetAsk) -> Page:
        """The page of an API that pages by offset."""
        self.asked += 1
        listed = self._listed()
        self.longest = max(self.longest, len(listed))
        is_past_end = self.refuses_past_end and len(listed) <= ask.offset > 0
        if is_past_end or (self.shown is not None and ask.offset + ask.limit > self.shown):
            return replace(EMPTY, offset=ask.offset, refusal="HTTP 400")
        found = listed[ask.offset : ask.offset + min(ask.limit, self.cap)]
        total = min(len(listed), self.counted) if self.tells_total else None
        return self._answer(found, ask.offset, total)

    def _has(self, status: str | None, run: Run) -> bool:
        return status is None or run[0].endswith(status)

    def _listed(self) -> list[Run]:
        runs = list(self.runs)
        self.chance.shuffle(runs)
        return sorted(runs, key=lambda run: -run[1]) if self.is_sorted else sorted(runs)

    def _answer(self, found: list[Run], offset: int = 0, total: int | None = None) -> Page:
        times = np.array([self._printed(us) for _, us in found], np.int64)
        page = Page(pa.array([key for key, _ in found], pa.string()), times, offset, total)
        self.change(self)
        return page

    def _printed(self, us: int) -> int:
        return us if us == NO_TIME else us - us % self.printed_us
