"""The checks as part of the runs that materialize: after the assets, once a run, on all days, blocking nothing."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.automation.sensors import run_request
from runs_assets.checks.catalog import CHECKS as ALL_CHECKS
from runs_assets.daily.tables import code_versions
from runs_assets.days import DayRange
from runs_assets.sandbox import FixedHistory
from runs_assets.settling.due import Request, Work
from runs_assets_tests.checks.stored import FIRST, TODAY, YESTERDAY, Stored, flip_a_byte, numbers, run
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.project import ALL, Project

OTHER = TODAY - timedelta(days=3)
CHECKS = {(data_set, check.__name__) for data_set, check in ALL_CHECKS}


@pytest.fixture(autouse=True)
def _first_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(FIRST))


def serve(project: Project, *rows: dict[str, str | None]) -> None:
    project.sandbox.cloudcruise.history = FixedHistory.of(rows)


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {verdict.check_name: verdict for verdict in result.get_asset_check_evaluations()}


def judged(result: dg.ExecuteInProcessResult) -> set[tuple[str, str]]:
    return {(verdict.asset_key.path[-1], verdict.check_name) for verdict in result.get_asset_check_evaluations()}


def materialized(result: dg.ExecuteInProcessResult, day: date) -> Sequence[str]:
    return [
        event.asset_key.path[-1]
        for event in result.get_asset_materialization_events()
        if event.asset_key and event.partition == str(day)
    ]


def test_a_range_run_judges_each_fact_once_after_every_asset(project: Project) -> None:
    serve(project, run("a", FIRST), run("b", TODAY))
    result = project.materialize("cloudcruise", FIRST, TODAY)
    assert result.success
    assert len(result.get_asset_check_evaluations()) == len(CHECKS) == 9
    assert judged(result) == CHECKS
    assert all(verdict.passed for verdict in verdicts(result).values())
    assert all(numbers(verdict)["days"] == 9 for verdict in verdicts(result).values())
    assert all(numbers(verdict)["runs"] == 2 for verdict in verdicts(result).values())
    assert numbers(verdicts(result)["metrics_follow_the_newest_read"])["days_being_read"] == 0  # by others
    key = dg.AssetCheckKey(project.asset_key("cloudcruise", "runs"), "every_status_is_known")
    shown = project.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert (shown.status.value, shown.partition) == ("SUCCEEDED", None)  # not what was planned for one of the days
    kinds = [event.event_type for event in result.all_events]
    last_stored = max(at for at, kind in enumerate(kinds) if kind == dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert last_stored < kinds.index(dg.DagsterEventType.ASSET_CHECK_EVALUATION)


def test_a_failing_day_stays_failed_when_another_is_materialized_and_stops_nothing(project: Project) -> None:
    serve(project, run("a", OTHER, "strange"), run("b", YESTERDAY))
    result = project.materialize("cloudcruise", OTHER)
    assert not verdicts(result)["every_status_is_known"].passed
    flip_a_byte(on_disk(project.layout.day_file("raw_runs", "cloudcruise", OTHER)), 20)
    result = project.materialize("cloudcruise", YESTERDAY)
    assert result.success
    assert set(materialized(result, YESTERDAY)) == set(ALL)
    found = verdicts(result)
    assert numbers(found["every_status_is_known"])["unknown_statuses"] == 1
    assert found["days_in_reach_are_stored"].severity == dg.AssetCheckSeverity.ERROR
    assert numbers(found["days_in_reach_are_stored"])["damaged_files"] == 1


def test_a_rebuild_that_the_sensor_asks_for_is_judged_on_what_it_builds(project: Project) -> None:
    serve(project, run("a", YESTERDAY))
    assert project.materialize("cloudcruise", YESTERDAY, assets=["raw_runs"]).success
    request = run_request(
        SOURCES[0], Request(DayRange(YESTERDAY, YESTERDAY), Work.REBUILD, "why"), code_versions(SOURCES[0]), TODAY
    )
    assert request.asset_check_keys is None  # Dagster then takes every check of the assets selected
    assert request.asset_selection is not None
    rebuilt = [key.path[-1] for key in request.asset_selection]
    result = project.materialize("cloudcruise", YESTERDAY, assets=rebuilt)
    assert judged(result) == {(dataset, name) for dataset, name in CHECKS if dataset != "raw_runs"}
    assert all(verdict.passed for verdict in verdicts(result).values())


def test_the_days_that_another_run_is_at_work_on_are_not_called_behind(project: Project) -> None:
    serve(project, run("a", YESTERDAY), run("b", OTHER))
    for day in (OTHER, YESTERDAY):
        assert project.materialize("cloudcruise", day, assets=["raw_runs"]).success
    other = dg.DagsterRun(
        job_name="cloudcruise_daily", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": str(YESTERDAY)}
    )
    project.instance.add_run(other)
    found = Stored(project.layout, project.instance).judge()["metrics_follow_the_newest_read"]
    assert numbers(found)["days_being_read"] == 1
    assert numbers(found)["days_behind"] == 1
