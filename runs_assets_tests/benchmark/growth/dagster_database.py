"""What one of each run leaves in Dagster's database: `python -m runs_assets_tests.benchmark.growth.dagster_database`.

Its arguments are how many runs of each kind to take the mean of; the port of a server of object storage, and that of a
PostgreSQL server, or neither; and a number of days to live through. Without servers the history is in SQLite, with the
project's `dagster.yaml`, and the data in a folder. The project's real jobs run in process against the sandbox.

Prints JSON: by kind, what one of it adds of each thing that is counted; and of the days that are lived through, with the
nightly deletion, how many bytes are `left` and how many were `written`. A run that the daemon launches writes two events
and about 4 KB more than one in process, and empty files of captured output.
"""

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.ref import InstanceRef
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._core.test_utils import freeze_time

from runs_assets.accounts import SOURCES
from runs_assets.automation.jobs import delete_superseded
from runs_assets.days import DayRange
from runs_assets.definitions import definitions_of
from runs_assets.instance.project import Project
from runs_assets.instance.run_tags import REFRESH_VERDICTS, SOURCES_TAG, range_tags
from runs_assets.resources import Clock
from runs_assets.sandbox import FrozenClock, Sandbox
from runs_assets_tests.benchmark.growth.costs import QUIET
from runs_assets_tests.cluster.faulty import faulty_way
from runs_assets_tests.cluster.servers import BUCKET
from runs_assets_tests.readme import ROOT

START = datetime(2026, 1, 20, 12, tzinfo=UTC)
TODAY, YESTERDAY = START.date(), START.date() - timedelta(days=1)
[ACCOUNT] = (source for source in SOURCES if source.name == "cloudcruise")
VOLUME = 0.1
KEPT_DAYS = 3
"""Of the days that are lived through; by default it is a week."""
TICKS = 500
REASON = "Nothing is due. Next: 2026-03-17 at 2026-03-18T13:00:00Z, since its last reading was 18 hours after its end."
CLOCK = FrozenClock(START)
Meters = Mapping[str, Callable[[], float]]


class MovedClock(Clock):
    """The time that the sandbox goes by."""

    def now(self) -> datetime:
        """The instant that CLOCK stands at."""
        return CLOCK()


@dataclass(frozen=True)
class Home:
    """Dagster's history of one account, and what is counted of it."""

    instance: dg.DagsterInstance
    definitions: dg.Definitions
    meters: Meters

    def kinds(self) -> dict[str, Callable[[], object]]:
        """What is done every day, by its name."""
        refresh = {SOURCES_TAG: ACCOUNT.name}
        return {
            "run of today": lambda: self.run(START, DayRange(TODAY, TODAY)),
            "run of one day": lambda: self.run(START, DayRange(YESTERDAY, YESTERDAY)),
            "run of three days": lambda: self.run(START, _last_three(YESTERDAY)),
            "check run": lambda: self._execute(self._job(ACCOUNT.checks_job_name)),
            "refresh": lambda: self._execute(self._job(REFRESH_VERDICTS), tags=refresh),
            "tick": self.tick,
        }

    def added(self, times: int) -> dict[str, dict[str, float]]:
        """What one of each kind adds, after a first one, which also stores what later ones share."""
        found = {}
        for kind, do in self.kinds().items():
            do()
            before = self._totals()
            repetitions = TICKS if kind == "tick" else times
            for _ in range(repetitions):
                do()
            found[kind] = {name: (total - before[name]) / repetitions for name, total in self._totals().items()}
        return found

    def run(self, at: datetime, days: DayRange) -> None:
        """Run the daily job at that time; without its checks for today alone, as the sensor does."""
        CLOCK.now = at
        job = self._job(ACCOUNT.job_name)
        if days.first == at.date():
            assets = self.definitions.resolve_asset_graph().get_all_asset_keys()
            own = frozenset(key for key in assets if key.path[0] == ACCOUNT.name)
            job = job.get_subset(asset_selection=own, asset_check_selection=frozenset())
        with freeze_time(at):
            if days.first == days.last:
                self._execute(job, partition_key=str(days.first))
            else:
                self._execute(job, tags=range_tags(days))

    def tick(self) -> None:
        """Record a tick as the daemon does: two identifiers of 40 characters, and why nothing is requested."""
        sensor, moment = f"{ACCOUNT.name}_unsettled_days", CLOCK().timestamp()
        kind, status = InstigatorType.SENSOR, TickStatus.SKIPPED
        self.instance.create_tick(
            TickData("o" * 40, sensor, kind, status, moment, selector_id="s" * 40, skip_reason=REASON)
        )

    def live(self, days: int) -> dict[str, float]:
        """Live through so many days of three runs each, with the nightly deletion."""
        size = self.meters["bytes"]
        written, begun = 0.0, size()
        project = Project(SOURCES)
        checks = project.checks_in(self.definitions.get_repository_def())
        for number in range(days):
            midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=number)
            before = size()
            self.run(midnight + timedelta(minutes=15), _last_three(midnight.date() - timedelta(days=1)))
            for hour in (8, 16):
                self.run(midnight + timedelta(hours=hour), DayRange(midnight.date(), midnight.date()))
            written += size() - before
            delete_superseded(self.instance, project, checks, midnight + timedelta(hours=20, days=-KEPT_DAYS))
        return {"written": written, "left": size() - begun}

    def _job(self, name: str) -> dg.JobDefinition:
        return self.definitions.resolve_job_def(name)

    def _execute(
        self, job: dg.JobDefinition, *, partition_key: str | None = None, tags: dict[str, str] | None = None
    ) -> None:
        job.execute_in_process(instance=self.instance, run_config=QUIET, partition_key=partition_key, tags=tags)

    def _totals(self) -> dict[str, float]:
        return {name: total() for name, total in self.meters.items()}


