"""The schedule of the job that judges a source's days: when it asks, when it is on."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from runs_assets.accounts import SOURCES
from runs_assets.automation.switches import IS_TEMPORARY, TEMPORARY_HOME_PREFIX
from runs_assets.definitions import definitions_of

MORNING = datetime(2026, 3, 18, 5, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CLOUDCRUISE_API_KEY", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)


def schedule() -> dg.ScheduleDefinition:
    found = definitions_of(SOURCES).resolve_schedule_def("cloudcruise_checks_schedule")
    assert isinstance(found, dg.ScheduleDefinition)
    return found


def tick(home: Path) -> dg.RunRequest | str:
    """What it asks for at MORNING, or why it does not."""
    home.mkdir()
    repository = definitions_of(SOURCES).get_repository_def()
    with (
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance,
        dg.build_schedule_context(instance, scheduled_execution_time=MORNING, repository_def=repository) as context,
    ):
        data = schedule().evaluate_tick(context)
    if data.skip_message:
        return data.skip_message
    [request] = data.run_requests or []
    return request


def test_every_morning_it_asks_for_one_run_without_days(tmp_path: Path) -> None:
    request = tick(tmp_path / "home")
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "cloudcruise_checks:2026-03-18"
    assert request.partition_key is None
    assert (schedule().cron_schedule, schedule().execution_timezone) == ("30 5 * * *", "UTC")
    assert schedule().job_name == "cloudcruise_checks"


def test_on_a_temporary_instance_it_skips_with_the_reason(tmp_path: Path) -> None:
    assert tick(tmp_path / f"{TEMPORARY_HOME_PREFIX}x") == IS_TEMPORARY


@pytest.mark.parametrize(
    ("variables", "is_on"),
    [
        ({"CLOUDCRUISE_API_KEY": "k", "DAGSTER_HOME": "/somewhere"}, True),
        ({"CLOUDCRUISE_API_KEY": "k"}, False),
        ({"DAGSTER_HOME": "/somewhere"}, False),
    ],
)
def test_it_is_on_where_the_daily_schedule_is(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_on: bool
) -> None:
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (schedule().default_status == dg.DefaultScheduleStatus.RUNNING) is is_on
