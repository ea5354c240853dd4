"""The table for people."""

from io import StringIO

import pyarrow as pa
import pytest
from rich.console import Console

from runs_assets.refresh_command import health_table
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets_tests.verdicts.cases import READ_UNTIL, at

ROW = {
    "source": "feeds",
    "failures": 0,
    "last_run_at": at(3, 18, 11),
    "decided_24h": 20,
    "failed_24h": 5,
    "failure_rate_24h": 0.25,
    "normal_rate": 0.042,
    "runs_7d": 100,
    "decided_28d": 400,
    "failed_28d": 20,
    "flip_rate": 0.31,
    "recoveries": 0,
    "hanging_runs": 2,
    "is_slower": False,
    "first_run_at": at(1, 18),
    "source_read_until": READ_UNTIL,
    "since": at(3, 17, 9, 5),
    "reason": "E42",
    "reason_side": "platform",
}


def shown(*rows: dict[str, object]) -> list[list[str]]:
    """The words of each line that the table prints, its header and rules left out."""
    console = Console(width=120, record=True, file=StringIO())
    console.print(health_table(pa.Table.from_pylist([ROW | row for row in rows], schema=PIPELINE_HEALTH.schema)))
    return [line.split() for line in console.export_text().splitlines() if line.strip()][2:-1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"state": "down", "failures": 7}, "down 03-17 09:05 p 25% 4% 7 failures in a row: E42 (platform)"),
        ({"state": "silent"}, "silent 03-17 09:05 p 25% 4% last run 03-18 11:00"),
        ({"state": "worse"}, "worse 03-17 09:05 p 25% 4% 5 of 20 failed: E42 (platform)"),
        (
            {"state": "failed once", "failures": 1},
            "failed once 03-17 09:05 p 25% 4% 1 failure in a row: E42 (platform)",
        ),
        (
            {"state": "never succeeded", "failures": 3, "reason": None},
            "never succeeded 03-17 09:05 p 25% 4% 3 failures in a row",
        ),
        ({"state": "stuck"}, "stuck 03-17 09:05 p 25% 4% runs neither end nor start"),
        ({"state": "hanging"}, "hanging 03-17 09:05 p 25% 4% 2 open for too long"),
        ({"state": "flaky", "reason": None}, "flaky 03-17 09:05 p 25% 4% outcome changes after 31% of its runs"),
        (
            {"state": "down", "failures": 7, "failure_rate_24h": None, "reason": None},
            "down 03-17 09:05 p - 4% 7 failures in a row",
        ),
    ],
)
def test_a_line_says_the_state_since_when_and_why(row: dict[str, object], words: str) -> None:
    assert shown({"pipeline_id": "p", **row})[0] == words.split()


def test_the_worst_comes_first_and_what_is_fine_is_only_counted() -> None:
    lines = shown(
        {"pipeline_id": "fine", "state": "ok"},
        {"pipeline_id": "young", "state": "new"},
        {"pipeline_id": "shaky", "state": "flaky"},
        {"pipeline_id": "late", "state": "down", "since": at(3, 18)},
        {"pipeline_id": "early", "state": "down", "since": at(3, 16)},
    )
    assert [line[3] for line in lines[:3]] == ["early", "late", "shaky"]
    assert " ".join(lines[3]) == "feeds: 3 need attention, 2 do not; read until 2026-03-18 12:00."


def test_a_name_stands_for_the_id_and_moves_no_cursor() -> None:
    [line, *_] = shown({"pipeline_id": "id", "pipeline_name": "in\x1b[2Jvoices\n", "state": "silent"})
    assert " ".join(line[3:5]) == "in [2Jvoices"
