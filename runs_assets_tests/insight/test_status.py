"""What is wrong now, from rows of the verdict tables that are written by hand."""

from pathlib import Path
from typing import Any

import pytest

from runs_assets.insight.status import PipelineStatus, SourceStatus, current_status, worst_first
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.verdicts.cases import READ_UNTIL, at

ROW = {
    "source": "feeds",
    "pipeline_id": "p",
    "since": at(3, 17, 9, 5),
    "reason": "E42",
    "reason_side": "platform",
    "last_run_at": at(3, 17, 9, 5),
    "expected_by": at(3, 18, 9, 40),
    "decided_24h": 20,
    "failed_24h": 5,
    "failure_rate_24h": 0.25,
    "normal_rate": 0.042,
    "flip_rate": 0.31,
    "hanging_runs": 2,
    "source_read_until": READ_UNTIL,
}

SPAN = {"source": "feeds", "pipeline_id": "p", "scope": "pipeline", "verdict": "worse", "source_read_until": READ_UNTIL}
SILENCE = {
    "source": "feeds",
    "pipeline_id": "p",
    "state": "open",
    "source_read_until": READ_UNTIL,
    "expected_by": at(3, 18, 9, 40),
}


def status(
    folder: Path,
    *rows: dict[str, Any],
    whole: dict[str, Any] | None = None,
    watch: str = "",
    spans: tuple[dict[str, Any], ...] = (),
    silences: tuple[dict[str, Any], ...] = (),
) -> SourceStatus:
    layout = Layout(folder)
    store_rows(layout, "pipeline_health", [ROW | row for row in rows])
    wholes = [{"source": "feeds", "state": "ok", "source_read_until": READ_UNTIL} | (whole or {})]
    store_rows(layout, "source_health", wholes)
    store_rows(layout, "failure_trends", [{**SPAN, **span} for span in spans])
    store_rows(layout, "silences", [{**SILENCE, **silence} for silence in silences])
    links = WatchFile.model_validate({"links": {"feeds": watch}} if watch else {})
    [found] = current_status(layout, links, ["feeds", "never read"])
    return found


@pytest.mark.parametrize(
    ("row", "is_broken", "why"),
    [
        ({"state": "down", "failures": 7}, True, "7 failures in a row: E42 (platform)"),
        ({"state": "never succeeded", "failures": 3, "reason": None}, True, "3 failures in a row"),
        ({"state": "stuck"}, True, "its newest runs neither end nor start"),
        ({"state": "silent"}, True, "last run 2026-03-17 09:05 UTC, overdue for 2 h 20 min"),
        ({"state": "failing", "failures": 2}, False, "2 failures in a row: E42 (platform)"),
        ({"state": "worse"}, False, "5 of 20 failed in 24 h: E42 (platform)"),
        (
            {"state": "partly failing"},
            False,
            "its failures have a site, workspace, version or reason in common",
        ),
        ({"state": "hanging"}, False, "2 open for too long"),
        ({"state": "failed once", "failures": 1}, False, "1 failure in a row: E42 (platform)"),
        ({"state": "flaky", "reason": None}, False, "the outcome changes after 31.0 % of its runs"),
    ],
)
def test_each_state_has_its_evidence(tmp_path: Path, row: dict[str, Any], is_broken: bool, why: str) -> None:
    [health] = status(tmp_path, row).wrong
    assert (health.state, health.is_broken, health.why) == (row["state"], is_broken, why)
    assert (health.failed_24h, health.completed_24h, health.failure_rate_24h, health.usual_rate) == (5, 20, 0.25, 0.042)
    assert health.since == at(3, 17, 9, 5)


def test_the_worst_comes_first_and_what_is_well_is_only_counted(tmp_path: Path) -> None:
    found = status(
        tmp_path,
        {"pipeline_id": "fine", "state": "ok"},
        {"pipeline_id": "young", "state": "new"},
        {"pipeline_id": "rare", "state": "too few runs"},
        {"pipeline_id": "shaky", "state": "flaky"},
        {"pipeline_id": "late", "state": "down", "since": at(3, 18)},
        {"pipeline_id": "early", "state": "down", "since": at(3, 16)},
    )
    assert [health.pipeline_id for health in found.wrong] == ["early", "late", "shaky"]
    assert (found.well, found.read_until) == (3, READ_UNTIL)


