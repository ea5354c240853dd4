"""UTC days and ranges of them: the unit in which runs are read, stored and counted.

A run belongs to the UTC day of its creation time. Instants inside the program are either aware UTC datetimes or, in
columns, int64 microseconds since 1970-01-01T00:00:00Z.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
EPOCH = date(1970, 1, 1)
MANY_DAYS = 10_000
"""Their ends are computed once: a tick asks for those of all stored days several times."""


def utc_now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


@lru_cache(maxsize=MANY_DAYS)
def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime.combine(day, time.min, UTC)


@lru_cache(maxsize=MANY_DAYS)
def end_of(day: date) -> datetime:
    """Midnight UTC at which `day` is over (the start of the next day)."""
    return start_of(day + timedelta(days=1))


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def day_of_us(us: int) -> date:
    """The UTC day that holds an instant given in microseconds since the epoch."""
    return EPOCH + timedelta(days=us // DAY_US)


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`, with microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class DayRange:
    """The UTC days from `first` to `last`, both inclusive."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a range of days ends ({self.last}) before it begins ({self.first})")

    @property
    def start(self) -> datetime:
        """The first instant inside."""
        return start_of(self.first)

    @property
    def end(self) -> datetime:
        """The first instant after the range."""
        return end_of(self.last)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    def parts(self, count: int) -> list["DayRange"]:
        """The range in so many parts, or as many as it has days, equally long give or take a day; newest first."""
        count = min(count, len(self))
        edges = [self.first + timedelta(days=len(self) * part // count) for part in range(count + 1)]
        return [DayRange(first, end - timedelta(days=1)) for first, end in pairwise(edges)][::-1]

    def newest_first(self) -> list[date]:
        """Every day, the last one first: the order in which the APIs show them."""
        return [*map(date.fromordinal, range(self.last.toordinal(), self.first.toordinal() - 1, -1))]


def stretches(days: Iterable[date]) -> list[DayRange]:
    """The unbroken ranges that some days are made of, in order."""
    found: list[DayRange] = []
    for day in sorted(days):
        goes_on = found and found[-1].last + timedelta(days=1) == day
        found.append(DayRange(found.pop().first if goes_on else day, day))
    return found


def in_turn(days: Sequence[date], most: int, turn: int) -> tuple[Sequence[date], int]:
    """The part of some days, at most so many, whose turn it is, and the rounds that all parts have had before.

    What takes turns with all of the days takes the rounds for its own, so that each of it meets each part.
    """
    rounds, part = divmod(turn, -(-len(days) // most) or 1)
    return days[part * most :][:most], rounds
