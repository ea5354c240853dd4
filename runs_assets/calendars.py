"""When pipelines run, and when they rest, as people write it into the watch file: spans, cron expressions, holidays.

The functions that check a text raise `ValueError` with what is wrong with it, never the text itself.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Strict, model_validator

from runs_assets.watch_entries import About, time_zone

LONGEST_WAIT = timedelta(days=62)
"""For how long no run may be expected: two months."""
EARLY = timedelta(minutes=5)
"""How much too early a run may be for the time at which it was expected."""
_SPAN = re.compile(r"(\d{1,4})([mhdw])")
_ABSOLUTE = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
_CALENDAR_DAYS = {"d": 1, "w": 7}


def span(text: str) -> str:
    """A span such as 15m, 6h, 1d or 1w, unchanged."""
    if not _SPAN.fullmatch(text):
        raise ValueError("must be a number followed by m, h, d or w, such as 15m, 6h, 1d or 1w")
    return text


def positive_span(text: str) -> str:
    """A span that is not zero, unchanged."""
    if int(span(text)[:-1]) == 0:
        raise ValueError("must not be zero")
    return text


def cron_expression(expression: str) -> str:
    """A cron expression that has a next time, unchanged."""
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("is not a cron expression of five fields with a next time, such as 0 6 * * 1-5") from None
    return expression


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str | None, years: range) -> frozenset[date]:
    """Those of a country, or of one of its parts; `NotImplementedError` if nothing is known of it."""
    import holidays  # noqa: PLC0415 (it loads slowly, and few need it)

    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))


def next_time(expression: str, last_run: datetime, zone: ZoneInfo) -> datetime:
    """The next time of a cron expression after a run at `last_run` (aware), which may be up to 5 minutes early; UTC."""
    return next(CronSim(expression, (last_run + EARLY).astimezone(zone))).astimezone(UTC)


def after(instant: datetime, span: str, zone: ZoneInfo) -> datetime:
    """The instant a span later, UTC: days and weeks by the calendar of a zone, hours and minutes as elapsed time."""
    count, unit = int(span[:-1]), span[-1]
    if unit in _ABSOLUTE:
        return instant.astimezone(UTC) + count * _ABSOLUTE[unit]
    local = instant.astimezone(zone) + timedelta(days=count * _CALENDAR_DAYS[unit])
    # Where the clocks skip or repeat the hour, the later reading: nobody is notified of a run that is not missed yet.
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


GRACE = "1h"
"""How late a run may be unless its expectation says otherwise."""


class Expectation(About):
    """When a run is created: at least every `every`, or at the times of `cron`, give or take `grace` (an hour).

    With neither, it says only in which `timezone` a pipeline keeps its hours.
    """

    every: Annotated[str, AfterValidator(positive_span)] | None = None
    cron: Annotated[str, AfterValidator(cron_expression)] | None = None
    grace: Annotated[str, AfterValidator(span)] | None = None
    timezone: Annotated[str, AfterValidator(time_zone)] = "UTC"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.every and self.cron:
            raise ValueError("only one of every and cron can be set")
        if self.grace and not self.is_timed:
            raise ValueError("grace needs every or cron")
        if not self.is_timed and "timezone" not in self.model_fields_set:
            raise ValueError("one of every, cron and timezone must be set")
        some_run = self.expected_after(datetime(2026, 1, 1, tzinfo=UTC)) if self.is_timed else None
        if some_run and self.overdue_at(some_run) - some_run >= LONGEST_WAIT:
            raise ValueError("a run and its grace must be due within 62 days of the one before")
        return self

    @property
    def is_timed(self) -> bool:
        """Whether it says when a run is expected."""
        return self.every is not None or self.cron is not None

    @property
    def shortest(self) -> timedelta:
        """No run is overdue sooner after the one before; an hour less than what is expected, as clocks change."""
        start = datetime(1970, 1, 1, tzinfo=UTC)
        parts = (after(start, part, ZoneInfo("UTC")) - start for part in (self.every, self.grace or GRACE) if part)
        return sum(parts, -timedelta(hours=1))

    def overdue_at(self, last_run: datetime, resting_days: Collection[date] = ()) -> datetime:
        """When the next run is overdue, grace included, if the last one was created at `last_run` (aware); UTC."""
        return after(self.expected_after(last_run, resting_days), self.grace or GRACE, ZoneInfo(self.timezone))

    def expected_after(self, last_run: datetime, resting_days: Collection[date] = ()) -> datetime:
        """When the next run is expected, on none of the days (in `timezone`) on which the pipeline rests; UTC.

        Days and weeks follow the calendar in `timezone`, so that a daily run at 06:00 is expected at 06:00 also after
        the clocks change; hours and minutes are elapsed time. A run that is created up to 5 minutes before a time of
        `cron` is the one of that time.
        """
        zone, expected = ZoneInfo(self.timezone), last_run
        while expected is last_run or expected.astimezone(zone).date() in resting_days:
            every = self.every
            expected = after(expected, every, zone) if every else next_time(self.cron or "", expected, zone)
        return expected


class Holidays(About):
    """The days on which pipelines rest: public holidays of a country, or part of one, and single dates."""

    country: str | None = None
    subdivision: str | None = None
    dates: tuple[Annotated[date, Strict()], ...] = ()

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if not self.country and not self.dates:
            raise ValueError("country (such as DE) or dates must be set")
        if self.subdivision and not self.country:
            raise ValueError("a subdivision (such as BY) needs its country")
        try:
            self.between(date(2026, 1, 1), date(2026, 1, 1))
        except NotImplementedError:
            raise ValueError("no public holidays are known of this country and subdivision") from None
        return self

    def between(self, first: date, last: date) -> set[date]:
        """Those from one day to another, both inclusive."""
        years = range(first.year, last.year + 1)
        public = public_holidays(self.country, self.subdivision, years) if self.country else ()
        return {day for day in {*self.dates, *public} if first <= day <= last}
