"""When the next run of a pipeline is overdue, by what its runs have been until then.

Three rules, of which the earliest counts. *Timetable*: if its runs of four weeks are regular, the next one comes as
long after the last as it did at that hour of the week in the weeks before. *Interval*: if it has run often for four
weeks, no time between two runs is three times the longest one. *Month*: what ran on the same day of three months in a
row, or on their last days, runs on that of the next.

Times between runs that were far too long when they happened are no part of what is usual, nor are those with a holiday
in them on which a pipeline rests.
"""

import calendar
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, HOUR_US, SECOND_US
from runs_assets.verdicts.local_times import MONTH_US, Instants, instant_of, wall_clock

TIMETABLE, INTERVAL, MONTH = "timetable", "interval", "month"
WEEK_US, WEEKS = 7 * DAY_US, 4
GRACE_US = 90 * 60 * SECOND_US
"""How late a run may be, and how much its time may vary: more than the hour by which clocks change, microseconds."""
LEAST_WEEKS = 2
"""Of four weeks, how many must tell what is usual: public holidays take away two at most."""
MOST_IRREGULAR = 0.25
PACE_GAPS = 3
"""After a run at another hour than ever, the next is expected after the median of the last gaps: it may have moved."""
LEAST_FREEDOM = 10
"""Degrees of freedom of the variance within weekdays; 21 if none of the days is left out."""
LEAST_RUNS, FACTOR = 50, 3
"""Of so many runs in 28 days, none takes three times the longest usual time between two to come."""
MONTHS = 3
MOST_HOLIDAYS = 10
"""In a row that are skipped."""

Flags = NDArray[np.bool_]


class OverdueRun(NamedTuple):
    """When a run is overdue, by which rule, after what usual time, and from when on all runs must be known for that.

    In microseconds; instants since the epoch.
    """

    overdue_us: int
    basis: str
    usual_us: int
    known_from_us: int


