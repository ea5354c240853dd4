"""Runs by a timetable in local time, with all that happens to timetables; the same seed gives the same runs."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from runs_assets_tests.verdicts.cases import DAY, CaseRun, Outcome, run
from runs_assets_tests.verdicts.plain_runs import History, StoredDay, end_of
from runs_assets_tests.verdicts.worked import history_of

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = ([6.0], [6.5, 18.0], [0.0, 6.0, 12.0, 18.0], [8.0 + n for n in range(10)], [float(n) for n in range(24)])
WEEKDAYS = (range(7), range(7), range(5), (0, 2, 4), (1,))


def local(day: date, hour: float, zone: ZoneInfo = BERLIN) -> datetime:
    """In UTC, when the clock of a zone shows an hour of a day."""
    midnight = datetime.combine(day, time.min)
    return (midnight + timedelta(hours=hour)).replace(tzinfo=zone).astimezone(UTC)


def days_between(first: date, last: date) -> Iterator[date]:
    """Both inclusive."""
    yield from (first + n * DAY for n in range((last - first).days + 1))


def read_until(runs: list[CaseRun], first: date, until: datetime, window_days: int = 90) -> History:
    """The runs as they are known when a source is read, all days from the first one on."""
    known = history_of([one for one in runs if one.created < until])
    days = [StoredDay(day, end_of(day) <= until, False, until) for day in days_between(first, until.date())]
    return History("source", known.runs, days, window_days)


def random_runs(seed: int, first: date, last: date, holidays: frozenset[date] = frozenset()) -> list[CaseRun]:
    """A pipeline with silences, a changed timetable and a retirement or none of them, that rests on holidays."""
    random = Random(seed)
    zone = random.choice((BERLIN, BERLIN, ZoneInfo("UTC"), ZoneInfo("America/New_York")))
    before, after = (random.choice(HOURS), random.choice(WEEKDAYS)), (random.choice(HOURS), random.choice(WEEKDAYS))
    changes = first + random.randrange(40, 200) * DAY
    silent = [(first + random.randrange(28, 110) * DAY, random.uniform(0.2, 4)) for _ in range(random.randrange(3))]
    jitter = random.choice((0, 60, 1200))
    outcomes: tuple[Outcome, ...] = ("succeeded",) * 20 + ("failed", "cancelled", "running")
    found = []
    for day in days_between(first, last):
        hours, weekdays = before if day < changes else after
        for hour in hours if day.weekday() in weekdays and day not in holidays else ():
            created = local(day, hour, zone) + timedelta(seconds=random.randrange(jitter + 1))
            gone = any(0 <= (created - local(begin, 0, zone)) / DAY < length for begin, length in silent)
            if not gone and random.random() > 0.003:
                found.append(run(f"seed {seed}", created, random.choice(outcomes)))
    return sorted(found, key=lambda one: one.created)
