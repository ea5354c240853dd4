"""The project beside others in one code location, and two copies of it under different names."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.instance.ref import InstanceRef

from runs_assets.accounts import SOURCES
from runs_assets.alerts.memory import Memory, MemoryFile
from runs_assets.automation.jobs import delete_superseded
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.definitions import definitions_of
from runs_assets.instance.project import Project as Copy
from runs_assets.instance.run_records import is_about
from runs_assets.instance.run_tags import RANGE_START
from runs_assets.names import Names
from runs_assets.sandbox import FixedHistory
from runs_assets.storage.layout import RAW_RUNS, RUNS_REPORT
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.alerts.receiver import receiving
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.project import Project, StoppedClock
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
CLOCK = StoppedClock(at=NOW.isoformat())
PLAIN = Copy(SOURCES)
OURS = Copy([replace(source, names=Names("ours")) for source in SOURCES], Names("ours"))
FAILURE = dg.DagsterRunStatus.FAILURE
DAILY = {RAW_RUNS, *(table.name for table in DAILY_TABLES)}
VERDICTS = {*(table.name for table in VERDICT_TABLES), RUNS_REPORT}


@dg.asset(key="outages")
def their_outages() -> None: ...


@dg.asset(key=["cloudcruise", "invoices"])
def their_invoices() -> None: ...


THEIRS = dg.Definitions(
    assets=[their_invoices],
    jobs=[dg.define_asset_job("nightly", selection=dg.AssetSelection.assets(their_invoices))],
    resources={"their_clock": CLOCK},
)


@pytest.fixture
def location(project: Project, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    """Both copies, on the same files, beside assets and a job of others."""
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(YESTERDAY))
    project.sandbox.cloudcruise.history = FixedHistory.of(
        [{**CLOUDCRUISE_EXAMPLE[0], "created_at": f"{YESTERDAY}T10:00:00Z"}]
    )
    return dg.Definitions.merge(definitions_of(SOURCES, CLOCK), definitions_of(SOURCES, CLOCK, prefix="ours"), THEIRS)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        yield instance


def evaluated(location: dg.Definitions, instance: dg.DagsterInstance, sensor: str) -> SensorExecutionData:
    repository = location.get_repository_def()
    resources = repository.get_top_level_resources()
    with dg.build_sensor_context(instance, repository_def=repository, resources=resources) as context:
        return location.resolve_sensor_def(sensor).evaluate_tick(context)


def execute(location: dg.Definitions, instance: dg.DagsterInstance, job: str, **tags: str) -> dg.ExecuteInProcessResult:
    return location.resolve_job_def(job).execute_in_process(instance=instance, tags=tags)


def names_of(location: dg.Definitions) -> set[str]:
    repository = location.get_repository_def()
    schedules = {schedule.name for schedule in repository.schedule_defs}
    sensors = {sensor.name for sensor in repository.sensor_defs}
    return schedules.union(sensors, repository.job_names, repository.get_top_level_resources())


@pytest.mark.usefixtures("project")
def test_everything_has_the_prefix_and_nothing_else_changes() -> None:
    plain, ours = definitions_of(SOURCES), definitions_of(SOURCES, prefix="ours")
    kept = {"__ASSET_JOB"}
    assert names_of(ours) - kept == {f"ours_{name}" for name in names_of(plain) - kept}
    assert {"cloudcruise_daily", "alerts", "prune_runs_schedule", "clock", "productsup"} < names_of(plain)
    groups = {spec.key.to_user_string(): spec.group_name for spec in plain.resolve_all_asset_specs()}
    assert {spec.key.to_user_string(): spec.group_name for spec in ours.resolve_all_asset_specs()} == {
        f"ours/{key}": f"ours_{group}" for key, group in groups.items()
    }
    assert set(groups) == VERDICTS | {f"{source.name}/{name}" for source in SOURCES for name in DAILY}


@pytest.mark.parametrize("copy", [PLAIN, OURS])
@pytest.mark.usefixtures("project")
def test_a_copy_knows_what_is_its_own(copy: Copy) -> None:
    repository = definitions_of(SOURCES, prefix=copy.names.prefix).get_repository_def()
    assert set(copy.jobs) == set(repository.job_names)
    assert copy.assets == repository.asset_graph.get_all_asset_keys()
    assert set(copy.checks_in(repository)) == repository.asset_graph.asset_check_keys


def test_the_own_definitions_of_others_may_be_called_as_ours() -> None:
    others = dg.Definitions(
        assets=[their_outages],
        jobs=[dg.define_asset_job("refresh_verdicts", selection=dg.AssetSelection.assets(their_outages))],
        resources={"clock": "theirs", "data_folder": "theirs", "cloudcruise": "theirs"},
        executor=dg.multiprocess_executor,
    )
    location = dg.Definitions.merge(others, definitions_of(SOURCES, prefix="ours"))
    dg.Definitions.validate_loadable(location)
    keys = {key.to_user_string() for key in location.resolve_all_asset_keys()}
    assert {"outages", "ours/outages"} < keys


def test_a_day_goes_through_both_copies_to_the_same_files(
    project: Project, location: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    for prefix, steps in (("", "cloudcruise__"), ("ours_", "ours__cloudcruise__")):
        result = execute(location, instance, f"{prefix}cloudcruise_daily", **{"dagster/partition": str(YESTERDAY)})
        assert {f"{steps}{name}" for name in DAILY} < {event.step_key for event in result.get_step_success_events()}
        assert len(result.get_asset_check_evaluations()) == 9
        assert execute(location, instance, f"{prefix}refresh_verdicts").success
        assert execute(location, instance, f"{prefix}cloudcruise_checks").success
    assert instance.get_materialized_partitions(dg.AssetKey(["ours", "cloudcruise", "runs"])) == {str(YESTERDAY)}
    assert instance.get_latest_materialization_event(dg.AssetKey(["ours", "pipeline_health"]))
    assert {path.name for path in folder_of(project.layout).iterdir() if "ours" in path.name} == set()
    assert len(project.table("runs", "cloudcruise", YESTERDAY)) == 1


def test_the_sensors_of_a_copy_ask_for_its_own_and_wait_for_its_own(
    location: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    [asked] = evaluated(location, instance, "ours_cloudcruise_unsettled_days").run_requests or []
    assert asked.tags["runs_assets/why"] == "it was never read"
    at_work = dg.DagsterRun("ours_cloudcruise_daily", str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(at_work)
    assert f"by run {at_work.run_id}" in str(
        evaluated(location, instance, "ours_cloudcruise_unsettled_days").skip_message
    )
    assert evaluated(location, instance, "cloudcruise_unsettled_days").run_requests
    instance.delete_run(at_work.run_id)
    execute(location, instance, "cloudcruise_daily", **{"dagster/partition": str(YESTERDAY)})
    for prefix in ("", "ours_"):
        assert evaluated(location, instance, f"{prefix}outdated_verdicts").run_requests
        jobs = {"outdated_verdicts": "refresh_verdicts", "cloudcruise_unsettled_days": "cloudcruise_daily"}
        for sensor, job in jobs.items():
            assert location.resolve_sensor_def(f"{prefix}{sensor}").job_name == f"{prefix}{job}"
    # Yesterday is stored, and was recorded under the names of one copy alone.
    for sensor, first in (("cloudcruise_unsettled_days", TODAY), ("ours_cloudcruise_unsettled_days", YESTERDAY)):
        [asked] = evaluated(location, instance, sensor).run_requests or []
        assert asked.tags[RANGE_START] == str(first)


def test_failures_are_told_by_the_copy_whose_they_are(
    project: Project, location: dg.Definitions, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    MemoryFile(project.layout).save(Memory(welcomed_at=NOW), NOW)
    for job in ("nightly", "ours_prune_runs"):
        instance.add_run(dg.DagsterRun(job, str(uuid.uuid4()), status=FAILURE))
    for key in (["ours", "outages"], ["cloudcruise", "invoices"]):
        selected = frozenset({dg.AssetKey(key)})
        instance.add_run(dg.DagsterRun("__ASSET_JOB", str(uuid.uuid4()), status=FAILURE, asset_selection=selected))
    with receiving() as receiver:
        monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
        assert evaluated(location, instance, "alerts").skip_message == "Nothing new."
        told = evaluated(location, instance, "ours_alerts").skip_message or ""
    assert "FAILED ours_prune_runs at" in told
    assert "FAILED ours_refresh_verdicts at" in told
    assert "nightly" not in told


@pytest.mark.parametrize(
    ("key", "copies"),
    [
        (["cloudcruise", "runs"], [PLAIN]),
        (["ours", "cloudcruise", "runs"], [OURS]),
        (["cloudcruise", "invoices"], []),
        (["ours", "runs"], []),
    ],
)
def test_a_run_from_an_asset_page_is_about_the_copy_whose_asset_it_is(key: list[str], copies: list[Copy]) -> None:
    run = dg.DagsterRun("__ASSET_JOB", str(uuid.uuid4()), asset_selection=frozenset({dg.AssetKey(key)}))
    assert [copy for copy in (PLAIN, OURS) if is_about(run, copy.sources[0])] == copies
    assert [copy for copy in (PLAIN, OURS) if copy.has(run)] == copies


def test_old_runs_are_deleted_by_the_copy_whose_they_are(
    location: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    jobs = ("cloudcruise_checks", "ours_cloudcruise_checks", "ours_refresh_verdicts", "nightly")
    runs = [instance.add_run(dg.DagsterRun(job, str(uuid.uuid4()), status=FAILURE)).run_id for job in jobs]
    for run_id in runs:
        instance.add_run_tags(run_id, {})  # stamps the time of its last change
    checks = OURS.checks_in(location.get_repository_def())
    assert {check.asset_key.path[0] for check in checks} == {"ours"}
    assert delete_superseded(instance, OURS, checks, datetime.now(UTC) + timedelta(days=1))[0] == 2
    assert [instance.has_run(run_id) for run_id in runs] == [True, False, False, True]