class Gaps:
    """The times between the runs of one pipeline, `created` in order; the last one lasts until it was read.

    A gap has the place of the run with which it begins. `is_told` are those that were far too long.
    """

    def __init__(self, created: Instants, until_us: int, zone: ZoneInfo, holidays: Collection[date]) -> None:
        self.created, self.zone = created, zone
        self.ends = np.append(created[1:], until_us)
        self.wall = wall_clock(created, zone)
        self.is_told = np.zeros(len(created), np.bool_)
        self._days = self.wall // DAY_US
        self._rests = _resting_days(holidays, self._days)
        nexts = np.append(self._days[1:], self._days[-1:])
        places = (np.searchsorted(self._rests, nexts), np.searchsorted(self._rests, self._days, side="right"))
        self._has_rest = places[0] > places[1]
        self._regular: tuple[bytes, Flags] | None = None

    def since(self, place: int) -> "Gaps":
        """Those from a run on, as if nothing had been before; what is told of them is told of these."""
        later = Gaps(self.created[place:], int(self.ends[-1]), self.zone, self.resting_days)
        later.is_told = self.is_told[place:]
        return later

    @property
    def resting_days(self) -> frozenset[date]:
        """The holidays on which the pipeline rests."""
        return frozenset(EPOCH + timedelta(days=day) for day in self._rests.tolist())

    def is_candidate(self) -> Flags:
        """The gaps that a rule may find too long: fewer than all, and no other is."""
        places, waits = np.arange(len(self.created)), self.ends - self.created
        _, overdue = self._after(self.wall, places + 1)
        wall_ends = np.append(self.wall[1:], wall_clock(self.ends[-1:], self.zone))
        by_timetable = self.is_regular() & (overdue > 0) & (overdue < wall_ends + HOUR_US)
        before = np.where(self.is_told | self._has_rest, 0, waits)
        by_interval = np.zeros(len(waits), np.bool_)
        if len(waits) >= LEAST_RUNS:
            longest = np.lib.stride_tricks.sliding_window_view(before[:-1], LEAST_RUNS - 1).max(axis=1)
            by_interval[LEAST_RUNS - 1 :] = waits[LEAST_RUNS - 1 :] > FACTOR * longest
        return np.asarray(by_timetable | by_interval | (waits > MONTH_US))

    def dues(self, place: int) -> Iterator[OverdueRun]:
        """What the rules say of the gap at a place."""
        found = (self._by_timetable(place), self._by_interval(place), self._by_month(place))
        return (due for due in found if due is not None)

    def _by_timetable(self, place: int) -> OverdueRun | None:
        if not self.is_regular()[place]:
            return None
        at = self.wall[place : place + 1]
        for _ in range(MOST_HOLIDAYS):
            at, overdue = self._after(at, np.array([place + 1]))
            if at[0] < 0:
                return None
            if at[0] // DAY_US not in self._rests:
                begin_us = int(self.created[place])
                overdue_us = instant_of(int(overdue[0]), self.zone)
                return OverdueRun(overdue_us, TIMETABLE, int(at[0] - self.wall[place]), begin_us - MONTH_US - DAY_US)
        return None

    def _after(self, at: Instants, known: Instants) -> tuple[Instants, Instants]:
        """When the next run after each wall-clock time is expected, and overdue, wall-clock; -1 where that is unknown.

        Of the runs, `known` are known. If the weeks that count disagree, it is expected as late as in any of them, and
        overdue at the end of that day. Two weeks in which it was far too late at the same time are a new timetable.
        """
        then = at - WEEK_US * np.arange(1, WEEKS + 1)[:, None]
        nexts = np.searchsorted(self.wall, then + GRACE_US, side="right")
        is_known = (nexts > 0) & (nexts < known)
        delays = self.wall[np.minimum(nexts, len(self.wall) - 1)] - then
        is_told = is_known & self.is_told[nexts - 1]
        counts = is_known & ~is_told & ~self._has_rest[nexts - 1]
        is_new = is_told[0] & is_told[1] & (np.abs(delays[0] - delays[1]) <= GRACE_US)
        counts = np.where(is_new, np.arange(WEEKS)[:, None] < 2, counts)
        latest = at + np.where(counts, delays, 0).max(axis=0)
        earliest = at + np.where(counts, delays, MONTH_US).min(axis=0)
        end_of_day = np.where(latest - earliest <= GRACE_US, 0, (latest // DAY_US + 1) * DAY_US)
        is_at_its_hour = (counts & (self.wall[nexts - 1] >= then - GRACE_US)).any(axis=0)
        latest = np.where(is_at_its_hour, latest, np.maximum(latest, at + self._pace(known - 1)))
        is_enough = counts.sum(axis=0) >= LEAST_WEEKS
        return np.where(is_enough, latest, -1), np.where(is_enough, np.maximum(latest + GRACE_US, end_of_day), -1)

    def _pace(self, places: Instants) -> Instants:
        """The median of the last three gaps before each run; less where there are fewer."""
        gaps = np.diff(self.wall, prepend=self.wall[:1])
        before = np.stack([gaps[np.maximum(places - back, 0)] for back in range(PACE_GAPS)])
        return np.asarray(np.sort(before, axis=0)[PACE_GAPS // 2], np.int64)

    def is_regular(self) -> Flags:
        """Of each run: whether the numbers of runs of the 28 local days before its day vary little within weekdays.

        Pooled variance / mean at most 0.25: of a Poisson process the quotient is about 1, of a timetable about 0. Days
        on which a pipeline rested, or of a gap that was far too long, are left out.
        """
        told = self.is_told.tobytes()
        if self._regular is None or self._regular[0] != told:
            self._regular = told, self._counts_are_regular()
        return self._regular[1]

    def _counts_are_regular(self) -> Flags:
        first, size = int(self._days[0]), int(self._days[-1] - self._days[0]) + 1
        padded = np.zeros(size + WEEKS * 7)
        padded[WEEKS * 7 :] = np.bincount(self._days - first, minlength=size)
        is_known = np.append(np.zeros(WEEKS * 7, np.bool_), ~np.isin(np.arange(first, first + size), self._rests))
        for place in np.flatnonzero(self.is_told[:-1]):
            begin, end = self._days[place : place + 2] - first + WEEKS * 7
            is_known[begin : end + 1] = False
        windows = (np.lib.stride_tricks.sliding_window_view(one, WEEKS * 7)[:size] for one in (padded, is_known))
        counts, known = (one.reshape(size, WEEKS, 7) for one in windows)
        total, days = (counts * known).sum(axis=1, keepdims=True), known.sum(axis=1, keepdims=True)
        means = np.divide(total, days, out=np.zeros(total.shape), where=days > 0)
        squares = (((counts - means) ** 2) * known).sum(axis=(1, 2))
        freedom = days.sum(axis=(1, 2)) - (days > 0).sum(axis=(1, 2))
        mean = total.sum(axis=(1, 2)) / np.maximum(days.sum(axis=(1, 2)), 1)
        is_regular = (freedom >= LEAST_FREEDOM) & (mean > 0) & (squares <= MOST_IRREGULAR * mean * freedom)
        return np.asarray(is_regular[self._days - first], np.bool_)

    def _by_interval(self, place: int) -> OverdueRun | None:
        begin_us = int(self.created[place])
        first = int(np.searchsorted(self.created, begin_us - MONTH_US, side="right"))
        past = slice(first, place)
        waits = (self.ends - self.created)[past][~(self.is_told | self._has_rest)[past]]
        is_learnt = begin_us - int(self.created[0]) >= MONTH_US
        if not is_learnt or place - first + 1 < LEAST_RUNS or not len(waits):
            return None
        longest = int(waits.max())
        return OverdueRun(begin_us + self.with_rests(place, FACTOR * longest), INTERVAL, longest, begin_us)

    def with_rests(self, place: int, wait_us: int) -> int:
        """A wait from a run on, longer by the days within it on which the pipeline rests."""
        rests = self._rests[self._rests > self._days[place]]
        for day in rests[:MOST_HOLIDAYS].tolist():
            if day * DAY_US < self.wall[place] + wait_us:
                wait_us += DAY_US
        return wait_us

    def _by_month(self, place: int) -> OverdueRun | None:
        days = np.unique(self._days[: place + 1])[-MONTHS:]
        dates = [EPOCH + timedelta(days=day) for day in days.tolist()]
        after = _monthly_after(dates) if len(dates) == MONTHS else None
        if after is None or (after - EPOCH).days in self._rests:
            return None
        firsts = self.wall[np.searchsorted(self._days, days)] - days * DAY_US
        day_us, latest = (after - EPOCH).days * DAY_US, int(firsts.max())
        is_punctual = latest - int(firsts.min()) <= GRACE_US
        overdue = day_us + (latest + GRACE_US if is_punctual else DAY_US)
        known_from_us = int(self.created[np.searchsorted(self._days, days[0])])
        usual_us = day_us + latest - int(self.wall[place])
        return OverdueRun(instant_of(overdue, self.zone), MONTH, usual_us, known_from_us)


def _resting_days(holidays: Collection[date], ran_on: Instants) -> Instants:
    """The holidays on which a pipeline rests, days since the epoch: all but those after one on which it ran."""
    days = np.array(sorted((day - EPOCH).days for day in holidays), np.int64)
    ran = np.isin(days, ran_on)
    return days[~np.append(False, ran[:-1])] if len(days) else days


def _monthly_after(dates: list[date]) -> date | None:
    """The next day of those on the same day, or on the last days, of months in a row; None if they are not."""
    months = [day.year * 12 + day.month - 1 for day in dates]
    if months != list(range(months[0], months[0] + len(months))):
        return None
    year, month = divmod(months[-1] + 1, 12)
    length = calendar.monthrange(year, month + 1)[1]
    if all((day + timedelta(days=1)).day == 1 for day in dates):
        return date(year, month + 1, length)
    of_month = dates[0].day
    return date(year, month + 1, of_month) if {day.day for day in dates} == {of_month} and of_month <= length else None
