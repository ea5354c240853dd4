"""Pagers side by side lose nothing to an API that leaves every so many answers empty, whoever asks for them."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Condition

import pytest

from runs_assets.days import SECOND_US
from runs_assets.paging.cursor import CursorAsk, CursorPager
from runs_assets.paging.page import Page, pages
from runs_assets_tests.paging.lists import EMPTY, START_US, ListedRuns

SECONDS = 6
RUNS_A_SECOND = 2
GATHER_SECONDS = 0.003


@dataclass
class Gathering:
    """An API that gathers requests before it answers them: the first ones of all windows, then what comes at a time.

    Every `period`-th answer is empty, the first of them that of request number `first`, counted from 0. Requests that
    came together are answered in the windows' order, or in that of `chance`.
    """

    runs: ListedRuns
    windows: int
    period: int
    first: int
    chance: random.Random | None = None
    asked: int = 0
    rounds: list[int] = field(default_factory=list)
    _waiting: dict[int, CursorAsk] = field(default_factory=dict)
    _answers: dict[int, Page] = field(default_factory=dict)
    _changed: Condition = field(default_factory=Condition)

    def fetch(self, place: int, ask: CursorAsk) -> Page:
        """The answer to a window."""
        with self._changed:
            self._waiting[place] = ask
            gathered_at = time.monotonic() + GATHER_SECONDS
            while place not in self._answers:
                if len(self._waiting) == self.windows or (self.rounds and time.monotonic() >= gathered_at):
                    self._answer_all()
                    self._changed.notify_all()
                else:
                    self._changed.wait(GATHER_SECONDS)
            return self._answers.pop(place)

    def _answer_all(self) -> None:
        self.rounds.append(len(self._waiting))
        for place in self._ordered(sorted(self._waiting)):
            page = self.runs.by_cursor(self._waiting.pop(place))
            self._answers[place] = EMPTY if self.asked % self.period == self.first else page
            self.asked += 1

    def _ordered(self, places: list[int]) -> Sequence[int]:
        return self.chance.sample(places, len(places)) if self.chance else places


def windows_of(count: int) -> list[CursorPager]:
    """Pagers of windows that follow each other, newest first."""
    size_us = SECONDS * SECOND_US
    starts = [START_US + place * size_us for place in reversed(range(count))]
    return [CursorPager(at, at + size_us, limit=5, max_limit=10_000, statuses=("a",)) for at in starts]


def listed(windows: int) -> ListedRuns:
    """Runs in every second of so many windows."""
    times = [START_US + n // RUNS_A_SECOND * SECOND_US for n in range(windows * SECONDS * RUNS_A_SECOND)]
    return ListedRuns([(f"{n}-a", at) for n, at in enumerate(times)])


@pytest.mark.parametrize("is_in_step", [True, False])
@pytest.mark.parametrize("period", [2, 3, 4])
@pytest.mark.parametrize("windows", range(2, 9))
def test_no_run_is_lost_to_answers_that_are_empty_now_and_then(windows: int, period: int, *, is_in_step: bool) -> None:
    for first in range(period):
        pagers = windows_of(windows)
        api = Gathering(listed(windows), windows, period, first, None if is_in_step else random.Random(first))
        shown: list[set[str]] = [set() for _ in pagers]
        walks = [(pager, partial(api.fetch, place)) for place, pager in enumerate(pagers)]
        for place, page, _ in pages(walks, stop=lambda: None):
            shown[place].update(page.keys)
        for pager, keys in zip(pagers, shown, strict=True):
            assert pager.mark_us == pager.start_us
            assert api.runs.existing_throughout(pager.start_us, pager.end_us) <= keys


def test_the_end_of_each_window_costs_one_request_more_than_alone() -> None:
    # Of each of three windows without a run: one beside the others, which proves nothing, and two with none beside them.
    api = Gathering(ListedRuns([]), 3, period=1000, first=999)
    list(pages([(pager, partial(api.fetch, place)) for place, pager in enumerate(windows_of(3))], stop=lambda: None))
    assert api.rounds == [3, 1, 1, 1, 1, 1, 1]
