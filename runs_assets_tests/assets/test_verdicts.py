"""What Dagster's page shows of the pipelines: what is wrong first, and a check that turns red with it."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_tags import REFRESH_VERDICTS
from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.report import charts
from runs_assets.sandbox import FixedHistory
from runs_assets.storage.layout import RUNS_REPORT
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.project import Project, StoppedClock
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

YESTERDAY = NOW.date() - timedelta(days=1)
HEALTH = dg.AssetKey("pipeline_health")


def judged(project: Project, statuses: Mapping[str, list[str]]) -> dg.ExecuteInProcessResult:
    """Read a day with a run a minute of each workflow, in this order, and judge it."""
    rows = [
        {
            **CLOUDCRUISE_EXAMPLE[0],
            "session_id": f"{workflow}-{n}",
            "workflow_id": workflow,
            "status": f"execution.{status}",
            "created_at": f"{YESTERDAY}T10:{n:02}:00Z",
            "execution_start": f"{YESTERDAY}T10:{n:02}:00Z",
            "execution_end": f"{YESTERDAY}T10:{n:02}:30Z",
        }
        for workflow, words in statuses.items()
        for n, status in enumerate(words)
    ]
    project.sandbox.cloudcruise.history = FixedHistory.of(rows)
    assert project.materialize("cloudcruise", YESTERDAY).success
    job = definitions_of(SOURCES, StoppedClock(at=NOW.isoformat())).resolve_job_def(REFRESH_VERDICTS)
    result = job.execute_in_process(instance=project.instance)
    assert result.success
    return result


def wrong(result: dg.ExecuteInProcessResult) -> list[Mapping[str, Any]]:
    """The first thing that the newest materialization of `pipeline_health` shows."""
    [event] = [event for event in result.get_asset_materialization_events() if event.asset_key == HEALTH]
    metadata = event.materialization.metadata
    assert next(iter(metadata)) == "what is wrong now"
    table = metadata["what is wrong now"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(table.schema.columns) <= 8
    return [record.data for record in table.records]


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    [found] = [one for one in result.get_asset_check_evaluations() if one.check_name == "no_pipeline_is_down"]
    return found


def test_what_is_down_comes_first_and_turns_the_check_red(project: Project) -> None:
    result = judged(project, {"well": ["success"] * 30, "ill": ["success"] * 20 + ["failed"] * 9})
    [row] = wrong(result)
    assert (row["state"], row["pipeline"], row["source"]) == ("down", "ill", "cloudcruise")
    assert row["since (UTC)"] == f"{YESTERDAY} 10:20"  # the first of the failures ended at 10:20:30
    assert (
        row["24 h (usual)"] == "31\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}(-)"
    )  # 9 of 29; nothing is known of the days before
    assert row["failed run"] == "ill-28"
    found = check(result)
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    assert found.description == "1 pipeline or source does not work."
    assert found.metadata.keys() == {"broken"}


def test_a_pipeline_that_is_down_fails_no_run_and_stops_no_asset(project: Project) -> None:
    result = judged(project, {"ill": ["success"] * 20 + ["failed"] * 9})
    assert not check(result).passed
    ran = project.instance.get_run_by_id(result.run_id)
    assert ran
    assert ran.status == dg.DagsterRunStatus.SUCCESS
    assert dg.AssetKey(RUNS_REPORT) in {event.asset_key for event in result.get_asset_materialization_events()}


def test_where_nothing_is_down_there_is_no_row_and_the_check_passes(project: Project) -> None:
    result = judged(project, {"well": ["success"] * 30})
    assert wrong(result) == []
    found = check(result)
    assert (found.passed, found.description) == (True, "0 pipelines or sources do not work.")


def previews(result: dg.ExecuteInProcessResult) -> Mapping[str, dg.TableMetadataValue]:
    """The previews of a run's materializations, by the last part of their keys."""
    found = {}
    for event in result.get_asset_materialization_events():
        shown = event.materialization.metadata.get("preview")
        if isinstance(shown, dg.TableMetadataValue):
            found[event.materialization.asset_key.path[-1]] = shown
    return found


