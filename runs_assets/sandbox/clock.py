"""The time that the sandbox goes by: every request asks it once, and nothing else tells the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

Clock = Callable[[], datetime]


@dataclass
class FrozenClock:
    """A clock that stands still until it is moved: `clock = FrozenClock(...)`, then `clock.advance(...)`."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time that it stands at."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move the clock; backwards if `by` is negative."""
        self.now += by
