"""What the verdicts show in Dagster: what is wrong first, and a check that fails with it."""

from datetime import timedelta
from typing import Any

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_tags import REFRESH_VERDICTS
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, StoppedClock
from runs_assets_tests.verdicts.storing import runs_table, store_runs


def judged(project: Project, status: str) -> tuple[dg.AssetCheckEvaluation, list[dict[str, Any]]]:
    """The check, and the rows of what is wrong, after ten hourly runs of one pipeline with this status."""
    created = [NOW - timedelta(hours=hour) for hour in range(1, 11)]
    columns = {"run_id": [f"r{hour:02}" for hour in range(1, 11)], "pipeline_id": ["p"] * 10, "status": [status] * 10}
    for day in {one.date() for one in created}:
        of_day = [place for place, one in enumerate(created) if one.date() == day]
        chosen = {name: [values[place] for place in of_day] for name, values in columns.items()}
        times = [created[place] for place in of_day]
        runs = runs_table({**chosen, "created_at": times, "finished_at": times})
        store_runs(project.layout, "cloudcruise", day, runs, NOW, settled=False)
    job = definitions_of(SOURCES, StoppedClock(at=NOW.isoformat())).resolve_job_def(REFRESH_VERDICTS)
    result = job.execute_in_process(instance=project.instance)
    [check] = result.get_asset_check_evaluations()
    [shown] = (
        event.materialization.metadata["what is wrong now"]
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("pipeline_health")
    )
    assert isinstance(shown, dg.TableMetadataValue)
    return check, [dict(record.data) for record in shown.records]


def test_a_pipeline_that_does_not_work_fails_the_check_and_comes_first(project: Project) -> None:
    check, [row] = judged(project, "failed")
    assert (check.check_name, check.passed, check.severity) == (
        "no_pipeline_is_down",
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert check.description == "1 pipeline or source does not work."
    assert (row["state"], row["pipeline"], row["source"]) == ("down", "p", "cloudcruise")
    assert (row["24 h"], row["why"].split(":")[0], row["failed run"]) == ("100 %", "10 failures in a row", "r01")


def test_where_all_is_well_the_check_passes_and_nothing_is_shown(project: Project) -> None:
    check, rows = judged(project, "succeeded")
    assert (check.passed, check.metadata, rows) == (True, {}, [])