def test_previews_begin_with_what_the_platform_calls_a_pipeline_and_end_with_its_id(project: Project) -> None:
    store_details(project.layout, "cloudcruise", KnownDetails(names={"ill": "Invoice download"}))
    shown = previews(judged(project, {"ill": ["success"] * 20 + ["failed"] * 9}))
    outage = shown["outages"].records[0].data
    assert (next(iter(outage)), outage["pipeline"]) == ("pipeline", "Invoice download")
    assert (list(outage)[-1], outage["pipeline_id"]) == ("pipeline_id", "ill")
    assert outage["failing_since"] == f"{YESTERDAY} 10:20"
    trend = next(record.data for record in shown["failure_trends"].records if record.data["period"] == "day")
    assert trend["failure_rate"] == "31.0 %"  # 9 of 29 is 0.3103
    assert {record.data["pipeline"] for record in shown["failure_trends"].records} == {
        "Invoice download",
        "(all pipelines)",
    }


def test_a_pipeline_is_called_the_same_in_every_answer(project: Project) -> None:
    store_details(project.layout, "cloudcruise", KnownDetails(names={"ill": "Invoice download"}))
    [row] = wrong(judged(project, {"ill": ["success"] * 20 + ["failed"] * 9}))
    assert row["pipeline"] == "Invoice download"


def test_column_descriptions_do_not_come_before_what_the_rows_say(project: Project) -> None:
    """Dagster shows `dagster/column_schema` above all metadata."""
    repository = definitions_of(project.sources).get_repository_def()
    spec = repository.asset_graph.get(HEALTH)
    assert "dagster/column_schema" not in spec.metadata
    assert len(spec.metadata["columns"].columns) == len(PIPELINE_HEALTH.schema)


def policies(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Mapping[str, dg.FreshnessPolicy | None]:
    """By the assets' keys."""
    for name, value in settings.items():
        monkeypatch.setenv(f"RUNS_ASSETS_{name}", value)
    graph = definitions_of(SOURCES).get_repository_def().asset_graph
    return {"/".join(key.path): graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}


@pytest.mark.parametrize(
    ("settings", "warns", "fails"),
    [
        ({}, timedelta(hours=2), timedelta(hours=6)),
        ({"TODAY_EVERY_MINUTES": "15", "UNREAD_AFTER_HOURS": "1"}, timedelta(minutes=30), timedelta(hours=1)),
        ({"TODAY_EVERY_MINUTES": "600"}, None, timedelta(hours=20)),
        ({"TODAY_EVERY_MINUTES": "0.1", "UNREAD_AFTER_HOURS": "0.001"}, None, timedelta(minutes=1)),
    ],
)
def test_verdicts_are_fresh_for_as_long_as_a_source_counts_as_read(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], warns: timedelta | None, fails: timedelta
) -> None:
    found = policies(monkeypatch, **settings)
    policy = dg.FreshnessPolicy.time_window(fail_window=fails, warn_window=warns)
    assert {key for key in found if found[key] == policy} == {*(table.name for table in VERDICT_TABLES), RUNS_REPORT}
    assert {key for key in found if found[key] is None} == {key for key in found if "/" in key}


def test_a_window_that_cannot_be_used_stops_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(policies(monkeypatch, UNREAD_AFTER_HOURS="soon").values()) == {None}


def shown(result: dg.ExecuteInProcessResult) -> Mapping[str, Any]:
    """The metadata of the materialization of `pipeline_health`."""
    [event] = [event for event in result.get_asset_materialization_events() if event.asset_key == HEALTH]
    return event.materialization.metadata


@pytest.mark.skipif(not charts.are_available(), reason="the extra `charts` is not installed")
def test_below_what_is_wrong_is_a_chart_and_then_the_report(project: Project) -> None:
    found = shown(judged(project, {"well": ["success"] * 30}))
    assert list(found)[:4] == ["what is wrong now", "chart", "report", "report file"]
    start, picture = found["chart"].value.removesuffix(")").split("base64,")
    assert start == "![Failure rate and runs by day, 28 days](data:image/svg+xml;"
    drawn = b64decode(picture).decode()
    assert drawn.startswith("<svg")
    assert "cloudcruise" in drawn


def test_without_what_draws_charts_there_is_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "are_available", lambda: False)
    found = shown(judged(project, {"well": ["success"] * 30}))
    assert list(found)[:3] == ["what is wrong now", "report", "report file"]
    assert found["report"].asset_key == dg.AssetKey(RUNS_REPORT)
    page = folder_of(project.layout) / "runs_report" / "index.html"
    assert found["report file"].value == str(page)
    assert page.read_bytes().startswith(b"<!")
