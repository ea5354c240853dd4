"""What Dagster's page shows of the pipelines: what is wrong first, and a check that turns red with it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_tags import REFRESH_VERDICTS
from runs_assets.sandbox import FixedHistory
from runs_assets_tests.conftest import NOW
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
    assert row["since"] == f"{YESTERDAY} 10:20 UTC"  # the first of the failures ended at 10:20:30
    assert row["24 h"] == "31 %"  # 9 of 29
    assert row["failed run"] == "ill-28"
    found = check(result)
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert found.description == "1 pipeline or source does not work."
    assert found.metadata.keys() == {"broken"}


def test_where_nothing_is_down_there_is_no_row_and_the_check_passes(project: Project) -> None:
    result = judged(project, {"well": ["success"] * 30})
    assert wrong(result) == []
    found = check(result)
    assert (found.passed, found.description) == (True, "0 pipelines or sources do not work.")
