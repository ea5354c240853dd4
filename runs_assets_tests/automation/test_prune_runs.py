"""Which runs are deleted from Dagster's history, what goes with them, and what must stay."""

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.instance.ref import InstanceRef
from dagster._core.test_utils import freeze_time

import runs_assets_tests
from runs_assets.accounts import SOURCES
from runs_assets.automation import jobs as deletion
from runs_assets.automation.jobs import What, delete_superseded, prune_job, prune_schedule, superseded_runs
from runs_assets.automation.switches import IS_TEMPORARY, TEMPORARY_HOME_PREFIX
from runs_assets.instance.project import Project
from runs_assets.instance.run_records import ENDED
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import ProjectSettings
from runs_assets_tests.cluster.databases import postgres

DAGSTER_YAML = Path(runs_assets_tests.__file__).parents[1] / "dagster.yaml"
KEEP_DAYS = ProjectSettings.model_fields["history_days"].default
START = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
PARTITIONS = dg.DailyPartitionsDefinition("2025-01-01")
PROJECT = Project([replace(SOURCES[0], name="s")])
RAW, RATES = dg.AssetKey(["s", "raw_runs"]), dg.AssetKey(["s", "failure_rates"])
X, Y, Z = "2025-01-01", "2025-01-02", "2025-01-03"
CHECK = dg.AssetCheckKey(RAW, "holds")


def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    for key in context.partition_keys:
        context.add_asset_metadata({"by": context.run.run_id}, partition_key=key)
    return dg.MaterializeResult()


@dg.asset(key=RAW, partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    return materialize(context)


@dg.asset(key=RATES, deps=[RAW], partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def rates(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    return materialize(context)


@dg.asset_check(asset=RAW)
def holds() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


DEFS = dg.Definitions(
    assets=[raw, rates],
    asset_checks=[holds],
    jobs=[
        dg.define_asset_job("s_daily", selection=dg.AssetSelection.assets(RAW, RATES)),
        prune_job(PROJECT, KEEP_DAYS),
    ],
    resources={"data_folder": DataFolder(), "clock": Clock()},
    executor=dg.in_process_executor,
)


@dataclass
class History:
    """A Dagster instance, and runs in it that ended so many days after START."""

    instance: dg.DagsterInstance
    files_of_a_run: int

    def run(self, day: float, first: str, last: str) -> str:
        """A real run of the daily job for the partitions from `first` to `last`; returns its id."""
        keys = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        with freeze_time(START + timedelta(days=day)):
            job = DEFS.resolve_job_def("s_daily")
            return job.execute_in_process(instance=self.instance, tags=keys).run_id

    def made(
        self, day: float, raw: Sequence[str] = (), rates: Sequence[str] = (), checks: Sequence[str | None] = ()
    ) -> str:
        """A run that left just materializations of these partitions, and evaluations of the check for `checks`."""
        run_id = self.add(day)
        materialized = [*((RAW, key) for key in raw), *((RATES, key) for key in rates)]
        for asset, key in materialized:
            made = dg.AssetMaterialization(asset, partition=key, metadata={"by": run_id})
            self.event(run_id, DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(made))
        for partition in checks:
            evaluation = AssetCheckEvaluation(RAW, CHECK.name, passed=False, metadata={}, partition=partition)
            self.event(run_id, DagsterEventType.ASSET_CHECK_EVALUATION, evaluation)
        return run_id

    def event(self, run_id: str, kind: DagsterEventType, data: Any) -> None:
        self.instance.report_dagster_event(DagsterEvent(kind.value, "s_daily", event_specific_data=data), run_id)

    def prune(self, day: float, label: str | None = None) -> int:
        """Delete what ended more than seven days before `day`; returns how many runs that were."""
        project, checks = replace(PROJECT, label=label), PROJECT.checks_in(DEFS.get_repository_def())
        return delete_superseded(self.instance, project, checks, START + timedelta(days=day - KEEP_DAYS))[0]

    def add(self, day: float, job_name: str = "s_daily", **options: Any) -> str:
        """A run that left no event; successful unless said otherwise."""
        run = dg.DagsterRun(job_name, str(uuid.uuid4()), **{"status": dg.DagsterRunStatus.SUCCESS, **options})
        with freeze_time(START + timedelta(days=day)):
            self.instance.add_run(run)
            self.instance.add_run_tags(run.run_id, {})  # stamps the time of its last change
        return run.run_id

    def has(self, *run_ids: str) -> list[bool]:
        return [self.instance.has_run(run_id) for run_id in run_ids]

    def files(self, run_id: str) -> list[Path]:
        """Every file or folder that bears the run's id."""
        return list(Path(self.instance.root_directory).rglob(f"{run_id}*"))

    def is_logged(self, run_id: str) -> bool:
        """Whether anything is left of a run's log; SQLite keeps it in a file of the run's own."""
        is_in_a_file = self.files_of_a_run == 2
        return bool(self.files(run_id) if is_in_a_file else self.instance.all_logs(run_id))

    def newest(self) -> Mapping[tuple[dg.AssetKey, str], Any]:
        """Who made each partition last, as Dagster shows it."""
        found = {}
        for asset in (RAW, RATES):
            for key in self.instance.get_materialized_partitions(asset):
                wanted = dg.AssetRecordsFilter(asset, asset_partitions=[key])
                [record] = self.instance.fetch_materializations(wanted, limit=1).records
                assert record.asset_materialization
                found[asset, key] = record.asset_materialization.metadata["by"].value
        return found

    def evaluations(self) -> set[str]:
        """The ids of the runs of which Dagster knows an evaluation of the check."""
        storage = self.instance.event_log_storage
        return {record.run_id for record in storage.get_asset_check_execution_history(CHECK, limit=1000)}


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Dagster has made its databases, which takes it half a second."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(DAGSTER_YAML, home)
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))):
        return home