def _last_three(day: date) -> DayRange:
    return DayRange(day - timedelta(days=2), day)


@contextmanager
def home_on_a_machine() -> Iterator[Home]:
    """SQLite and a folder; counts processor time and the bytes of Dagster's files."""
    with _sandboxed() as (folder, environment):
        environment.setenv("RUNS_ASSETS_DATA", str(folder / "data"))
        shutil.copy(ROOT / "dagster.yaml", folder / "home")
        with _instance(folder) as instance:
            meters: Meters = {"seconds": time.process_time, "bytes": partial(_size_of, folder / "home")}
            yield Home(instance, definitions_of(SOURCES, MovedClock()), meters)


@contextmanager
def home_on_servers(object_port: int, postgres_port: int) -> Iterator[Home]:
    """PostgreSQL and a bucket; counts requests to the bucket, and rows and bytes of the database."""
    url = f"postgresql+psycopg2://dagster@127.0.0.1:{postgres_port}/dagster"
    with _sandboxed() as (folder, environment), faulty_way(object_port) as way:
        environment.setenv("RUNS_ASSETS_DATA", f"s3://{BUCKET}/runs-of-a-day")
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{way.port}")
        Path(folder, "home", "dagster.yaml").write_text(f"storage:\n  postgres:\n    postgres_url: {url}\n")
        with _instance(folder) as instance:
            database = sa.create_engine(url, isolation_level="AUTOCOMMIT")
            meters: Meters = {
                "requests": lambda: len(way.asked),
                "rows": partial(_rows_of, database),
                "database bytes": partial(_one_of, database, "select pg_database_size(current_database())"),
            }
            yield Home(instance, definitions_of(SOURCES, MovedClock()), meters)
            database.dispose()


@contextmanager
def _sandboxed() -> Iterator[tuple[Path, pytest.MonkeyPatch]]:
    """A folder with an empty Dagster home, and an API with a tenth of the usual runs."""
    with (
        TemporaryDirectory() as folder,
        Sandbox.simulated(days=40, volume=VOLUME, clock=CLOCK) as sandbox,
        pytest.MonkeyPatch.context() as environment,
    ):
        Path(folder, "home").mkdir()
        environment.setenv("CLOUDCRUISE_BASE_URL", sandbox.cloudcruise_url)
        environment.setenv("CLOUDCRUISE_API_KEY", sandbox.api_key)
        yield Path(folder), environment


def _instance(folder: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder / "home")))


def _size_of(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _rows_of(database: sa.Engine) -> float:
    return sum(_one_of(database, f'select count(*) from "{table}"') for table in sa.inspect(database).get_table_names())


def _one_of(database: sa.Engine, query: str) -> float:
    with database.connect() as connection:
        return float(connection.execute(sa.text(query)).scalar_one())


def main() -> None:
    """Measure and print."""
    times, days, *ports = map(int, sys.argv[1:])
    logging.disable(logging.ERROR)
    with ExitStack() as stack:
        home = stack.enter_context(home_on_servers(*ports) if ports else home_on_a_machine())
        added = home.added(times)
        lived = home.live(days) if days else {}
    print(json.dumps({"added": added, "lived": lived}))  # noqa: T201


if __name__ == "__main__":
    main()
