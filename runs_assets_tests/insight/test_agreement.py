"""All answers are views of the same runs: they agree with each other, and with the raw lines, to the last row."""

from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.cli import main
from runs_assets.days import DayRange
from runs_assets.sandbox import simulated_cloudcruise, simulated_productsup
from runs_assets.sources.source import Source
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project

DAYS = DayRange(NOW.date() - timedelta(days=3), NOW.date() - timedelta(days=1))
PERIOD = ["--since", str(DAYS.first), "--until", str(DAYS.last)]


def has_failed(line: dict[str, Any]) -> bool:
    """By the vendors' pages; dry runs do not count."""
    if "session_id" in line:
        return line["status"] == "execution.failed" and not line["dry_run"]
    return line["exit-code"] not in {0, None} or line["state"] == "failed"


def failed_lines(project: Project, source: str) -> dict[str, str]:
    """The ids of the failed runs in the raw files, each with its pipeline and day."""
    lines = ((day, line) for day in DAYS.newest_first() for line in (one["run"] for one in project.raw(source, day)))
    run, pipeline = ("session_id", "workflow_id") if source == "cloudcruise" else ("id", "connector-id")
    return {line[run]: f"{line[pipeline]} {day}" for day, line in lines if has_failed(line)}


def json_lines(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    main([*arguments, "--json"])
    return [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_runs_rates_reasons_and_records_agree_with_the_raw_lines(
    source: Source, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of three whole days, as the sandbox simulates them."""
    project.sandbox.cloudcruise.history = simulated_cloudcruise(days=5, volume=0.5)
    project.sandbox.productsup.history = simulated_productsup(days=5, volume=0.5)
    assert project.materialize(source.name, DAYS.first, DAYS.last).success
    assert main(["refresh"]) == 0
    expected = failed_lines(project, source.name)
    assert len(expected) > 10

    capfd.readouterr()
    listed = json_lines(capfd, "runs", "--failed", "--source", source.name, *PERIOD)
    assert {row["run_id"]: f"{row['pipeline_id']} {row['created_at'][:10]}" for row in listed} == expected
    rates = [(day, row) for day in DAYS.newest_first() for row in project.table("failure_rates", source.name, day)]
    counted = {f"{row['pipeline_id']} {day}": row["failed"] for day, row in rates if row["failed"]}
    assert counted == Counter(expected.values())

    for pipeline in sorted({key.split()[0] for key in expected.values()}):
        its = {run for run, key in expected.items() if key.startswith(pipeline)}
        rows = json_lines(capfd, "pipeline", pipeline)
        assert {row["run_id"] for row in rows if row["kind"] == "run"} == its
        assert sum(row["failed"] for row in rows if row["kind"] == "day") == len(its)
        assert sum(row["failed"] for row in rows if row.get("dimension") == "workspace") == len(its)
        reasons = Counter(row["reason"] for row in listed if row["run_id"] in its)
        if source.explanations.exit_code:  # or runs that an API's errors do not name get a share of its counts
            assert {row["reason"]: row["runs"] for row in rows if row["kind"] == "reason"} == reasons
        assert sum(row["runs"] for row in rows if row["kind"] == "reason") == len(its)
