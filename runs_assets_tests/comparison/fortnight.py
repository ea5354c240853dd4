"""A fortnight of one source with one fault at work, read once a day in the morning."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.sandbox import FrozenClock, Sandbox, simulated_cloudcruise, simulated_productsup
from runs_assets.sandbox.faults.fault import faulty
from runs_assets_tests.automation.fortnight import waits_that_take_no_time
from runs_assets_tests.comparison.dlt_pipelines import PAGE_SIZE, DltPipeline
from runs_assets_tests.comparison.outcome import Held, Outcome, outcome, shown_by
from runs_assets_tests.comparison.own_pipeline import OwnPipeline
from runs_assets_tests.contract.scenario import fault_of

START = datetime(2026, 3, 1, tzinfo=UTC)
READINGS = [START + timedelta(days=day, hours=6, minutes=30) for day in range(14)]
COUNTED_UNTIL = START + timedelta(days=10)
"""The newest runs are not counted: each way has three days more to see what becomes of a run."""
LAG = timedelta(days=3)
VOLUME = 0.3
"""About 60 runs a day on each platform."""

FAULTS: Mapping[str, Mapping[str, object]] = {
    "ties_at_page_edge": {"page_size": PAGE_SIZE},
    "page_size_capped": {"largest_page": 10},
    "runs_arrive_late": {},
    "statuses_change": {},
    "creation_times_null": {},
    "empty_lists": {},
    "error_objects": {},
    "html_pages": {},
}
"""Some of each kind that the sandbox has, fitted to the small pages."""


class Reader(Protocol):
    """What is read once a day."""

    def run(self) -> bool:
        """Read what is new; returns whether it reports success."""
        ...

    def held(self) -> list[Held]:
        """Everything that it holds."""
        ...


@dataclass(frozen=True)
class Fortnight:
    """A source and a fault, or none; each way to read meets a platform of its own."""

    source: str
    fault: str | None

    def with_dlt(self, lag: timedelta = LAG) -> Outcome:
        """What came of it with dlt."""
        with self._played() as (sandbox, clock, folder):
            return self._outcome(DltPipeline(sandbox, self.source, folder, START, lag), sandbox, clock)

    def with_this_project(self) -> Outcome:
        """What came of it with this project."""
        [source] = [source for source in SOURCES if source.name == self.source]
        with self._played() as (sandbox, clock, _folder), waits_that_take_no_time():
            return self._outcome(OwnPipeline(source, clock, START.date()), sandbox, clock)

    @contextmanager
    def _played(self) -> Iterator[tuple[Sandbox, FrozenClock, Path]]:
        clock = FrozenClock(START)
        with Sandbox(clock=clock) as sandbox, TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            sandbox.cloudcruise.history = simulated_cloudcruise(days=14, volume=VOLUME)
            sandbox.productsup.history = simulated_productsup(days=14, volume=VOLUME)
            patch.chdir(folder)
            for name, value in _settings(sandbox, Path(folder)).items():
                patch.setenv(name, value)
            if self.fault:
                its = sandbox.cloudcruise if self.source == "cloudcruise" else sandbox.productsup
                its.faults.append(fault_of(self.source, self.fault, **FAULTS[self.fault]))
            yield sandbox, clock, Path(folder)

    def _outcome(self, reader: Reader, sandbox: Sandbox, clock: FrozenClock) -> Outcome:
        successes = []
        for clock.now in READINGS:
            successes.append(reader.run())
        its = sandbox.cloudcruise if self.source == "cloudcruise" else sandbox.productsup
        rows = faulty(its.history.visible(clock.now), its.faults, clock.now)
        return outcome(reader.held(), shown_by(self.source, rows, START, COUNTED_UNTIL), successes)


def _settings(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    return {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": sandbox.api_key,
        "CLOUDCRUISE_PAGE_SIZE": str(PAGE_SIZE),
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": sandbox.token,
        "PRODUCTSUP_CDE_PAGE_SIZE": str(PAGE_SIZE),
        "RUNS_ASSETS_DATA": str(folder / "data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
