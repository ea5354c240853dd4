"""A made-up life of one source, played fast: what the sensor asks for is run, and what the API was asked is counted."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from runs_assets.accounts import SOURCES
from runs_assets.automation.sensors import Tick, run_request
from runs_assets.daily.tables import code_versions, ledger_of
from runs_assets.days import DayRange, start_of
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_records import Records
from runs_assets.reading.request import ReadingRequest
from runs_assets.reading.whole_days import read_days
from runs_assets.resources import Clock, DataFolder
from runs_assets.sandbox import FrozenClock, Sandbox
from runs_assets.settings import project_settings
from runs_assets.settling.due import Request
from runs_assets.settling.state import Versions, day_states
from runs_assets.sources.cloudcruise import client as cloudcruise_client
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.sources.http_client import HttpClient
from runs_assets.sources.productsup import client as productsup_client
from runs_assets.sources.productsup.client import ProductsupClient
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.contract.played import PlayedTime

CLOCK = FrozenClock(datetime.min.replace(tzinfo=UTC))


class PlayedClock(Clock):
    """Shows what `CLOCK` shows, so that the definitions need not be built anew at every tick."""

    def now(self) -> datetime:
        return CLOCK.now


def definitions() -> dg.Definitions:
    return _definitions_since(project_settings().first_day)


@cache
def _definitions_since(_first_day: date) -> dg.Definitions:
    return definitions_of(SOURCES, PlayedClock())


@contextmanager
def waits_that_take_no_time() -> Iterator[list[HttpClient]]:
    """Yields every client that is made meanwhile."""
    played = PlayedTime()
    made: list[HttpClient] = []

    def making(kind: Callable[..., HttpClient]) -> Callable[..., HttpClient]:
        def client(*access: Any, **options: Any) -> HttpClient:
            made.append(kind(*access, sleep=played.sleep, monotonic=played.monotonic, **options))
            return made[-1]

        return client

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloudcruise_client, "CloudCruiseClient", making(CloudCruiseClient))
        patch.setattr(productsup_client, "ProductsupClient", making(ProductsupClient))
        yield made


@dataclass
class Life:
    """One source, its files and a Dagster instance, at the time of `CLOCK`."""

    source: Source
    sandbox: Sandbox
    instance: dg.DagsterInstance
    asked_for: list[tuple[datetime, Request, bool]] = field(default_factory=list)
    layout: Layout = field(default_factory=lambda: DataFolder().layout)
    versions: Versions = field(init=False)
    ticks: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.versions = code_versions(self.source)

    def decide(self) -> Request | str:
        """What the sensor decides now."""
        with freeze_time(CLOCK.now):
            folder, records = DataFolder(), Records(self.instance, CLOCK.now)
            tick = Tick(self.source, self.versions, records, folder.layout, folder.rules, folder.first_day)
            return tick.decide(next(self.ticks))

    def tick(self) -> Request | str:
        """What the sensor decides now; if it asks for a run, that is run to its end."""
        decided = self.decide()
        if isinstance(decided, Request):
            self.run(decided)
        return decided

    def run(self, asked: Request) -> bool:
        """Run what the sensor asks for to its end, without checks; whether it succeeds."""
        request = run_request(self.source, asked, self.versions, CLOCK.now.date())
        with freeze_time(CLOCK.now):
            job = definitions().resolve_job_def(self.source.job_name)
            chosen = frozenset(request.asset_selection or self.assets)
            result = job.get_subset(asset_selection=chosen, asset_check_selection=frozenset()).execute_in_process(
                instance=self.instance,
                run_config=request.run_config,
                tags=dict(request.tags),
                raise_on_error=False,
            )
        self.asked_for.append((CLOCK.now, asked, result.success))
        return result.success

    @property
    def assets(self) -> list[dg.AssetKey]:
        return [dg.AssetKey([self.source.name, name]) for name in (RAW_RUNS, *self.versions)]

    def done_days(self, days: DayRange) -> set[date]:
        """The days that are settled, with every table built from the newest reading."""
        rules = DataFolder().rules
        rows = ledger_of(self.source.name, self.layout).looked(days.newest_first(), {})
        states = [*day_states(rows, self.versions, rules)]
        return {state.day for state in states if state.is_settled}

    def crash(self, days: DayRange) -> dg.DagsterRun:
        """A run that is killed after it has stored its newest day: files without tables, and started for ever."""
        read_first(self.source, self.layout, days)
        with freeze_time(CLOCK.now):
            run = dg.DagsterRun(self.source.job_name, str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
            self.instance.add_run(run)
            self.instance.report_engine_event("began to read", run)
        return run


def read_first(source: Source, layout: Layout, days: DayRange, *, stop_after: int | None = 1) -> int:
    """Read days as the product does, without Dagster, and stop after some; returns the number of requests."""
    with source.api.client(source.name, layout, lambda: CLOCK.now) as client:
        id_field = source.shape.id_field
        request = ReadingRequest(source.name, id_field, days, layout, lambda: CLOCK.now, report=lambda _line: None)
        for stored, _day in enumerate(read_days(client, request, days.first, retention=None), start=1):
            if stored == stop_after:
                break
        return client.requests


@dataclass
class PerfectPlan:
    """The fewest readings that keep today as fresh as asked and read every other day once, when it has its final state.

    It knows the future: when each day is final, and when the source cannot be read.
    """

    source: Source
    layout: Layout
    today_every: timedelta
    final_after: timedelta
    requests: int = 0
    _read_at: dict[date, datetime] = field(default_factory=dict)
    _final: set[date] = field(default_factory=set)

    def tick(self, first_day: date) -> None:
        """Read what has to be read now."""
        today = CLOCK.now.date()
        days = DayRange(first_day, today).newest_first()
        due = [day for day in days if self._is_due(day)]
        for day in due:
            self._read_at[day] = CLOCK.now
        self._final.update(day for day in due if self._may_be_final(day))
        for days_in_one in _ranges(due):
            self.requests += read_first(self.source, self.layout, days_in_one, stop_after=None)

    def _is_due(self, day: date) -> bool:
        if day == CLOCK.now.date():
            return day not in self._read_at or CLOCK.now - self._read_at[day] >= self.today_every
        return day not in self._final and self._may_be_final(day)

    def _may_be_final(self, day: date) -> bool:
        return CLOCK.now >= start_of(day) + timedelta(days=1) + self.final_after


def _ranges(days: list[date]) -> Iterator[DayRange]:
    """Days, newest first, as ranges without gaps."""
    while days:
        size = next((n for n in range(1, len(days)) if days[n - 1] - days[n] != timedelta(days=1)), len(days))
        yield DayRange(days[size - 1], days[0])
        days = days[size:]
