"""Trying again: with waits between, so that those who met once do not meet again."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from runs_assets.errors import BusyError, ConflictError

TRIES, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 8, 0.1, 3.0
T = TypeVar("T")


def waits() -> Iterator[int]:
    """The numbers of some tries, with a growing random wait between them."""
    for number in range(TRIES):
        if number:
            longest = min(FIRST_WAIT_SECONDS * 2.0**number, LONGEST_WAIT_SECONDS)
            time.sleep(random.uniform(longest / 2, longest))  # noqa: S311  (no secret)
        yield number


def without_conflict(write: Callable[[], T]) -> T:
    """What a writer gives that looks at what is stored, and looks again when another process was faster.

    Raises `BusyError` if others always were.
    """
    for _ in waits():
        with suppress(ConflictError):
            return write()
    raise BusyError("Other processes keep changing the same files. Nothing of theirs was overwritten; run this again.")