@pytest.fixture(scope="module")
def postgres_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with postgres(tmp_path_factory.mktemp("postgres") / "log") as port:
        yield port


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.cluster)])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    home = tmp_path / "home"
    shutil.copytree(request.getfixturevalue("empty_home"), home)
    in_a_folder = InstanceRef.from_dir(str(home))
    if request.param == "sqlite":
        with dg.DagsterInstance.from_ref(in_a_folder) as instance:
            yield History(instance, files_of_a_run=2)
        return
    url = f"postgresql+psycopg2://dagster@127.0.0.1:{request.getfixturevalue('postgres_port')}/dagster"
    settings = {"storage": {"postgres": {"postgres_url": url}}}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=settings)) as instance:
        yield History(instance, files_of_a_run=1)
        instance.wipe()


A, B, C = dg.AssetKey("a"), dg.AssetKey("b"), dg.AssetCheckKey(dg.AssetKey("a"), "c")


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([], ["1", "2", "3"]),
        ([((A, "x"), "3"), ((A, "x"), "1")], ["1", "2"]),
        ([((A, "x"), "3"), ((A, "y"), "1"), ((A, "x"), "1")], ["2"]),
        ([((A, "x"), "3"), ((A, "x"), "2"), ((B, "x"), "2"), ((B, "x"), "1")], ["1"]),
        ([((A, None), "9"), ((A, None), "2"), ((C, None), "3"), ((C, None), "1")], ["1", "2"]),
    ],
)
def test_a_run_is_superseded_if_it_holds_no_newest_record(
    newest_first: list[tuple[What, str]], expected: list[str]
) -> None:
    assert list(superseded_runs(["1", "2", "3"], newest_first)) == expected


def test_a_superseded_run_goes_with_all_that_it_wrote_and_no_day_changes(history: History) -> None:
    old, other, new = history.run(0, X, X), history.run(0, Y, Z), history.run(1, X, Y)
    assert len(history.files(old)) == history.files_of_a_run
    assert history.is_logged(old)
    before = history.newest()
    assert history.prune(8.5) == 1
    assert history.has(old, other, new) == [False, True, True]
    assert history.newest() == before
    assert before == {(asset, day): run for asset in (RAW, RATES) for day, run in ((X, new), (Y, new), (Z, other))}
    assert history.files(old) == []
    assert len(history.files(new)) == history.files_of_a_run
    assert not history.is_logged(old)
    assert history.evaluations() == {other, new}


def test_the_job_deletes_and_says_what_was_deleted(history: History) -> None:
    old, new = (history.made(day, [X]) for day in (0, 1))
    job = ReconstructableRepository.for_file(__file__, "DEFS").get_reconstructable_job("prune_runs")
    with dg.execute_job(job, history.instance) as result:
        said = [entry.user_message for entry in history.instance.all_logs(result.run_id)]
    assert history.has(old, new) == [False, True]
    assert any(line.startswith("Deleted 1 superseded runs that ended more than 7 days ago: 0.") for line in said)


def test_the_newest_run_of_a_day_stays_however_old_it_is(history: History) -> None:
    run = history.made(0, raw=[X], rates=[X])
    history.prune(365)
    assert history.has(run) == [True]


def test_a_run_of_which_one_asset_is_still_newest_stays(history: History) -> None:
    whole, half, last = history.made(0, [X], [X]), history.made(1, [X]), history.made(2, [X])
    history.prune(20)
    assert history.has(whole, half, last) == [True, False, True]


def test_a_range_run_stays_until_its_last_day_is_superseded(history: History) -> None:
    whole, most = history.made(0, [X, Y, Z], [X, Y, Z]), history.made(1, [X, Y, Z], [X, Z])
    assert history.prune(20) == 0
    assert history.newest()[RATES, Y] == whole
    late = history.made(21, rates=[Y])
    history.prune(22)
    assert history.has(whole, most, late) == [False, True, True]
    assert history.newest() == {(RAW, day): most for day in (X, Y, Z)} | {
        (RATES, X): most,
        (RATES, Y): late,
        (RATES, Z): most,
    }


