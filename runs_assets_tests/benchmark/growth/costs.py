"""What is done again and again, beside so many accounts and years: `python -m runs_assets_tests.benchmark.growth.costs`.

Its arguments are the number of accounts, the present time, and the port of a server of object storage, if the data is in
a bucket. Prints JSON: the cost of each thing, for one account, in seconds of processor time; or in requests, with a port.

Dagster's history is in SQLite: it has the last two days of everybody's runs, and for the accounts whose ticks are
measured a materialization of each stored day. No day is due.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from tempfile import TemporaryDirectory

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from runs_assets.automation.jobs import delete_superseded
from runs_assets.definitions import definitions_of
from runs_assets.instance.project import Project
from runs_assets.instance.run_tags import REFRESH_VERDICTS, SOURCES_TAG
from runs_assets.resources import SHARED
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.benchmark.growth.accounts import accounts
from runs_assets_tests.benchmark.growth.stored import DATA_SETS
from runs_assets_tests.benchmark.process import temporary_instance
from runs_assets_tests.benchmark.ticks import our_runs, write_runs
from runs_assets_tests.cluster.faulty import faulty_way
from runs_assets_tests.project import StoppedClock

MOST_TIMED, TICKS, TICKS_OVER_ALL = 10, 10, 4
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Meter = Callable[[], float]
"""A total until now, of whatever is measured."""


@dataclass(frozen=True)
class Simulation:
    """The definitions of some accounts, Dagster's history, and what is measured."""

    sources: Sequence[Source]
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    meter: Meter

    def costs(self) -> dict[str, float]:
        """Of a tick of an account, and of one over all; of building the tables of all accounts, and of one; and so on."""
        first = self.sources[0]
        return {
            "refresh of all": self._cost(lambda: self._run(REFRESH_VERDICTS)),
            "refresh": self._cost(lambda: self._run(REFRESH_VERDICTS, {SOURCES_TAG: first.name})),
            "first check run": self._cost(lambda: self._run(first.checks_job_name)),
            "check run": self._cost(lambda: self._run(first.checks_job_name)),
            "tick": statistics.mean(self._ticks_of_days()),
            "tick over all": statistics.mean(self._ticks_over_all()),
            "deletion": self._cost(self._prune) / len(self.timed),
        }

    @cached_property
    def timed(self) -> Sequence[Source]:
        """Some of the accounts, in turn with the others."""
        return self.sources[:: -(-len(self.sources) // MOST_TIMED)]

    def _ticks_of_days(self) -> Iterator[float]:
        """The first tick of each account is left out: it loads what every later one finds."""
        for number in range(TICKS + 1):
            for source in self.timed:
                cost = self._cost(lambda: self._tick(f"{source.name}_unsettled_days", number, "Nothing "))  # noqa: B023
                if number:
                    yield cost

    def _ticks_over_all(self) -> Iterator[float]:
        self._tick("outdated_verdicts", 0, "The tables are up to date")
        for number in range(TICKS_OVER_ALL):
            yield self._cost(lambda: self._tick("outdated_verdicts", number, "The tables are up to date"))  # noqa: B023

    def _cost(self, work: Callable[[], object]) -> float:
        before = self.meter()
        work()
        return self.meter() - before

    def _tick(self, sensor: str, number: int, answer: str) -> None:
        """Raises `RuntimeError` if it says anything else than that there is nothing to do."""
        with dg.build_sensor_context(
            self.instance,
            cursor=str(number),
            repository_def=self.definitions.get_repository_def(),
            resources={name: (self.definitions.resources or {})[name] for name in SHARED},
        ) as context:
            told = self.definitions.resolve_sensor_def(sensor).evaluate_tick(context)
        if told.run_requests or not (told.skip_message or "").startswith(answer):
            raise RuntimeError(f"{sensor}: {told.skip_message or told.run_requests}")

    def _prune(self) -> None:
        """As `prune_runs` does; here it finds no run to delete, and all records have to be looked at."""
        project = Project(self.sources)
        checks = project.checks_in(self.definitions.get_repository_def())
        delete_superseded(self.instance, project, checks, datetime.now(UTC) - timedelta(days=7))

    def _run(self, job: str, tags: Mapping[str, str] | None = None) -> None:
        found = self.definitions.resolve_job_def(job)
        found.execute_in_process(instance=self.instance, run_config=QUIET, tags=dict(tags or {}))


@contextmanager
def simulation(count: int, now: datetime, meter: Meter) -> Iterator[Simulation]:
    """Of so many accounts, whose days are stored where the environment says."""
    sources = accounts(count)
    definitions = definitions_of(sources, StoppedClock(at=now.isoformat()))
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        found = Simulation(sources, definitions, instance, meter)
        write_runs(instance, our_runs(sources))
        record_days(instance, found.timed)
        yield found


def record_days(instance: dg.DagsterInstance, sources: Sequence[Source]) -> None:
    """Have Dagster know that the stored days of some accounts are materialized."""
    layout = Layout(project_settings().data)
    for source in sources:
        _record(instance, source, layout.stored_days(RAW_RUNS, source.name))


def _record(instance: dg.DagsterInstance, source: Source, days: Sequence[date]) -> None:
    """Of each data set one event as Dagster stores it, and its copies."""
    storage, columns = instance.event_log_storage, SqlEventLogStorageTable.c
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError("the measured instance keeps its events in SQLite")
    for data_set in DATA_SETS:
        key = dg.AssetKey(source.path(data_set))
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(days[0])))
        with storage.index_connection() as connection:
            [event] = connection.execute(sa.select(*columns).where(columns.asset_key == key.to_string())).mappings()
            copied = {name: value for name, value in event.items() if name != "id"}
            rows = [{**copied, "partition": str(day)} for day in days[1:]]
            if rows:
                connection.execute(SqlEventLogStorageTable.insert(), rows)


@contextmanager
def _metered(port: int | None) -> Iterator[Meter]:
    """Processor time; or the requests to the server on a port, by a way that counts them."""
    if port is None:
        yield time.process_time
        return
    with faulty_way(port) as way:
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{way.port}"
        yield lambda: len(way.asked)


def main() -> None:
    """Measure and print."""
    count, now, *port = sys.argv[1:]
    with (
        _metered(int(port[0]) if port else None) as meter,
        simulation(int(count), datetime.fromisoformat(now), meter) as found,
    ):
        costs = found.costs()
    print(json.dumps({"costs": costs}))  # noqa: T201


if __name__ == "__main__":
    main()
