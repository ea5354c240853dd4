"""The nightly schedule: which days it asks for, when it is on, when it waits."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from runs_assets.accounts import SOURCES
from runs_assets.automation.switches import IS_TEMPORARY, TEMPORARY_HOME_PREFIX
from runs_assets.definitions import definitions_of
from runs_assets.resources import Clock, DataFolder
from runs_assets.storage.layout import Layout
from runs_assets_tests.project import StoppedClock

MIDNIGHT = datetime(2026, 3, 18, 0, 15, tzinfo=UTC)
CONFIGURED = {"CLOUDCRUISE_API_KEY": "k", "DAGSTER_HOME": "/somewhere"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CLOUDCRUISE_API_KEY", "PRODUCTSUP_CDE_BASE_URL", "PRODUCTSUP_CDE_TOKEN", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data"))


def schedule(name: str = "cloudcruise_daily_schedule") -> dg.ScheduleDefinition:
    found = definitions_of(SOURCES).resolve_schedule_def(name)
    assert isinstance(found, dg.ScheduleDefinition)
    return found


def tick(instance: dg.DagsterInstance, clock: Clock | None = None) -> dg.RunRequest | str:
    """What the schedule asks for at MIDNIGHT, or why it does not."""
    defs = definitions_of(SOURCES)
    with dg.build_schedule_context(
        instance,
        scheduled_execution_time=MIDNIGHT,
        repository_def=defs.get_repository_def(),
        resources={"data_folder": DataFolder(), "clock": clock or Clock()},
    ) as context:
        data = defs.resolve_schedule_def("cloudcruise_daily_schedule").evaluate_tick(context)
    if data.skip_message:
        return data.skip_message
    [request] = data.run_requests or []
    return request


@contextmanager
def instance_at(folder: Path) -> Iterator[dg.DagsterInstance]:
    folder.mkdir()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
        yield instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_at(tmp_path / "home") as instance:
        yield instance


def unfinished_run(instance: dg.DagsterInstance, job_name: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name=job_name, run_id=str(uuid.uuid4()), status=status)
    return instance.add_run(run)


def test_at_a_quarter_past_midnight_it_asks_for_three_days_in_one_run(instance: dg.DagsterInstance) -> None:
    request = tick(instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-15"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-17"
    assert (schedule().cron_schedule, schedule().execution_timezone) == ("15 0 * * *", "UTC")


def test_it_asks_for_no_day_before_the_first(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-03-17")
    request = tick(instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-17"
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-03-18")
    assert tick(instance) == "The first day to be kept, 2026-03-18, is not over yet."


@pytest.mark.parametrize(
    ("variables", "is_on", "says"),
    [
        (CONFIGURED, True, "read again in one run."),
        ({"DAGSTER_HOME": "/somewhere"}, False, "Off until CLOUDCRUISE_API_KEY are set."),
        ({**CONFIGURED, "CLOUDCRUISE_API_KEY": ""}, False, "Off until CLOUDCRUISE_API_KEY are set."),
        ({"CLOUDCRUISE_API_KEY": "k", "DAGSTER_IS_DEV_CLI": "1"}, False, "DAGSTER_HOME is not set"),
        ({**CONFIGURED, "DAGSTER_IS_DEV_CLI": "1"}, True, "read again in one run."),
        # a code server in a container of its own
        ({"CLOUDCRUISE_API_KEY": "k"}, True, "read again in one run."),
    ],
)
def test_it_is_on_only_where_it_can_work_and_says_why_not(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_on: bool, says: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (schedule().default_status == dg.DefaultScheduleStatus.RUNNING) is is_on
    assert says in (schedule().description or "")


def test_the_names_may_stand_in_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLOUDCRUISE_API_KEY=k\nDAGSTER_HOME=/somewhere\n")
    assert schedule().default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule("productsup_daily_schedule").default_status == dg.DefaultScheduleStatus.STOPPED


def test_on_a_temporary_instance_it_skips_with_the_reason(tmp_path: Path) -> None:
    with instance_at(tmp_path / f"{TEMPORARY_HOME_PREFIX}x") as instance:
        assert tick(instance) == IS_TEMPORARY


def test_the_prefix_of_temporary_homes_is_still_dagsters() -> None:
    from dagster._cli.utils import TMP_DAGSTER_HOME_PREFIX  # noqa: PLC0415  (private: only this test may look)

    assert TMP_DAGSTER_HOME_PREFIX == TEMPORARY_HOME_PREFIX


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ],
)
def test_it_waits_for_a_run_of_the_source(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run = unfinished_run(instance, "cloudcruise_daily", status)
    assert tick(instance) == f"cloudcruise is being read by run {run.run_id}; the sensor asks for the rest."


def test_it_does_not_wait_for_another_source_or_a_finished_run(instance: dg.DagsterInstance) -> None:
    unfinished_run(instance, "productsup_daily", dg.DagsterRunStatus.STARTED)
    unfinished_run(instance, "cloudcruise_daily", dg.DagsterRunStatus.SUCCESS)
    assert isinstance(tick(instance), dg.RunRequest)


def test_a_killed_run_holds_the_source_for_five_minutes_and_a_live_one_as_long_as_it_writes(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = unfinished_run(instance, "cloudcruise_daily", dg.DagsterRunStatus.STARTED)
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    soon, later = (StoppedClock(at=str(record.create_timestamp + timedelta(seconds=by))) for by in (299, 301))
    assert "is being read" in str(tick(instance, soon))
    assert isinstance(tick(instance, later), dg.RunRequest)
    with Layout(tmp_path / "data").lock_file("cloudcruise").held("cloudcruise"):
        assert "is being read" in str(tick(instance, later))


@pytest.mark.parametrize(("source", "waits"), [("cloudcruise", True), ("productsup", False)])
def test_it_waits_for_a_run_that_was_started_from_an_assets_page(
    instance: dg.DagsterInstance, source: str, waits: bool
) -> None:
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        run_id=str(uuid.uuid4()),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey([source, "raw_runs"])}),
    )
    instance.add_run(run)
    assert ("is being read" in str(tick(instance))) is waits
