"""When runs are created: by timetables in local time, when people ask for them, or in bursts.

Instants are microseconds since the epoch, in whole seconds; local time is that of Berlin, which changes to summer time
on 29 March 2026, in the judged days. Each draw of a timetable has minutes of its own.
"""

from calendar import monthrange
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, DayRange, to_us

BERLIN = ZoneInfo("Europe/Berlin")
FIRST_DAY, WARM_DAYS, DAYS = date(2026, 1, 19), 56, 30
WINDOW = DayRange(FIRST_DAY + timedelta(days=WARM_DAYS), FIRST_DAY + timedelta(days=WARM_DAYS + DAYS - 1))
HOLIDAYS = (date(2026, 4, 3), date(2026, 4, 6))
"""Good Friday and Easter Monday: the public holidays of the 86 days."""
BEGIN_US, WINDOW_US, END_US = to_us(WINDOW.start) - WARM_DAYS * DAY_US, to_us(WINDOW.start), to_us(WINDOW.end)
HOUR_US, MINUTE_US = 3_600 * SECOND_US, 60 * SECOND_US
ALL_DAYS, WEEKDAYS = range(7), range(5)

Instants = NDArray[np.int64]
Draws = np.random.Generator
Timetable = Callable[[Draws], Instants]


def local(day: date, hour: float) -> int:
    """The instant of a time of day, in hours, in Berlin."""
    return to_us(datetime.combine(day, time.min, BERLIN) + timedelta(seconds=round(hour * 3600)))


def days() -> list[date]:
    """All days of the simulation."""
    return [FIRST_DAY + timedelta(days=number) for number in range(WARM_DAYS + DAYS)]


def every(minutes: int) -> Timetable:
    """Every so many minutes."""

    def created(rng: Draws) -> Instants:
        begin = BEGIN_US + int(rng.integers(minutes * 60)) * SECOND_US
        return _jittered(np.arange(begin, END_US, minutes * MINUTE_US), rng)

    return created


def at(times_a_day: int, weekdays: Collection[int] = ALL_DAYS, *, observes_holidays: bool = False) -> Timetable:
    """So many times a day, evenly, on some days of the week (Monday is 0), on public holidays unless they are observed."""

    def created(rng: Draws) -> Instants:
        first = rng.uniform(0, 24 / times_a_day)
        hours = [first + number * 24 / times_a_day for number in range(times_a_day)]
        chosen = [day for day in days() if day.weekday() in weekdays]
        open_days = [day for day in chosen if not (observes_holidays and day in HOLIDAYS)]
        return _jittered(np.array([local(day, hour) for day in open_days for hour in hours], np.int64), rng)

    return created


def weekly(rng: Draws) -> Instants:
    """Once a week, on a day of its own."""
    return at(1, [int(rng.integers(7))])(rng)


def at_month_end(rng: Draws) -> Instants:
    """On the last day of each month."""
    hour = rng.uniform(0, 24)
    last = [day for day in days() if day.day == monthrange(day.year, day.month)[1]]
    return _jittered(np.array([local(day, hour) for day in last], np.int64), rng)


def on_demand(least_a_day: float, most_a_day: float) -> Timetable:
    """Whenever people ask for it in office hours: a Poisson process."""

    def created(rng: Draws) -> Instants:
        a_day = rng.uniform(least_a_day, most_a_day)
        found = [
            local(day, hour)
            for day in days()
            if day.weekday() in WEEKDAYS and day not in HOLIDAYS
            for hour in rng.uniform(8, 18, rng.poisson(a_day))
        ]
        return np.sort(np.array(found, np.int64))

    return created


def in_bursts(days_between: float, most_runs: int) -> Timetable:
    """Up to so many runs within two hours, then nothing for days: exponential, so many in the mean."""

    def created(rng: Draws) -> Instants:
        begins = BEGIN_US + np.cumsum(rng.exponential(days_between, 200)) * DAY_US
        bursts = [begin + rng.uniform(0, 2 * HOUR_US, rng.integers(3, most_runs)) for begin in begins[begins < END_US]]
        found = np.concatenate([np.zeros(0), *bursts]).astype(np.int64)
        return np.sort(found // SECOND_US * SECOND_US)

    return created


def changing(before: Timetable, after: Timetable, *, least_day: float = -7, most_day: float = 20) -> Timetable:
    """One timetable up to a judged day, another one from then on."""

    def created(rng: Draws) -> Instants:
        change = WINDOW_US + int(rng.uniform(least_day, most_day) * DAY_US)
        first, then = before(rng), after(rng)
        return np.concatenate([first[first < change], then[then >= change]])

    return created


def never(_: Draws) -> Instants:
    """No runs."""
    return np.zeros(0, np.int64)


def _jittered(planned: Instants, rng: Draws) -> Instants:
    """A few seconds late, at most five minutes."""
    late = np.minimum(rng.exponential(40, len(planned)), 300).astype(np.int64)
    return np.sort(planned + late * SECOND_US)
