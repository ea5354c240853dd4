"""Which days can be asked for at all, decided before anything is changed."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from runs_assets.days import DayRange, end_of, iso
from runs_assets.errors import OutOfReachError

MARGIN = timedelta(minutes=15)
"""Kept from the edge of what the API still answers, for the time that a reading takes."""


@dataclass(frozen=True)
class Capabilities:
    """What an API can be asked: how far back (`retention`, None: for ever), and for a single run by its id.

    And for how many runs at a time (`page_size`), and in how many windows side by side (`windows`).
    """

    retention: timedelta | None = None
    asks_by_id: bool = False
    page_size: int = 100
    windows: int = 1


@dataclass(frozen=True)
class Reach:
    """What a source can be asked for at an instant: days from `first_day` to the day of `now`, both inclusive.

    `retention` is how far back the API answers, None if it keeps everything.
    """

    now: datetime
    first_day: date
    retention: timedelta | None

    @property
    def begins_at(self) -> datetime | None:
        """The earliest creation time that can safely be asked for (whole seconds), None if there is no limit."""
        if self.retention is None:
            return None
        return (self.now - self.retention + MARGIN).replace(microsecond=0) + timedelta(seconds=1)

    @property
    def days(self) -> DayRange | None:
        """Every day that can be asked for, the first perhaps only in part; None if there is none."""
        first = max(self.first_day, self.begins_at.date()) if self.begins_at else self.first_day
        return DayRange(first, self.now.date()) if first <= self.now.date() else None

    def start_for(self, days: DayRange) -> datetime:
        """Where the reading of `days` begins: their start, or later if the first of them is partly forgotten.

        Raises `OutOfReachError`, with the longest part that can still be read, if any day cannot be read at all.
        """
        today = self.now.date()
        if days.last > today or days.first < self.first_day:
            raise OutOfReachError(
                f"{days} cannot be read: there are days from {self.first_day} (RUNS_ASSETS_FIRST_DAY) to today, "
                f"{today} UTC. Nothing was changed. {self._remedy(days, self.first_day)}"
            )
        limit = self.begins_at
        if limit is None or self.retention is None or days.start >= limit:
            return days.start
        if end_of(days.first) <= limit:
            raise OutOfReachError(
                f"{days} cannot be read: the API has forgotten what was created more than "
                f"{self.retention / timedelta(days=1):g} days ago, before {iso(limit)}. Nothing was changed. "
                f"{self._remedy(days, limit.date())}"
            )
        return limit

    def _remedy(self, days: DayRange, earliest: date) -> str:
        first, last = max(days.first, earliest), min(days.last, self.now.date())
        return "None of these days can be read." if first > last else f"Ask for {DayRange(first, last)} instead."
