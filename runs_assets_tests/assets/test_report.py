"""The report as Dagster writes it: after the tables, in the same run."""

from pathlib import Path

import dagster as dg

from runs_assets_tests.assets.test_verdicts import judged
from runs_assets_tests.project import Project
from runs_assets_tests.report.reading import parsed, text_of

REPORT = dg.AssetKey("runs_report")


def test_the_report_is_written_with_the_verdicts_and_dagster_says_where(project: Project) -> None:
    result = judged(project, {"well": ["success"] * 30, "ill": ["success"] * 20 + ["failed"] * 9})
    [event] = [event for event in result.get_asset_materialization_events() if event.asset_key == REPORT]
    metadata = event.materialization.metadata
    page = Path(str(metadata["path"].value))
    assert text_of(parsed(page.read_bytes()).find(".//h1")) == (
        "1 is broken (cloudcruise not read since 2026-03-18 00:00 UTC, productsup not judged)"  # it is noon
    )
    assert metadata["size (kB)"].value == round(page.stat().st_size / 1000)
    assert metadata["as of"].value == "2026-03-18 12:00 UTC"
    assert metadata["what is wrong now"].value == 1
    assert page.parent.name == "runs_report"
    steps = [event.step_key for event in result.get_step_success_events()]
    assert steps.index("verdicts") < steps.index("runs_report")
