"""The table of failure rates, from stored days."""

from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange
from runs_assets.demo.report import failure_table
from runs_assets.errors import StorageError
from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage
from runs_assets_tests.storage.tables_of_days import store_table

DAYS = DayRange(date(2026, 3, 1), date(2026, 3, 2))


def rates(pipeline: str | None, *, runs: int, failed: int, succeeded: int, last: datetime | None) -> dict[str, Any]:
    counts = {"runs": runs, "dry_runs": 0, "cancelled": 0, "unknown": 0, "open": runs - failed - succeeded}
    return {
        **dict.fromkeys(FAILURE_RATES.schema.names),
        **counts,
        "pipeline_id": pipeline,
        "failed": failed,
        "succeeded": succeeded,
        "last_failure_at": last,
        "is_final": False,
    }


def store(layout: Layout, day: date, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=FAILURE_RATES.schema)
    lineage = Lineage(Read("a-read", datetime(2026, 3, 3, tzinfo=UTC)), open_runs=0, settled=False, code_version="1")
    store_table(layout, FAILURE_RATES.name, "cloudcruise", day, table, lineage)


def lines_of(layout: Layout) -> list[str]:
    console = Console(file=StringIO(), width=80)
    console.print(failure_table(layout, ["cloudcruise"], DAYS))
    file = console.file
    assert isinstance(file, StringIO)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_days_are_summed_per_pipeline_and_the_worst_comes_first(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    early, late = datetime(2026, 3, 1, 7, tzinfo=UTC), datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    store_details(layout, "cloudcruise", KnownDetails(names={"w-1": "Invoice download"}))
    good = rates("w-1", runs=100, failed=0, succeeded=100, last=None)
    store(layout, DAYS.first, [rates("p", runs=6, failed=1, succeeded=4, last=early), good])
    store(layout, DAYS.last, [rates("p", runs=6, failed=1, succeeded=4, last=late)])
    title, *_ = lines_of(layout)
    assert title == "SANDBOX: failure rates of simulated runs, 2026-03-01 to 2026-03-02"
    assert lines_of(layout)[4:7] == [
        "cloudcruise, all 112 2 1.8% 0.5% - 6.4% 03-02 08:30",
        "p 12 2 20.0% 5.7% - 51.0% 03-02 08:30",
        "Invoice download 100 0 0.0% 0.0% - 3.7% never",
    ]
    assert "Rate: failed / (failed + succeeded); cancelled and dry runs are not in it." in " ".join(lines_of(layout))


def test_nothing_decided_and_no_pipeline_are_shown_as_such(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    store(layout, DAYS.first, [rates(None, runs=3, failed=0, succeeded=0, last=None)])
    store(layout, DAYS.last, [])
    assert lines_of(layout)[4:6] == ["cloudcruise, all 3 0 - - never", "(no pipeline) 3 0 - - never"]


def test_days_without_any_run_make_a_table_too(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for day in DAYS.newest_first():
        store(layout, day, [])
    assert lines_of(layout)[4] == "cloudcruise, all 0 0 - - never"


def test_a_missing_day_is_an_error_and_not_a_smaller_sum(tmp_path: Path) -> None:
    store(Layout(tmp_path), DAYS.first, [])
    with pytest.raises(StorageError, match="2026-03-02"):
        failure_table(Layout(tmp_path), ["cloudcruise"], DAYS)
