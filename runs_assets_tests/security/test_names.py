"""Names from an API stay text: they are stored as they came, and are no path, no markup and no terminal's command."""

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from runs_assets.days import DayRange
from runs_assets.demo.report import failure_table
from runs_assets.sandbox import FixedHistory
from runs_assets_tests.project import Project

DAY = date(2026, 3, 17)
NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)
NAMES = [
    "../../../../../../tmp/escaped",
    "/etc/passwd",
    "..\\..\\escaped",
    "nul\x00byte",
    "line\nbreak\r\n2026-03-18 INFO a forged log line",
    "date=2026-01-01/part-0.parquet",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '=HYPERLINK("https://evil.invalid","x")',
    "{{7*7}}${7*7}%s%(x)s",
    "\x1b[2J\x1b]0;title\x07\x9b2J",
    "\u202ereversed\u200bhidden",
    "[bold red]rich[/bold red] [/nothing]",
    "a" * 5000,
    "' OR 1=1; DROP TABLE runs; --",
]


@pytest.fixture
def named(project: Project) -> Project:
    """Both sources' day, materialized with a run of each name."""
    project.sandbox.cloudcruise.history = FixedHistory.of(
        {"session_id": name, "status": "execution.failed", "workflow_id": name, "created_at": at(n)}
        for n, name in enumerate(NAMES)
    )
    project.sandbox.productsup.history = FixedHistory.of(
        {"id": name, "state": name, "connector-id": name, "site-name": name, "exit-code": 1, "created-at": at(n)}
        for n, name in enumerate(NAMES)
    )
    return project


def at(number: int) -> str:
    return (NOON - timedelta(minutes=number)).isoformat()


def tree(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
def test_names_are_stored_exactly_and_nothing_is_written_elsewhere(named: Project, source: str, tmp_path: Path) -> None:
    before = tree(tmp_path)
    assert named.materialize(source, DAY).success
    part = f"source={source}/date={DAY}/part-0"
    data_sets = ("runs", "run_status_counts", "failure_rates")
    tables = {f"{name}/{part}.parquet" for name in data_sets}
    known = {f".ledger/{source}.json.zst", f".checked/{source}/{DAY:%Y-%m}.msgpack.zst"}
    expected = {f"raw_runs/{part}.jsonl.zst", *tables, *known}
    written = {str(Path(path).relative_to(tmp_path / "data")) for path in tree(tmp_path) - before}
    assert {path for path in written if not path.startswith(".locks/")} == expected
    assert not Path("/tmp/escaped").exists()
    assert [row["run_id"] for row in named.table("runs", source, DAY)] == NAMES
    assert {row["pipeline_id"] for row in named.table("failure_rates", source, DAY)} == set(NAMES)
    if source == "productsup":
        assert [line["run"]["site-name"] for line in named.raw(source, DAY)] == NAMES


@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
def test_what_dagster_shows_of_them_is_text_in_a_table(named: Project, source: str) -> None:
    events = named.materialize(source, DAY).get_asset_materialization_events()
    shown = [value for event in events for value in event.materialization.metadata.values()]
    assert shown
    assert not [value for value in shown if isinstance(value, dg.MarkdownMetadataValue | dg.UrlMetadataValue)]
    tables = [value for value in shown if isinstance(value, dg.TableMetadataValue)]
    cells = {cell for table in tables for record in table.records for cell in record.data.values()}
    assert set(NAMES[:5]) <= cells
    texts = [value.value for value in shown if isinstance(value, dg.TextMetadataValue)]
    assert not [text for text in texts for name in NAMES if text and name in text]


def test_a_terminal_shows_them_as_they_are_and_obeys_none(named: Project) -> None:
    assert named.materialize("cloudcruise", DAY).success
    table = failure_table(named.layout, ["cloudcruise"], DayRange(DAY, DAY))
    output = io.StringIO()
    Console(file=output, width=6000, color_system=None).print(table)
    printed = output.getvalue()
    assert all(char.isprintable() or char == "\n" for char in printed)
    for name in ("[bold red]rich[/bold red] [/nothing]", "<script>alert(1)</script>", "line break 2026-03-18"):
        assert name in printed
