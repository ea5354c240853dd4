"""When the tables over all days are built again, for which sources, and what becomes of the run."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.instance.ref import InstanceRef
from dagster._core.test_utils import freeze_time

from runs_assets.accounts import SOURCES
from runs_assets.automation.sensors import WAIT_AFTER_FAILURE, due_refresh
from runs_assets.automation.switches import IS_TEMPORARY, TEMPORARY_HOME_PREFIX
from runs_assets.cli import main
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.definitions import definitions_of
from runs_assets.instance.project import Project as OurProject
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import REFRESH_VERDICTS
from runs_assets.report import charts
from runs_assets.report.published import PAGE
from runs_assets.resources import DataFolder
from runs_assets.sandbox import FixedHistory
from runs_assets.settings import project_settings
from runs_assets.storage.layout import ALL_SOURCES, RUNS_REPORT
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.refresh import Judge
from runs_assets.verdicts.tables import VERDICT_TABLES, load_verdicts
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk, unreadable
from runs_assets_tests.project import Project, StoppedClock
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE, PRODUCTSUP_EXAMPLE

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
HEALTH = dg.AssetKey(PIPELINE_HEALTH.name)
UP_TO_DATE = "The tables are up to date."


@pytest.fixture(autouse=True)
def _some_runs(project: Project) -> None:
    """One run of each source, yesterday and the day before."""
    days = (YESTERDAY, YESTERDAY - timedelta(days=1))
    project.sandbox.cloudcruise.history = FixedHistory.of(
        {**CLOUDCRUISE_EXAMPLE[0], "session_id": f"c{day}", "created_at": f"{day}T10:00:00Z"} for day in days
    )
    project.sandbox.productsup.history = FixedHistory.of(
        {**PRODUCTSUP_EXAMPLE[0], "id": f"p{day}", "created-at": f"{day}T10:00:00+00:00"} for day in days
    )


def asked(project: Project, *, later: timedelta = timedelta(0)) -> str:
    """The sources whose rows a tick asks for, the one asset that it asks for, or why it asks for none."""
    request = due_refresh(OurProject(SOURCES), Judge.of(project_settings()), Records(project.instance, NOW + later))
    if isinstance(request, str):
        return request
    selected = [asset.to_user_string() for asset in request.asset_selection or ()]
    return ",".join(selected) or request.tags["runs_assets/sources"]


def refresh(project: Project) -> dg.ExecuteInProcessResult:
    """What a tick asks for, done."""
    request = due_refresh(OurProject(SOURCES), Judge.of(project_settings()), Records(project.instance, NOW))
    assert isinstance(request, dg.RunRequest), request
    job = definitions_of(SOURCES, StoppedClock(at=NOW.isoformat())).resolve_job_def(REFRESH_VERDICTS)
    return job.execute_in_process(instance=project.instance, tags=request.tags, raise_on_error=False)


def health(project: Project) -> set[tuple[str, str]]:
    """The sources and the last runs in the table that people read."""
    rows = load_verdicts(project.layout, PIPELINE_HEALTH.name).to_pylist()
    return {(row["source"], str(row["last_run_at"].date())) for row in rows}


def read_both(project: Project, first: date = YESTERDAY, last: date | None = None) -> None:
    for source in SOURCES:
        assert project.materialize(source.name, first, last).success


def test_nothing_is_asked_for_before_anything_is_stored(project: Project) -> None:
    assert asked(project) == UP_TO_DATE


def test_a_range_of_days_is_judged_once_and_each_table_is_an_asset(project: Project) -> None:
    read_both(project, YESTERDAY - timedelta(days=30), YESTERDAY)
    assert asked(project) == "cloudcruise,productsup"
    result = refresh(project)
    assert result.success
    assert asked(project) == UP_TO_DATE
    materialized = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}  # type: ignore[union-attr]
    assert materialized == {*(table.name for table in VERDICT_TABLES), RUNS_REPORT}
    assert health(project) == {("cloudcruise", str(YESTERDAY)), ("productsup", str(YESTERDAY))}
    names = {path.name for path in folder_of(project.layout).iterdir() if (path / "part-0.parquet").is_file()}
    assert names == {table.name for table in VERDICT_TABLES}


def test_only_the_source_that_was_read_again_is_judged_again(project: Project) -> None:
    read_both(project)
    assert refresh(project).success
    before = load_verdicts(project.layout, PIPELINE_HEALTH.name).to_pylist()
    assert project.materialize("productsup", TODAY).success
    assert asked(project) == "productsup"
    assert refresh(project).success
    after = load_verdicts(project.layout, PIPELINE_HEALTH.name).to_pylist()
    assert [row for row in after if row["source"] == "cloudcruise"] == [
        row for row in before if row["source"] == "cloudcruise"
    ]
    assert {row["source_read_until"] for row in after if row["source"] == "productsup"} == {NOW}


@contextmanager
def a_run_at_work(project: Project) -> Iterator[None]:
    """A run of CloudCruise that has started and not ended."""
    run = started_run(project, "cloudcruise_daily")
    yield
    project.instance.delete_run(run.run_id)


def started_run(project: Project, job: str) -> dg.DagsterRun:
    run = dg.DagsterRun(job, str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
    project.instance.add_run(run)
    with freeze_time(NOW):
        project.instance.report_engine_event("at work", run)
    return run


def test_a_source_that_is_being_read_waits_and_the_other_does_not(project: Project) -> None:
    read_both(project)
    waiting = "cloudcruise: waiting until its days are written."
    with a_run_at_work(project):
        assert asked(project) == "productsup"
        assert refresh(project).success
        assert asked(project) == waiting
        assert asked(project, later=timedelta(minutes=6)) == "cloudcruise"  # a run that says nothing was killed
    with project.layout.lock_file("cloudcruise").held("cloudcruise"):
        assert asked(project) == waiting
    assert asked(project) == "cloudcruise"


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")
def test_days_of_a_backfill_are_judged_at_its_end(project: Project) -> None:
    read_both(project)
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="b",
        asset_graph=definitions_of(SOURCES).resolve_asset_graph(),
        partition_names=[str(YESTERDAY)],
        asset_selection=[dg.AssetKey(["cloudcruise", FAILURE_RATES.name])],
        backfill_timestamp=NOW.timestamp(),
        tags={},
        dynamic_partitions_store=project.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    project.instance.add_backfill(backfill)
    assert asked(project) == "productsup"
    project.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED))
    assert asked(project) == "cloudcruise,productsup"


def test_a_damaged_file_keeps_the_former_rows_of_its_source_alone_and_is_tried_once(project: Project) -> None:
    read_both(project)
    assert refresh(project).success
    read_both(project, TODAY)
    on_disk(project.layout.day_file(FAILURE_RATES.name, "cloudcruise", YESTERDAY)).write_bytes(b"damaged")
    result = refresh(project)
    assert not result.success
    said = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert said is not None
    assert said.description is not None
    assert said.description.startswith(
        "Some rows were not rebuilt and are those of the last refresh. cloudcruise: The file "
    )
    [event] = [event for event in result.get_asset_materialization_events() if event.asset_key == HEALTH]
    if charts.are_available():
        shown = str(event.materialization.metadata["chart"].value)
        assert shown.startswith("It cannot be drawn. The file ")
    assert {
        row["source"]: row["source_read_until"]
        for row in load_verdicts(project.layout, PIPELINE_HEALTH.name).to_pylist()
    } == {
        "cloudcruise": NOW.replace(hour=0),
        "productsup": NOW,
    }
    assert asked(project) == RUNS_REPORT
    assert project.materialize("cloudcruise", YESTERDAY).success
    assert refresh(project).success


def test_a_source_whose_folder_cannot_be_read_stops_no_other(project: Project) -> None:
    read_both(project)
    assert refresh(project).success
    read_both(project, TODAY)
    project.layout.ledger_file("cloudcruise").remove()
    with unreadable(folder_of(project.layout) / FAILURE_RATES.name / "source=cloudcruise"):
        assert asked(project) == "cloudcruise,productsup"
        result = refresh(project)
    said = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert said is not None
    assert "those of the last refresh. cloudcruise: Could not read " in (said.description or "")
    read_until = {
        row["source"]: row["source_read_until"]
        for row in load_verdicts(project.layout, PIPELINE_HEALTH.name).to_pylist()
    }
    assert read_until == {"cloudcruise": NOW.replace(hour=0), "productsup": NOW}
    assert asked(project) == "cloudcruise"


def test_what_fails_is_tried_again_later_or_with_other_files(project: Project) -> None:
    read_both(project)
    scratch = project.layout.scratch(ALL_SOURCES)
    scratch.parent.mkdir(exist_ok=True)
    scratch.write_bytes(b"no folder")
    assert not refresh(project).success
    ended_at = project.instance.get_run_records(limit=1)[0].end_time
    assert ended_at is not None
    wait = timedelta(seconds=ended_at - NOW.timestamp()) + WAIT_AFTER_FAILURE
    assert asked(project, later=wait - timedelta(seconds=1)).startswith(
        "Building the tables failed. They are built again at "
    )
    assert asked(project, later=wait) == "cloudcruise,productsup"
    assert project.materialize("productsup", TODAY).success
    assert asked(project) == "cloudcruise,productsup"


def test_a_report_that_is_older_than_the_tables_is_asked_for_alone_and_once(project: Project) -> None:
    read_both(project)
    assert refresh(project).success
    assert asked(project) == UP_TO_DATE
    assert main(["refresh", "--offline"]) == 0
    built = project.layout.verdict_file(PIPELINE_HEALTH.name).version()
    request = due_refresh(OurProject(SOURCES), Judge.of(project_settings()), Records(project.instance, NOW))
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == f"runs_report:{built}"
    job = definitions_of(SOURCES, StoppedClock(at=NOW.isoformat())).resolve_job_def(REFRESH_VERDICTS)
    result = job.execute_in_process(instance=project.instance, asset_selection=[dg.AssetKey(RUNS_REPORT)])
    assert {event.step_key for event in result.get_step_success_events()} == {RUNS_REPORT}
    assert asked(project) == UP_TO_DATE
    on_disk(project.layout.report_file(PAGE)).unlink()
    assert asked(project) == RUNS_REPORT


def test_one_run_at_a_time(project: Project) -> None:
    read_both(project)
    run = started_run(project, REFRESH_VERDICTS)
    assert asked(project) == f"The tables are being built by run {run.run_id}."


def test_a_changed_window_or_watch_file_is_a_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read_both(project)
    assert refresh(project).success
    watch = tmp_path / "watch.toml"
    watch.write_text('[[expectations]]\npipeline = "x"\nevery = "1d"\ngrace = "1h"\n')
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", str(watch))
    assert asked(project) == "cloudcruise,productsup"
    monkeypatch.delenv("RUNS_ASSETS_WATCH_FILE")
    assert asked(project) == UP_TO_DATE
    monkeypatch.setenv("RUNS_ASSETS_WINDOW_DAYS", "60")
    assert asked(project) == "cloudcruise,productsup"


def evaluated(home: Path) -> str | None:
    """What the sensor says when it asks for nothing."""
    home.mkdir()
    definitions = definitions_of(SOURCES)
    with (
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance,
        dg.build_sensor_context(
            instance,
            repository_def=definitions.get_repository_def(),
            resources={"data_folder": DataFolder(), "clock": StoppedClock(at=NOW.isoformat())},
        ) as context,
    ):
        return definitions.resolve_sensor_def("outdated_verdicts").evaluate_tick(context).skip_message


@pytest.mark.usefixtures("project")
def test_a_tick_without_anything_to_do_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluated(tmp_path / "home") == UP_TO_DATE
    assert evaluated(tmp_path / f"{TEMPORARY_HOME_PREFIX}x") == IS_TEMPORARY
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", str(tmp_path / "nowhere.toml"))
    said = evaluated(tmp_path / "another")
    assert said is not None
    assert "nowhere.toml (RUNS_ASSETS_WATCH_FILE) is invalid" in said


@pytest.mark.parametrize("home", ["", "/somewhere"])
def test_it_is_on_where_history_is_kept(home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setenv("DAGSTER_HOME", home)
    sensor = definitions_of(SOURCES).resolve_sensor_def("outdated_verdicts")
    assert (sensor.default_status == dg.DefaultSensorStatus.RUNNING) == bool(home)
    assert sensor.minimum_interval_seconds == 30
