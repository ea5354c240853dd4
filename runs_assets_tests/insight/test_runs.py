"""Which runs are found, and what is not known of the days that are asked for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.insight.runs import RunsQuery, find_runs, unknown_parts
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.reasons.details_files import KnownDetails, PipelineErrors, store_details, store_error_groups
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.sources.source import Source
from runs_assets.status import RunStatus
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage
from runs_assets.watch_entries import About
from runs_assets.watch_file import WatchFile
from runs_assets_tests.storage.tables_of_days import store_table
from runs_assets_tests.verdicts.cases import at
from runs_assets_tests.verdicts.storing import runs_table, store_runs

CLOUDCRUISE, PRODUCTSUP = SOURCES
TUESDAY, WEDNESDAY = at(3, 17).date(), at(3, 18).date()
NOW = at(3, 18, 12)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Tuesday read whole, Wednesday until noon, of two pipelines; a run is called by its hour."""
    layout = Layout(tmp_path)
    tuesday = [("t09", "a", "failed", 9, None), ("t10", "a", "succeeded", 10, None), ("t23", "b", "failed", 23, None)]
    wednesday = [("w01", "a", "failed", 1, None), ("w02", "a", "failed", 2, True), ("w03", None, "running", 3, None)]
    for day, rows, read_at in ((TUESDAY, tuesday, at(3, 18, 3)), (WEDNESDAY, wednesday, NOW)):
        ids, pipelines, statuses, hours, dry = zip(*rows, strict=True)
        created = [at(day.month, day.day, hour) for hour in hours]
        columns: dict[str, Any] = {"run_id": ids, "pipeline_id": pipelines, "status": statuses, "dry_run": dry}
        finished = [
            None if status == "running" else one + timedelta(minutes=5)
            for one, status in zip(created, statuses, strict=True)
        ]
        runs = runs_table({**columns, "created_at": created, "finished_at": finished})
        store_runs(layout, "cloudcruise", day, runs, read_at, settled=False)
    store_details(layout, "cloudcruise", KnownDetails(names={"a": "invoice-download"}))
    return layout


def found(layout: Layout, **query: Any) -> list[str]:
    asked = RunsQuery(**{"since": at(3, 16, 0), "until": NOW, **query})
    return [run.run_id for run in find_runs(layout, WatchFile(), CLOUDCRUISE, asked)]


def test_all_runs_are_found_the_newest_first_without_dry_ones(layout: Layout) -> None:
    assert found(layout) == ["w03", "w01", "t23", "t10", "t09"]


def test_a_period_begins_with_its_first_instant_and_ends_before_its_last(layout: Layout) -> None:
    assert found(layout, since=at(3, 17, 10), until=at(3, 18, 1)) == ["t23", "t10"]
    assert found(layout, since=at(3, 17, 23), until=at(3, 18, 0)) == ["t23"]


def test_they_are_chosen_by_status_pipeline_name_and_id(layout: Layout) -> None:
    assert found(layout, status=RunStatus.FAILED) == ["w01", "t23", "t09"]
    assert found(layout, wanted=About(pipeline="invoice-*").covers) == ["w01", "t10", "t09"]
    assert found(layout, wanted=About(pipeline="b").covers, status=RunStatus.FAILED) == ["t23"]
    assert found(layout, wanted=About(pipeline="c").covers) == []


def test_a_failed_run_has_the_reason_that_the_platform_names_for_it(layout: Layout) -> None:
    group = ErrorGroup(code="LOGIN_FAILED", category="credentials", sub_type=None, runs=1, run_ids=("t09",))
    store_error_groups(layout, "cloudcruise", TUESDAY, {"a": PipelineErrors("a", 1, NOW, (group,))})
    assert CLOUDCRUISE.explanations.error is not None
    expected = CLOUDCRUISE.explanations.error(group)
    runs = find_runs(layout, WatchFile(), CLOUDCRUISE, RunsQuery(since=at(3, 17, 0), until=at(3, 18, 0)))
    assert {run.run_id: (run.reason, run.attribution) for run in runs} == {
        "t09": ("LOGIN_FAILED", expected.attribution.value),
        "t10": (None, None),
        "t23": ("not known", "unknown"),
    }
    assert found(layout, reason="LOGIN_FAILED") == ["t09"]
    assert found(layout, reason="nothing") == []


def test_a_run_says_what_is_known_of_it(layout: Layout) -> None:
    watch = WatchFile.model_validate({"links": {"cloudcruise": "https://app.example/{run_id}"}})
    [run] = find_runs(layout, watch, CLOUDCRUISE, RunsQuery(since=at(3, 18, 1), until=at(3, 18, 2)))
    assert (run.source, run.pipeline, run.pipeline_id) == ("cloudcruise", "invoice-download", "a")
    assert (run.created_at, run.finished_at, run.duration_seconds) == (at(3, 18, 1), at(3, 18, 1, 5), 300)
    assert run.run_url == "https://app.example/w01"


def test_a_day_that_a_reading_after_its_end_did_not_see_whole_is_not_known(tmp_path: Path) -> None:
    layout, read = Layout(tmp_path), Read("r", at(3, 18, 3))
    store_table(layout, "runs", "cloudcruise", TUESDAY, RUNS_SCHEMA.empty_table(), Lineage(read, 0, False, "1"))
    query = RunsQuery(since=at(3, 17, 0), until=at(3, 18, 0))
    assert list(unknown_parts(layout, "cloudcruise", query, NOW)) == ["2026-03-17 not read whole"]


def test_what_is_not_known_of_the_days_is_said(layout: Layout) -> None:
    def unknown(since: Any, until: Any, source: Source = CLOUDCRUISE) -> list[str]:
        return list(unknown_parts(layout, source.name, RunsQuery(since=since, until=until), at(3, 18, 15)))

    assert unknown(at(3, 17), at(3, 18, 12)) == []
    assert unknown(at(3, 17), at(3, 18, 13)) == ["2026-03-18 known until 2026-03-18 12:00 UTC"]
    assert unknown(at(3, 17), at(3, 25)) == ["2026-03-18 known until 2026-03-18 12:00 UTC"]
    assert unknown(at(3, 16), at(3, 18)) == ["not stored: 2026-03-16"]
    assert unknown(at(3, 10), at(3, 18, 13)) == [
        "not stored: 2026-03-10..2026-03-16",
        "2026-03-18 known until 2026-03-18 12:00 UTC",
    ]
    assert unknown(at(3, 10), at(3, 18), PRODUCTSUP) == []
