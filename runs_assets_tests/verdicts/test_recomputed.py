"""Every row and number of the verdicts, computed a second time from what is stored."""

from datetime import date, datetime, timedelta

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.sandbox import CloudCruise, FixedHistory, FrozenClock, Productsup
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.productsup_runs import simulated_productsup
from runs_assets.verdicts.refresh import Judge
from runs_assets.verdicts.tables import load_verdicts
from runs_assets.watch_file import WatchFile
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.project import Project
from runs_assets_tests.verdicts.agreement import differences
from runs_assets_tests.verdicts.cases import CASES, FIRST_DAY, printed
from runs_assets_tests.verdicts.plain import KEYS, Tables, verdicts
from runs_assets_tests.verdicts.plain_runs import stored_history

PLATFORMS = ("cloudcruise", "productsup")
DAY = timedelta(days=1)
TODAY = NOW.date()
MISSING, LEFT_HALF_READ = date(2026, 3, 13), date(2026, 3, 15)
STATES = {
    *("down", "never succeeded", "silent", "failing", "worse", "partly failing", "hanging", "failed once", "flaky"),
    *("new", "too few runs", "ok"),
}


def build(project: Project, window_days: int) -> Tables:
    """The product's verdicts of what is stored."""
    Judge(project.layout, window_days, WatchFile()).refresh(SOURCES)
    return {table: load_verdicts(project.layout, table).to_pylist() for table in KEYS}


@pytest.mark.long
def test_the_simulated_history(project: Project) -> None:
    project.sandbox.cloudcruise = CloudCruise(simulated_cloudcruise())
    project.sandbox.productsup = Productsup(simulated_productsup())
    materialize(project, "cloudcruise", TODAY - 30 * DAY, TODAY)
    materialize(project, "productsup", TODAY - 45 * DAY, TODAY)
    expected = recomputed(project, window_days=90)
    assert {table for table, rows in expected.items() if rows} == KEYS.keys() - {
        "hanging_runs",
        "failure_concentrations",
    }
    assert differences(build(project, 90), expected) == []


@pytest.mark.long
def test_a_history_with_a_gap_and_a_day_left_half_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "90")
    store_with_a_gap(project)
    expected = recomputed(project, window_days=40)
    assert {table for table, rows in expected.items() if rows} == KEYS.keys()
    assert {row["state"] for row in expected["pipeline_health"]} == STATES
    assert {row["state"] for row in expected["silences"]} == {"open", "ended", "given up"}
    monkeypatch.setenv("RUNS_ASSETS_WINDOW_DAYS", "40")
    assert differences(build(project, 40), expected) == []


def store_with_a_gap(project: Project) -> None:
    """The cases and some simulated runs up to yesterday, which is whole but not final, and nothing of today."""
    firsts = {"cloudcruise": FIRST_DAY, "productsup": TODAY - 32 * DAY}
    show(project, datetime.fromisoformat(f"{LEFT_HALF_READ}T10:00:00Z"))
    for source in PLATFORMS:
        materialize(project, source, LEFT_HALF_READ, LEFT_HALF_READ)
    show(project, NOW)
    for source, first in firsts.items():
        materialize(project, source, first, MISSING - DAY)
        materialize(project, source, MISSING + DAY, LEFT_HALF_READ - DAY)
        materialize(project, source, LEFT_HALF_READ + DAY, TODAY - DAY)


def show(project: Project, now: datetime) -> None:
    """Set the clock, and let the platforms show what was created before."""
    cases = [run for case in CASES.values() for run in printed(case)]
    project.sandbox.clock = FrozenClock(now)
    project.sandbox.cloudcruise = CloudCruise(
        FixedHistory.of(run for run in cases if datetime.fromisoformat(str(run["created_at"])) <= now),
        retention_days=90,
    )
    project.sandbox.productsup = Productsup(simulated_productsup(days=32, volume=0.2))


def materialize(project: Project, source: str, first: date, last: date) -> None:
    assert project.materialize(source, first, last).success


def recomputed(project: Project, window_days: int) -> Tables:
    root = folder_of(project.layout)
    return verdicts(stored_history(root, source, source, window_days) for source in PLATFORMS)


def test_a_difference_is_told_by_its_table_row_and_column() -> None:
    row = {"source": "s", "pipeline_id": "p", "run_id": "r", "open_seconds": 5.0, "successes": 3}
    nothing: Tables = {table: [] for table in KEYS}
    for other, line in (
        ({"open_seconds": 5.0000001}, "open_seconds: 5.0000001 instead of 5.0"),
        ({"successes": 4}, "successes: 4 instead of 3"),
        ({"successes": None}, "successes: None instead of 3"),
        ({"limit": 1}, "limit: 1 instead of 'no such column'"),
    ):
        found = nothing | {"hanging_runs": [row | other]}
        assert differences(found, nothing | {"hanging_runs": [row]}) == [f"hanging_runs: ('s', 'p', 'r') {line}"]
    assert differences(nothing | {"hanging_runs": [row]}, nothing | {"hanging_runs": [row]}) == []
    assert differences(nothing, nothing | {"hanging_runs": [row]}) == ["hanging_runs: ('s', 'p', 'r') is missing"]
