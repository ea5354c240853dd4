"""What Dagster's page shows of a day: its numbers, which are plotted by day, and the worst pipelines first."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.sandbox import FixedHistory
from runs_assets_tests.assets.test_verdicts import YESTERDAY
from runs_assets_tests.project import Project
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

SHORT = "443dac0a"
UNNAMED = f"{SHORT}-bbd5-5187-8630-f07f5a4db0c5"


def run(workflow: str, number: int, status: str, seconds: int, *, dry: bool = False) -> dict[str, Any]:
    return {
        **CLOUDCRUISE_EXAMPLE[0],
        "session_id": f"{workflow}-{number}",
        "workflow_id": workflow,
        "status": f"execution.{status}",
        "created_at": f"{YESTERDAY}T10:{number:02}:00Z",
        "execution_start": f"{YESTERDAY}T10:{number:02}:00Z",
        "execution_end": None if status == "start" else f"{YESTERDAY}T10:{number:02}:{seconds:02}Z",
        "dry_run": dry,
    }


def metadata(project: Project, rows: list[dict[str, Any]], name: str) -> Mapping[str, Any]:
    project.sandbox.cloudcruise.history = FixedHistory.of(rows)
    result = project.materialize("cloudcruise", YESTERDAY)
    assert result.success
    events = result.get_asset_materialization_events()
    [event] = [event for event in events if event.materialization.asset_key.path[-1] == name]
    return event.materialization.metadata


def records(shown: Any) -> list[Mapping[str, Any]]:
    assert isinstance(shown, dg.TableMetadataValue)
    return [record.data for record in shown.records]


@pytest.fixture
def rows(project: Project) -> list[dict[str, Any]]:
    """Of a workflow with a name 1 of 4 failed, of one without 2 of 3, and a run is open; a dry run took a minute."""
    store_details(project.layout, "cloudcruise", KnownDetails(names={"w-1": "Invoice download"}))
    named = [run("w-1", n, "success", 10 * n) for n in (1, 2, 3)] + [run("w-1", 4, "failed", 1)]
    unnamed = [run(UNNAMED, 5, "failed", 1), run(UNNAMED, 6, "failed", 1), run(UNNAMED, 7, "success", 40)]
    return [*named, *unnamed, run("w-1", 8, "start", 0), run("w-1", 9, "success", 59, dry=True)]


def test_a_day_of_failure_rates_shows_the_worst_pipelines_first(project: Project, rows: list[dict[str, Any]]) -> None:
    found = metadata(project, rows, "failure_rates")
    worst, other = records(found["preview"])
    assert (worst["pipeline"], worst["failure_rate"], worst["pipeline_id"]) == (SHORT, "66.7 %", SHORT)
    assert (other["pipeline"], other["failure_rate"], other["open"]) == ("Invoice download", "25.0 %", 1)
    assert next(iter(worst)) == "pipeline"
    assert found["preview_rows"].value == "2 of 2"


def test_the_numbers_of_a_day_are_of_all_pipelines_without_dry_runs(
    project: Project, rows: list[dict[str, Any]]
) -> None:
    found = metadata(project, rows, "failure_rates")
    numbers = {name: found[name].value for name in ("failure_rate", "failed", "succeeded", "runs", "open")}
    assert numbers == {"failure_rate": 0.4286, "failed": 3, "succeeded": 4, "runs": 8, "open": 1}  # 3 / 7
    # Of 10, 20, 30 and 40 seconds: 30 + 0.85 * 10, since 0.95 * 3 is 2.85.
    assert found["p95_seconds_of_successes"].value == 38.5
    assert next(iter(found)) == "failure_rate"


def test_status_counts_have_names_too(project: Project, rows: list[dict[str, Any]]) -> None:
    first = records(metadata(project, rows, "run_status_counts")["preview"])[0]
    assert (first["pipeline"], first["runs"]) == ("Invoice download", 3)


def test_a_day_without_runs_has_no_rate_and_no_duration(project: Project) -> None:
    found = metadata(project, [], "failure_rates")
    assert found["runs"].value == 0
    assert not {"failure_rate", "p95_seconds_of_successes"} & found.keys()
    assert found["preview_rows"].value == "0 of 0"
