"""A month of both sources, read by workers that share nothing but a bucket, while what can go wrong goes wrong."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from celery import Celery

from runs_assets.days import utc_now
from runs_assets.instance.run_tags import PARTITION, REFRESH_VERDICTS
from runs_assets.sandbox import Sandbox
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.cluster.api import LiveHistory, live_sandbox, settings_of
from runs_assets_tests.cluster.deployment import Deployment, deployment
from runs_assets_tests.cluster.faulty import FaultyWay, Hold, faulty_way
from runs_assets_tests.cluster.page import Page
from runs_assets_tests.cluster.processes import Process, wait_until
from runs_assets_tests.cluster.servers import ObjectServer
from runs_assets_tests.contract.comparison import Difference, Known, compare
from runs_assets_tests.contract.truth import truth_of
from runs_assets_tests.project import ALL, Project, days_between

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

SOURCES = ("cloudcruise", "productsup")
DAYS = 31
STOPPED_SECONDS = 20.0
"""For which object storage does not answer."""
PATIENCE = 300.0
"""For what takes a minute on two quiet cores."""
STATE = "runs_assets/state"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Cluster:
    """What the tests do with the processes, the API and the files."""

    deployed: Deployment
    sandbox: Sandbox
    project: Project
    stack: ExitStack
    days: list[date]
    ways: dict[str, FaultyWay] = field(default_factory=dict)

    @property
    def page(self) -> Page:
        return Page(self.deployed.page)

    def history(self, source: str) -> LiveHistory:
        platform = self.sandbox.cloudcruise if source == "cloudcruise" else self.sandbox.productsup
        assert isinstance(platform.history, LiveHistory)
        return platform.history

    def start_worker(self, name: str, hold: Hold | None = None, queue: str = "dagster") -> Process:
        """A worker with a way of its own to object storage."""
        self.ways[name] = way = self.stack.enter_context(faulty_way(self.deployed.objects.port))
        way.hold = hold
        return self.deployed.start("worker", name, queue, **ObjectServer(way.port).environment)

    def is_stored(self, source: str, day: date) -> bool:
        return self.project.layout.day_file(RAW_RUNS, source, day).is_stored()

    def fail_a_run(self, source: str, day: date) -> None:
        """A run of a day fails after all."""
        history = self.history(source)
        history.fail(next(row for row in history.visible(utc_now()) if row.created_at.date() == day))

    def wait_while_it_lives(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait, while runs begin and end."""

        def once() -> bool:
            for history in map(self.history, SOURCES):
                for row in filter(history.is_open, history.visible(utc_now())):
                    history.fail(row)
                history.begin()
            return is_so()

        wait_until(once, what, PATIENCE, every=2.0)

    def stop_object_storage(self) -> None:
        """It stands still for a while."""
        process = self.deployed.objects.process
        assert process is not None
        process.send(signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        process.send(signal.SIGCONT)

    def are_backfills_over(self) -> bool:
        return not set(self.page.backfills().values()) & {"REQUESTED", "CANCELING", "FAILING"}

    def is_at_rest(self) -> bool:
        """Whether no worker has a run, and none is said to be at work."""
        if any(run.is_launched for run in self.page.runs()):
            return False
        with Celery(broker=self.deployed.broker) as app:
            active = app.control.inspect([f"celery@{name}" for name in self.ways], timeout=5).active() or {}
        return len(active) == len(self.ways) and not any(active.values())

    def wait_for_the_newest(self) -> None:
        """Have today read once more, and wait until the sensor has had it judged.

        The API stands still, so that all is then as it has it.
        """
        since = utc_now()
        for source in SOURCES:
            for day in self.newest_days:
                self.page.materialize(source, day)
        wait_until(partial(self.is_read_after, since), "today is read again", PATIENCE, every=2.0)
        wait_until(lambda: self.judged_until() > since, "it is judged again", PATIENCE, every=2.0)

    @property
    def newest_days(self) -> list[date]:
        """Those since the backfilled ones."""
        return days_between(self.days[-1] + timedelta(days=1), utc_now().date())

    def is_read_after(self, instant: datetime) -> bool:
        """Whether the tables of the newest days follow from readings that began after an instant."""
        return all(self.read_at(source, day) > instant for source in SOURCES for day in self.newest_days)

    def read_at(self, source: str, day: date) -> datetime:
        """When the reading began that a day's last table follows from; long ago if there is none."""
        if not self.project.layout.day_file(ALL[-1], source, day).is_stored():
            return LONG_AGO
        return datetime.fromisoformat(self.project.metadata(ALL[-1], source, day)["read_started_at"])

    def succeeded(self) -> set[str]:
        """The ids of the runs that ended well."""
        return {run.run_id for run in self.page.runs() if run.status == "SUCCESS"}

    def wait_for_backfills(self) -> None:
        """Until all are over; each must have ended well."""
        wait_until(self.are_backfills_over, "the backfills are over", PATIENCE, every=2.0)
        assert set(self.page.backfills().values()) == {"COMPLETED_SUCCESS"}

    def is_stopped(self, daemon: Process) -> bool:
        """Stop the daemon, unless it has yet to launch the run of a day, which Dagster would show as under way."""
        daemon.send(signal.SIGSTOP)
        if any(run.is_waiting and PARTITION in run.tags for run in self.page.runs()):
            daemon.send(signal.SIGCONT)
            return False
        return True

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """No run is stuck, and no other begins."""
        daemon = self.deployed.running["daemon"]
        wait_until(partial(self.is_stopped, daemon), "no day waits for its run", PATIENCE, every=2.0)
        try:
            wait_until(self.is_at_rest, "no run is stuck", PATIENCE, every=2.0)
            yield
        finally:
            daemon.send(signal.SIGCONT)

    def check_files(self) -> None:
        """Every day holds what the API has, each run once, and so do the tables that follow."""
        assert {source: self.differences(source) for source in SOURCES} == dict.fromkeys(SOURCES, Difference())

    def differences(self, source: str) -> Difference:
        """How the files differ from what the API has, over all days."""
        truth, known = truth_of(self.sandbox, source), Known()
        known.learn(truth)
        days = days_between(self.days[0], utc_now().date())
        return compare(self.project, source, days, truth, truth, known)

    def judged_until(self) -> datetime:
        """Up to when all sources were read when they were judged."""
        until: dict[str, datetime] = {row["source"]: row["source_read_until"] for row in self.health()}
        return min(until.get(source, LONG_AGO) for source in SOURCES)

    def health(self) -> list[dict[str, Any]]:
        content = self.project.layout.verdict_file("pipeline_health").content()
        return pq.read_table(BytesIO(content)).to_pylist() if content else []

    def check_verdicts(self) -> None:
        """A pipeline has one verdict, which counts its runs once; and nothing was judged twice."""
        health = {(row["source"], row["pipeline_id"]): row for row in self.health()}
        assert len(health) == len(self.health())
        for source in SOURCES:
            runs = [run for run in truth_of(self.sandbox, source).runs.values() if not run["dry_run"]]
            for pipeline in {run["pipeline_id"] for run in runs}:
                row = health[source, pipeline]
                until = row["source_read_until"]
                ended = [
                    run
                    for run in runs
                    if run["pipeline_id"] == pipeline
                    and run["status"] in {"failed", "succeeded"}
                    and until - timedelta(days=28) < run["finished_at"] <= until
                ]
                failed = sum(run["status"] == "failed" for run in ended)
                assert (row["decided_28d"], row["failed_28d"]) == (len(ended), failed), (source, pipeline)
        refreshes = [run for run in self.page.runs() if run.job == REFRESH_VERDICTS and run.status == "SUCCESS"]
        assert set(Counter(run.tags[STATE] for run in refreshes).values()) == {1}

    def check_history(self) -> None:
        """Dagster shows each day of each asset as materialized, and no other state."""
        for source in SOURCES:
            for asset in ALL:
                found = self.page.days_of(source, asset)
                assert found == {**found, "numFailed": 0, "numMaterializing": 0}
                assert found["numMaterialized"] == found["numPartitions"], (source, asset)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yesterday = utc_now().date() - timedelta(days=1)
    days = days_between(yesterday - timedelta(days=DAYS - 1), yesterday)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        sandbox = stack.enter_context(live_sandbox())
        settings = {
            **settings_of(sandbox),
            "RUNS_ASSETS_FIRST_DAY": str(days[0]),
            "RUNS_ASSETS_TODAY_EVERY_MINUTES": "1",
        }
        deployed = stack.enter_context(deployment(tmp_path_factory.mktemp("cluster") / "own", settings))
        for name, value in deployed.objects.environment.items():
            patch.setenv(name, value)
        layout = Layout(deployed.settings["RUNS_ASSETS_DATA"])
        project = Project(sandbox, layout, stack.enter_context(dg.DagsterInstance.ephemeral()))
        yield Cluster(deployed, sandbox, project, stack, days)


def test_a_month_is_right_whatever_happens_while_it_is_read(cluster: Cluster) -> None:
    page, middle = cluster.page, cluster.days[DAYS // 2]
    killed, frozen = (Hold(f"date={middle}/part-0.jsonl") for _ in range(2))
    first, second = cluster.start_worker("worker-1", killed), cluster.start_worker("worker-2", frozen)
    for source in SOURCES:
        page.backfill(source, cluster.days)
    cluster.deployed.start("daemon")

    cluster.wait_while_it_lives(lambda: killed.reached.is_set() and frozen.reached.is_set(), "both are at work")
    first.kill()
    killed.release(carry_out=False)
    second.send(signal.SIGSTOP)
    source = next(source for source in SOURCES if f"source={source}/" in frozen.path)
    cluster.fail_a_run(source, middle)

    cluster.start_worker("worker-1")  # a container that is started again has the same name
    way = cluster.ways["worker-1"]
    cluster.wait_while_it_lives(lambda: len(way.asked) > 20, "the worker goes on")
    cluster.stop_object_storage()
    cluster.wait_while_it_lives(lambda: cluster.is_stored(source, middle), "the lease is taken over")
    second.send(signal.SIGCONT)
    frozen.release(carry_out=True)
    cluster.wait_while_it_lives(cluster.are_backfills_over, "the backfills are over")
    cluster.wait_for_backfills()
    cluster.wait_while_it_lives(partial(cluster.is_read_after, LONG_AGO), "the sensors have had today read")
    cluster.wait_for_the_newest()
    with cluster.at_rest():
        cluster.check_files()
        cluster.check_verdicts()
        cluster.check_history()


def test_of_readers_of_one_day_at_once_the_latest_wins(cluster: Cluster) -> None:
    source, day = SOURCES[0], cluster.days[3]
    cluster.start_worker("worker-3", queue="apart")
    readers = [Hold(f"source={source}/date={day}/part-0.jsonl") for _ in range(3)]
    for name, reader in zip(("worker-1", "worker-2", "worker-3"), readers, strict=True):
        cluster.ways[name].hold = reader
    runs = {cluster.page.materialize(source, day, queue) for queue in ("dagster", "dagster", "apart")}
    came: list[Hold] = []

    def has_one_more_come() -> bool:
        came.extend(one for one in readers if one.reached.is_set() and one not in came)
        return len(came) == wanted

    for wanted in range(1, len(readers) + 1):
        wait_until(has_one_more_come, f"reader {wanted} writes", PATIENCE)
        if wanted < len(readers):
            cluster.fail_a_run(source, day)
            cluster.project.layout.lock_file(source).remove()
    stored = cluster.project.layout.day_file(RAW_RUNS, source, day)
    before = stored.version()
    came[-1].release(carry_out=True)
    wait_until(lambda: stored.version() != before, "the last reader writes")
    for reader in came[:-1]:
        reader.release(carry_out=True)
    wait_until(lambda: cluster.succeeded() >= runs, "all readers are done", PATIENCE, every=2.0)
    with cluster.at_rest():
        cluster.check_files()
