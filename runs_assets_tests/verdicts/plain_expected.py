"""When a run is overdue by what a pipeline did before, in local time; all that is known is in lists of datetimes."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from runs_assets_tests.verdicts.plain_runs import DAY, MONTH

WEEK = 7 * DAY
GRACE = timedelta(minutes=90)


@dataclass(frozen=True)
class Due:
    at: datetime
    basis: str
    usual: timedelta
    known_from: datetime


@dataclass(frozen=True)
class Past:
    """A pipeline's runs in order; `told` are the places of those after which it was silent; before `start` all was different."""

    created: Sequence[datetime]
    until: datetime
    zone: ZoneInfo
    rests: frozenset[date] = frozenset()
    told: set[int] = field(default_factory=set)
    start: int = 0

    def local(self, place: int) -> datetime:
        """Without a zone, so that a day is 24 hours."""
        return self.created[place].astimezone(self.zone).replace(tzinfo=None)

    def utc(self, local: datetime) -> datetime:
        return max(local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))

    def end(self, place: int) -> datetime:
        return self.created[place + 1] if place + 1 < len(self.created) else self.until

    def rested(self, place: int) -> bool:
        """Whether it rested on a day between a run and the next."""
        if place + 1 >= len(self.created):
            return False
        return any(self.local(place).date() < day < self.local(place + 1).date() for day in self.rests)


def dues(past: Past, place: int) -> list[Due]:
    found = (_by_timetable(past, place), _by_interval(past, place), _by_month(past, place))
    return [due for due in found if due]


def _by_timetable(past: Past, place: int) -> Due | None:
    if not is_regular(past, place):
        return None
    locals_ = [past.local(n) for n in range(past.start, place + 1)]
    at = locals_[-1]
    for _ in range(10):
        weeks = _weeks(past, locals_, at)
        if len(weeks) < 2:
            return None
        latest, earliest = at + max(wait for wait, _ in weeks), at + min(wait for wait, _ in weeks)
        is_vague, last_day = latest - earliest > GRACE, latest.date()
        if not any(came for _, came in weeks):
            latest = max(latest, at + _pace(locals_))
        if latest.date() not in past.rests:
            overdue = latest + GRACE
            if is_vague:
                overdue = max(overdue, datetime.combine(last_day + DAY, datetime.min.time()))
            return Due(past.utc(overdue), "timetable", latest - locals_[-1], past.created[place] - MONTH - DAY)
        at = latest
    return None


def _pace(locals_: Sequence[datetime]) -> timedelta:
    """The median of the last three gaps, of which those that are missing are 0."""
    gaps = [later - earlier for earlier, later in pairwise(locals_[-4:])]
    return sorted([timedelta(0)] * (3 - len(gaps)) + gaps)[1]


def _weeks(past: Past, locals_: Sequence[datetime], at: datetime) -> list[tuple[timedelta, bool]]:
    """Of the weeks of the last four that count, after how long the next run came, and whether one came at that time."""
    found: list[tuple[int, tuple[timedelta, bool], bool, bool]] = []
    for week in (1, 2, 3, 4):
        then = at - week * WEEK
        later = bisect_right(locals_, then + GRACE)
        if 0 < later < len(locals_):
            before = past.start + later - 1
            came = locals_[later - 1] >= then - GRACE
            found.append((week, (locals_[later] - then, came), before in past.told, past.rested(before)))
    last_two = [one for week, one, told, _ in found if week <= 2 and told]
    if len(last_two) == 2 and abs(last_two[0][0] - last_two[1][0]) <= GRACE:
        return last_two
    return [one for _, one, told, rested in found if not told and not rested]


