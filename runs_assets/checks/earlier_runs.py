"""What earlier check runs found of days, and in which versions of their files: a file for each source and month.

It spares a check run the reading of what has not changed. It is a cache: a month that is missing, damaged, or of other
rules costs the reading of its days. A day takes a few hundred bytes, and 8 bytes a run.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby

import msgspec
import zstandard

from runs_assets.checks.stored_days import InspectedDay
from runs_assets.errors import RunsAssetsError
from runs_assets.storage.layout import Layout

log = logging.getLogger(__name__)
FORMAT = 2
"""To be raised when an inspection finds out more of a day, or something else, than it did."""


class EarlierDay(msgspec.Struct, frozen=True):
    """What was found of a day at an instant, in some versions of its files, by data set."""

    found: InspectedDay
    versions: dict[str, str]
    inspected_at: datetime


class _Month(msgspec.Struct, frozen=True):
    """The days of a month, as far as they were inspected; of no use to who gives up runs after another time."""

    format: int
    give_up_after: timedelta
    days: list[EarlierDay]


@dataclass(frozen=True)
class EarlierRuns:
    """What is remembered of a source's days, by who gives up open runs after some time."""

    layout: Layout
    source: str
    give_up_after: timedelta

    def load(self) -> dict[date, EarlierDay]:
        """All that is remembered, by day."""
        months = map(self._month, self._months)
        return {one.found.day: one for month in months for one in month}

    def store(self, days: Mapping[date, EarlierDay], changed: Collection[date]) -> None:
        """Remember some days, of which a few have `changed`, and no others; where that fails, they are read again."""
        months = {_month_of(day) for day in changed}
        gone = {*self._months} - {_month_of(day) for day in days}
        try:
            with self.layout.lock_file(f"{self.source}-checks").held(f"{self.source}'s checks", patience=0):
                for name, ones in groupby(sorted(days), _month_of):
                    if name in months:
                        self._store_month(name, [days[day] for day in ones])
                for name in gone:
                    self.layout.checked_file(self.source, name).remove()
        except RunsAssetsError as error:
            log.info("What was found of the days of %s is not remembered. %s", self.source, error)

    @cached_property
    def _months(self) -> list[str]:
        return self.layout.checked_months(self.source)

    def _month(self, name: str) -> list[EarlierDay]:
        try:
            content = self.layout.checked_file(self.source, name).content() or b""
            month = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(content), type=_Month)
        except (RunsAssetsError, zstandard.ZstdError, msgspec.DecodeError) as error:
            log.info("The days of %s in %s are inspected again. %s", self.source, name, error)
            return []
        return month.days if (month.format, month.give_up_after) == (FORMAT, self.give_up_after) else []

    def _store_month(self, name: str, days: list[EarlierDay]) -> None:
        month = msgspec.msgpack.encode(_Month(FORMAT, self.give_up_after, days))
        compressor = zstandard.ZstdCompressor(write_checksum=True)
        with (
            self.layout.checked_file(self.source, name).replacing() as file,
            compressor.stream_writer(file, size=len(month), closefd=False) as out,
        ):
            out.write(month)


def _month_of(day: date) -> str:
    return f"{day:%Y-%m}"