def test_a_run_with_the_newest_evaluation_of_a_check_stays(history: History) -> None:
    first, second, bare = history.made(0, [X], checks=[None]), history.made(1, [X], checks=[None]), history.made(2, [X])
    history.prune(20)
    assert history.has(first, second, bare) == [False, True, True]
    assert history.evaluations() == {second}


def test_runs_without_a_materialization_go_and_recent_ones_stay(history: History) -> None:
    failed, recent = (history.add(day, status=dg.DagsterRunStatus.FAILURE) for day in (0, 5))
    canceled = history.add(0, status=dg.DagsterRunStatus.CANCELED)
    history.prune(8)
    assert history.has(failed, canceled, recent) == [False, False, True]


def test_the_age_of_a_run_counts_from_its_end(history: History) -> None:
    run = history.add(0)
    with freeze_time(START + timedelta(days=5)):
        history.instance.add_run_tags(run, {"still": "at work"})
    history.prune(8)
    assert history.has(run) == [True]
    history.prune(12.5)
    assert history.has(run) == [False]


def test_an_unfinished_run_stays(history: History) -> None:
    queued = dg.DagsterRunStatus.QUEUED  # cannot be made up, and is in ENDED as little as the others
    unfinished = set(dg.DagsterRunStatus) - {*ENDED, queued}
    assert dg.DagsterRunStatus.STARTED in unfinished
    assert queued not in ENDED
    runs = [history.add(0, status=status) for status in unfinished]
    assert history.prune(20) == 0
    assert all(history.has(*runs))


def test_runs_that_are_not_this_projects_stay(history: History) -> None:
    foreign = frozenset({RAW, dg.AssetKey("theirs")})
    theirs = [
        history.add(0, "their_job"),
        history.add(0, tags={".dagster/repository": "__repository__@theirs"}),
        history.add(0, "__ASSET_JOB"),
        history.add(0, "__ASSET_JOB", asset_selection=foreign),
        history.add(0, asset_selection=foreign),
        history.add(0, asset_check_selection=frozenset({dg.AssetCheckKey(dg.AssetKey("theirs"), "c")})),
    ]
    ours = [
        history.add(0, "__ASSET_JOB", asset_selection=frozenset({RAW})),
        history.add(0, tags={".dagster/repository": "__repository__@ours"}),
    ]
    history.prune(20, "__repository__@ours")
    assert history.has(*theirs, *ours) == [True] * 6 + [False] * 2


def test_of_many_the_oldest_go_first_and_its_own_runs_are_no_exception(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MAX_RUNS", 3)
    monkeypatch.setattr(deletion, "PAGE_ROWS", 2)
    kept = history.made(0, [X])
    runs = [history.add(0.1 * number, "prune_runs") for number in range(5)]
    assert history.prune(8) == 3
    assert history.has(kept, *runs) == [True, False, False, False, True, True]
    assert history.prune(8) == 2
    assert history.has(kept, *runs) == [True] + [False] * 5


def test_pages_of_records_are_all_read(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "PAGE_ROWS", 1)
    runs = [history.made(number, [day], checks=[day]) for number, day in enumerate((X, Y, X, Y))]
    bare = history.made(5, [X, Y])
    history.prune(20)
    assert history.has(*runs, bare) == [False, False, True, True, True]


def schedule() -> dg.ScheduleDefinition:
    return prune_schedule(PROJECT.names, prune_job(PROJECT, KEEP_DAYS))


@pytest.mark.parametrize(("home", "is_on"), [("/somewhere", True), ("", False)])
def test_it_is_on_where_history_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str, is_on: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setenv("DAGSTER_HOME", home)
    assert (schedule().default_status == dg.DefaultScheduleStatus.RUNNING) is is_on
    assert (IS_TEMPORARY in (schedule().description or "")) is not is_on


@pytest.mark.parametrize("is_temporary", [True, False])
def test_it_asks_once_a_day_unless_the_instance_is_temporary(
    empty_home: Path, tmp_path: Path, is_temporary: bool
) -> None:
    home = tmp_path / (f"{TEMPORARY_HOME_PREFIX}x" if is_temporary else "home")
    shutil.copytree(empty_home, home)
    with (
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance,
        dg.build_schedule_context(instance, scheduled_execution_time=START) as context,
    ):
        data = schedule().evaluate_tick(context)
    assert data.skip_message == (IS_TEMPORARY if is_temporary else None)
    assert len(data.run_requests or []) == (0 if is_temporary else 1)


def test_runs_are_kept_for_as_long_as_the_sensors_look_back() -> None:
    prune_job(PROJECT, keep_days=2)
    with pytest.raises(ValueError, match="cannot be deleted 1 days after their end: the sensors look back for 2 days"):
        prune_job(PROJECT, keep_days=1)