def is_regular(past: Past, place: int) -> bool:
    """Whether the runs of the 28 days before that of a run were about as many every week, by weekday."""
    today = past.local(place).date()
    last = bisect_right(past.created, past.created[place])
    counts = Counter(past.local(n).date() for n in range(past.start, last))
    left_out = set(past.rests)
    for silent in past.told:
        if silent >= past.start and silent + 1 < len(past.created):
            day, until = past.local(silent).date(), past.local(silent + 1).date()
            left_out |= {day + n * DAY for n in range((until - day).days + 1)}
    first = past.local(past.start).date()
    month = [today - n * DAY for n in range(28, 0, -1)]
    weekdays = [[counts[day] for day in month[n::7] if day >= first and day not in left_out] for n in range(7)]
    known = [four for four in weekdays if four]
    squares = sum((count - Fraction(sum(four), len(four))) ** 2 for four in known for count in four)
    days = sum(map(len, known))
    freedom = days - len(known)
    return (
        freedom >= 10
        and squares <= Fraction(1, 4) * Fraction(sum(map(sum, known)), days) * freedom
        and any(sum(four) for four in known)
    )


def _by_interval(past: Past, place: int) -> Due | None:
    begin = past.created[place]
    month = [n for n in range(past.start, place + 1) if past.created[n] > begin - MONTH]
    usual = [past.created[n + 1] - past.created[n] for n in month[:-1] if n not in past.told and not past.rested(n)]
    is_young = begin - past.created[past.start] < MONTH
    if is_young or len(month) < 50 or not usual:
        return None
    wait = 3 * max(usual)
    for day in sorted(day for day in past.rests if day > past.local(place).date()):
        if datetime.combine(day, datetime.min.time()) < past.local(place) + wait:
            wait += DAY
    return Due(begin + wait, "interval", max(usual), begin)


def _by_month(past: Past, place: int) -> Due | None:
    """Three days on which it ran, each in the month after the one before, on the same day or the last."""
    first_of: dict[date, datetime] = {}
    for n in range(past.start, place + 1):
        first_of.setdefault(past.local(n).date(), past.local(n))
    days = sorted(first_of)[-3:]
    if len(days) < 3 or any(later != _month_later(earlier, later) for earlier, later in pairwise(days)):
        return None
    is_last = all((day + DAY).day == 1 for day in days)
    if not is_last and len({day.day for day in days}) > 1:
        return None
    begin = (days[-1].replace(day=1) + 32 * DAY).replace(day=1)
    expected = (begin + 32 * DAY).replace(day=1) - DAY if is_last else begin + (days[0].day - 1) * DAY
    if expected in past.rests or expected.month != begin.month:
        return None
    times = [first_of[day] - datetime.combine(day, datetime.min.time()) for day in days]
    midnight = datetime.combine(expected, datetime.min.time())
    overdue = midnight + (max(times) + GRACE if max(times) - min(times) <= GRACE else DAY)
    known_from = min(at for n, at in enumerate(past.created) if n >= past.start and past.local(n).date() == days[0])
    return Due(past.utc(overdue), "month", midnight + max(times) - past.local(place), known_from)


def _month_later(earlier: date, later: date) -> date | None:
    """The later day, if it is in the month after that of the earlier one."""
    return later if (later.year - earlier.year) * 12 + later.month - earlier.month == 1 else None


def zone_of(created: Sequence[datetime]) -> ZoneInfo:
    """Where the hours at which it runs did not move when the clocks last changed, as they did in UTC."""
    utc = ZoneInfo("UTC")
    for zone in (ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")):
        for change in _changes(zone, created[0] + MONTH, created[-1] - WEEK):
            local = _same_time(created, change, zone)
            if local >= 0.8 and local > _same_time(created, change, utc) + 0.05:
                return zone
    return utc


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """When the clocks changed, to the hour, the newest first."""
    hour = timedelta(hours=1)
    hours = [first.replace(minute=0, second=0, microsecond=0) + n * hour for n in range((last - first) // hour + 2)]
    found = [at for at in hours if first <= at <= last and _offset(at, zone) != _offset(at - hour, zone)]
    return found[::-1]


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _same_time(created: Sequence[datetime], change: datetime, zone: ZoneInfo) -> float:
    def local(at: datetime) -> datetime:
        return at.astimezone(zone).replace(tzinfo=None)

    before = [local(at) for at in created if change - MONTH <= at < change]
    after = [local(at) - MONTH for at in created if change <= at < change + MONTH]
    if not before or not after:
        return 0.0
    near = [
        any(abs(other - at) <= timedelta(minutes=15) for other in before[max(place - 1, 0) : place + 1])
        for at in after
        for place in [bisect_right(before, at)]
    ]
    return sum(near) / len(near)
