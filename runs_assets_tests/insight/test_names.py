"""Every view calls a pipeline the same: as its platform does, else after its runs, else by its id."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.alerts.digest import Week, last_week
from runs_assets.assets.recording import preview
from runs_assets.insight.fleet import fleet_of
from runs_assets.insight.names import pipeline_names
from runs_assets.insight.record import find_pipeline, record_of
from runs_assets.insight.runs import RunsQuery, find_runs
from runs_assets.insight.status import VerdictRows, reasons_of, status_of
from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.report.metrics import metrics_of
from runs_assets.report.page import report_page
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.refresh import Judge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.rows import Watching
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.verdicts.cases import READ_UNTIL
from runs_assets_tests.verdicts.storing import runs_table, store_runs

SOURCE = "cloudcruise"
CLOUDCRUISE = next(source for source in SOURCES if source.name == SOURCE)
LISTED, NAMELESS, SHARED = (f"{digit * 8}-0000-4000-8000-000000000001" for digit in "abc")
NAMES = {LISTED: "Invoice download", NAMELESS: "workspace South (bbbbbbbb)", SHARED: "cccccccc"}
WORKSPACES = {"n": "North", "s": "South"}
RAN_IN = {LISTED: "nn", NAMELESS: "ss", SHARED: "ns"}
"""In which of them each run of an hour was."""
DAYS = 3
WATCH = WatchFile()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Each hour two failed runs of each pipeline, judged; the platform lists one of them."""
    layout = Layout(tmp_path_factory.mktemp("data"))
    for back in reversed(range(DAYS)):
        day = READ_UNTIL.date() - timedelta(days=back)
        rows = [
            (f"{pipeline[:2]}-{day}-{hour}-{place}", pipeline, READ_UNTIL - timedelta(days=back, hours=hour + 1), one)
            for hour in range(6)
            for pipeline, workspaces in RAN_IN.items()
            for place, one in enumerate(workspaces)
        ]
        ids, pipelines, created, workspaces = zip(*rows, strict=True)
        columns = {
            "run_id": ids,
            "pipeline_id": pipelines,
            "status": ["failed"] * len(rows),
            "created_at": created,
            "finished_at": [one + timedelta(minutes=1) for one in created],
            "workspace_id": workspaces,
            "workspace_name": [WORKSPACES[one] for one in workspaces],
        }
        store_runs(layout, SOURCE, day, runs_table(columns), READ_UNTIL, settled=back > 0)
    store_details(layout, SOURCE, KnownDetails(names={LISTED: NAMES[LISTED]}))
    assert not Judge(layout, 28, WATCH).refresh(SOURCES).failures
    return layout


def test_status_and_pipeline(layout: Layout) -> None:
    verdicts = VerdictRows(layout)
    rows = verdicts.of(PIPELINE_HEALTH).to_pylist()
    reasons = reasons_of(verdicts)
    assert {row["pipeline_id"]: status_of(row, WATCH, reasons).pipeline for row in rows} == NAMES
    for pipeline_id, name in NAMES.items():
        row = find_pipeline(layout, [SOURCE], name)
        assert row["pipeline_id"] == pipeline_id
        record = record_of(layout, WATCH, CLOUDCRUISE, row)
        assert {record.health.pipeline, *(run.pipeline for run in record.failures)} == {name}


def test_runs(layout: Layout) -> None:
    query = RunsQuery(since=READ_UNTIL - timedelta(days=DAYS), until=READ_UNTIL)
    found = find_runs(layout, WATCH, CLOUDCRUISE, query)
    assert {run.pipeline_id: run.pipeline for run in found} == NAMES
    query = RunsQuery(since=query.since, until=query.until, wanted=lambda subject: subject[2] == NAMES[NAMELESS])
    assert {run.pipeline_id for run in find_runs(layout, WATCH, CLOUDCRUISE, query)} == {NAMELESS}


def test_the_report_and_the_metrics(layout: Layout) -> None:
    fleet = fleet_of(layout, WATCH, SOURCES, now=READ_UNTIL, window_days=28, longest_unread=timedelta(hours=6))
    page, metrics = report_page(fleet, with_charts=False).decode(), metrics_of(fleet).decode()
    for name in NAMES.values():
        assert f">{name}<" in page
        assert f'"{name}"' in metrics


def test_the_tables_on_dagsters_page(layout: Layout) -> None:
    rates = pq.ParquetFile(on_disk(layout.day_file("failure_rates", SOURCE, READ_UNTIL.date()))).read()
    shown = preview(rates, names=pipeline_names(layout, SOURCE)).records
    ids = {short[:8]: name for short, name in NAMES.items()}
    assert {record.data["pipeline_id"]: record.data["pipeline"] for record in shown} == ids


def test_notifications_and_the_digest(layout: Layout) -> None:
    for row in VerdictRows(layout).of(PIPELINE_HEALTH).to_pylist():
        [title] = Watching().evaluate({**row, "state": "down"})
        assert title.startswith(f"DOWN {NAMES[row['pipeline_id']]} ({SOURCE}) since ")
    now = READ_UNTIL + timedelta(days=7)
    digest = Week.stored(layout, last_week(now), now).summary(WATCH, now).body
    assert all(name in digest for name in NAMES.values())
    assert digest.count(NAMELESS[:8]) == digest.count(NAMES[NAMELESS])


def test_duckdb(layout: Layout) -> None:
    with duckdb.connect() as database:
        database.execute("SET VARIABLE data = ?", [str(layout.root)])
        database.execute(files("runs_assets.insight").joinpath("views.sql").read_text())
        assert dict(database.execute("SELECT pipeline_id, pipeline FROM most_failures").fetchall()) == NAMES


def test_a_name_after_runs_makes_no_pipeline_the_accounts_own(tmp_path: Path) -> None:
    """The failures of one's own connectors are one's own to fix."""
    layout, day = Layout(tmp_path), READ_UNTIL.date()
    created = [READ_UNTIL - timedelta(hours=2)] * 2
    columns = {"run_id": ["1", "2"], "pipeline_id": [LISTED, NAMELESS], "status": ["failed"] * 2, "exit_code": [77] * 2}
    runs = runs_table({**columns, "created_at": created, "finished_at": created, "site_id": ["1", "2"]})
    store_runs(layout, "productsup", day, runs, READ_UNTIL, settled=False)
    store_details(layout, "productsup", KnownDetails(names={LISTED: NAMES[LISTED]}))
    assert not Judge(layout, 28, WATCH).refresh(SOURCES).failures
    rows = VerdictRows(layout).of(FAILURE_REASONS).to_pylist()
    assert {row["pipeline_name"]: row["side"] for row in rows} == {
        NAMES[LISTED]: "ours",
        "site 2 (bbbbbbbb)": "unknown",
    }


def test_damaged_verdicts_leave_what_the_platform_calls_its_pipelines(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path)
    store_details(other, SOURCE, KnownDetails(names={LISTED: NAMES[LISTED]}))
    known: Mapping[str, str] = {LISTED: NAMES[LISTED]}
    assert pipeline_names(other, SOURCE) == known
    file = on_disk(other.verdict_file(PIPELINE_HEALTH.name))
    file.parent.mkdir()
    file.write_bytes(on_disk(layout.verdict_file(PIPELINE_HEALTH.name)).read_bytes()[:-9])
    assert pipeline_names(other, SOURCE) == known
