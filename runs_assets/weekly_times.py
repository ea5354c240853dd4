"""Times of the week that come again, such as a maintenance on Sundays from 02:00 to 06:00 in Berlin."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(rf"({'|'.join(WEEKDAYS)}) (\d\d:\d\d)-(\d\d:\d\d)")


class WeeklyTime(NamedTuple):
    """From `start` on a weekday (0 is Monday) to `end`, on the next day if it is not later; on local clocks."""

    weekday: int
    start: time
    end: time

    @classmethod
    def of(cls, text: str) -> Self:
        """From `sun 02:00-06:00`; `ValueError` for any other form."""
        found = _FORM.fullmatch(text)
        try:
            if found:
                return cls(WEEKDAYS.index(found[1]), time.fromisoformat(found[2]), time.fromisoformat(found[3]))
        except ValueError:  # no such time of day
            pass
        raise ValueError("must be a weekday and its times, such as sun 02:00-06:00")

    def between(self, first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Its [start, end) that touch `first` to `last` (aware, inclusive), in order, UTC."""
        overnight = timedelta(days=int(self.end <= self.start))
        day = first.astimezone(zone).date() - timedelta(days=1)
        while day <= last.astimezone(zone).date():
            if day.weekday() == self.weekday:
                start, end = (
                    datetime.combine(on, at, zone).astimezone(UTC)
                    for on, at in ((day, self.start), (day + overnight, self.end))
                )
                if start <= last and first < end:
                    yield start, end
            day += timedelta(days=1)


def time_zone(name: str) -> str:
    """The same; `ValueError` unless it is a name of the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database, such as Europe/Berlin") from None
    return name