def test_the_source_as_a_whole_comes_before_its_pipelines(tmp_path: Path) -> None:
    whole = {"state": "failing", "since": at(3, 18, 9), "affected": 12, "active": 30, "usual": 0.4}
    in_common = {"common_dimension": "workspace", "common_value": "600"}
    found = status(tmp_path, {"state": "down"}, whole=whole | in_common)
    first = found.wrong[0]
    assert (first.is_source, first.is_broken, first.pipeline_id, first.state) == (True, True, None, "failing")
    assert first.why == "12 of 30 pipelines fail (usually 0.4), all of workspace 600"
    assert first.since == at(3, 18, 9)
    silent = status(tmp_path, {"state": "ok"}, whole=whole | {"state": "silent", "usual": None}).wrong
    assert [health.why for health in silent] == ["12 of 30 pipelines do not run"]


def test_a_name_stands_for_the_id_and_a_page_for_the_failed_run(tmp_path: Path) -> None:
    row = {"state": "down", "pipeline_name": "in\x1b[2Jvoices\n", "latest_failed_run_id": "r/1"}
    [health] = status(tmp_path, row, watch="https://app.example/{pipeline_id}/{run_id}").wrong
    assert (health.pipeline, health.run_id, health.run_url) == ("in [2Jvoices", "r/1", "https://app.example/p/r%2F1")


def test_health_is_of_a_pipeline_or_of_a_source() -> None:
    """So that a row of JSON always has the same names."""
    names = "source pipeline pipeline_id is_source state is_broken since why failed_24h completed_24h"
    names += " failure_rate_24h usual_rate run_id run_url owner read_until"
    assert list(PipelineStatus.__dataclass_fields__) == names.split()


def test_what_is_worse_is_so_in_the_span_with_the_highest_rate(tmp_path: Path) -> None:
    drift = {"period": "drift", "failed": 9, "decided": 60, "failure_rate": 0.15}
    days = {"period": "3 days", "failed": 4, "decided": 20, "failure_rate": 0.2}
    usual = {"period": "now", "failed": 1, "decided": 4, "failure_rate": 0.25, "verdict": "usual"}
    other = {**days, "pipeline_id": "q", "failed": 20, "failure_rate": 1.0}
    row = {"state": "worse", "reason": None, "failed_24h": 1, "decided_24h": 4}
    [health] = status(tmp_path, row, spans=(drift, days, usual, other)).wrong
    assert health.why == "4 of 20 failed in 3 days"
    [health] = status(tmp_path, row, spans=(drift, usual, other)).wrong
    assert health.why == "9 of 60 failed in 7 days, compared with five weeks ago"


def test_what_a_silence_lacks_is_what_its_row_says(tmp_path: Path) -> None:
    """A success may be missing since the very instant of the last run."""
    row = {"state": "silent", "last_success_at": at(3, 17, 9, 5)}
    last, late = "last run 2026-03-17 09:05 UTC", "overdue for 2 h 20 min"
    [health] = status(tmp_path, row, silences=({"kind": "no_runs"},)).wrong
    assert health.why == f"{last}, {late}"
    [health] = status(tmp_path, row, silences=({"kind": "no_success"},)).wrong
    assert health.why == f"{last}, last success 2026-03-17 09:05 UTC, {late}"
    [health] = status(tmp_path, row | {"last_success_at": None}, silences=({"kind": "no_success"},)).wrong
    assert health.why == f"{last}, no success known, {late}"


def test_of_two_silences_the_open_one_that_was_overdue_first_counts(tmp_path: Path) -> None:
    earlier, later = at(3, 18, 9, 40), at(3, 18, 10)
    over = {"kind": "no_success", "state": "ended", "expected_by": at(3, 1)}
    silences = ({"kind": "no_runs", "expected_by": earlier}, {"kind": "no_success", "expected_by": later}, over)
    [health] = status(tmp_path, {"state": "silent"}, silences=silences).wrong
    assert "success" not in health.why


def test_the_worst_of_all_sources_come_first(tmp_path: Path) -> None:
    shaky = status(tmp_path / "1", {"state": "flaky"}, {"state": "worse", "pipeline_id": "q"})
    silent = status(tmp_path / "2", {"state": "silent"}, whole={"state": "silent", "affected": 6, "active": 6})
    assert [one.state for one in worst_first([shaky, silent])] == ["silent", "silent", "worse", "flaky"]
    assert worst_first([shaky, silent])[0].is_source


def test_a_source_without_pipelines_was_judged_and_may_be_in_trouble(tmp_path: Path) -> None:
    quiet = status(tmp_path)
    assert (quiet.wrong, quiet.well, quiet.read_until) == ([], 0, READ_UNTIL)
    silent = status(tmp_path, whole={"state": "silent", "affected": 6, "active": 6})
    assert [health.why for health in silent.wrong] == ["6 of 6 pipelines do not run"]
