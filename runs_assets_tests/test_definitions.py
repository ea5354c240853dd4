"""The whole way, over real HTTP and a real Dagster instance: what the APIs show is what the files hold."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.sandbox import FixedHistory, Sandbox, SimulatedHistory
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.productsup_runs import simulated_productsup
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, days_between, failure_of
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE, PRODUCTSUP_EXAMPLE

TODAY = NOW.date()


def simulated(sandbox: Sandbox, source: str, *, days: int, volume: float) -> SimulatedHistory:
    """Let the sandbox serve a small simulated history of one source."""
    if source == "cloudcruise":
        sandbox.cloudcruise.history = simulated_cloudcruise(days=days, volume=volume)
        return sandbox.cloudcruise.history
    sandbox.productsup.history = simulated_productsup(days=days, volume=volume)
    return sandbox.productsup.history


def by_day(history: SimulatedHistory) -> dict[date, dict[str, dict[str, object]]]:
    """What is true at NOW, by day and run id."""
    truth: dict[date, dict[str, dict[str, object]]] = {}
    for row in history.truth(NOW):
        truth.setdefault(row["created_at"].date(), {})[row["run_id"]] = {**row, "observed_at": NOW}
    return truth


# -- the vendors' own examples ------------------------------------------------------------------------------------


def test_the_productsup_example_comes_out_as_its_four_runs(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of(PRODUCTSUP_EXAMPLE)
    result = project.materialize("productsup", date(2025, 1, 1), date(2025, 1, 4))
    assert result.success
    first, second, third, fourth = days_between(date(2025, 1, 1), date(2025, 1, 4))
    runs = [row for day in (first, second, third, fourth) for row in project.table("runs", "productsup", day)]
    assert [(run["created_at"], run["status"], run["exit_code"], run["duration_seconds"]) for run in runs] == [
        (datetime(2025, 1, 1, 10, tzinfo=UTC), "succeeded", 0, 300.0),
        (datetime(2025, 1, 2, 10, tzinfo=UTC), "failed", 1, 300.0),
        (datetime(2025, 1, 3, 10, tzinfo=UTC), "succeeded", 0, 300.0),
        (datetime(2025, 1, 4, 10, tzinfo=UTC), "succeeded", 0, 300.0),
    ]
    # 13:09:16+01:00 is 12:09:16 UTC, 298 days and 2:09:16 after 2025-01-04T10:00:00Z
    assert runs[3]["started_at"] == datetime(2025, 10, 29, 12, 9, 16, tzinfo=UTC)
    assert runs[3]["queue_seconds"] == 298 * 86400 + 2 * 3600 + 9 * 60 + 16
    assert {name: runs[3][name] for name in ("workspace_id", "workspace_name", "site_id", "process_id")} == {
        "workspace_id": "600",
        "workspace_name": "Account 1",
        "site_id": "1001",
        "process_id": "019e16f3-bfc3-79c7-bd03-ad208a64bf34",
    }
    [rates] = project.table("failure_rates", "productsup", second)
    assert (rates["failure_rate"], rates["failed"], rates["succeeded"], rates["runs"]) == (1.0, 1, 0, 1)
    [rates] = project.table("failure_rates", "productsup", first)
    assert (rates["failure_rate"], rates["failed"], rates["succeeded"], rates["runs"]) == (0.0, 0, 1, 1)


def test_the_cloudcruise_example_comes_out_as_its_one_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "60")
    project.sandbox.cloudcruise.retention_days = 60
    project.sandbox.cloudcruise.history = FixedHistory.of(CLOUDCRUISE_EXAMPLE)
    assert project.materialize("cloudcruise", date(2026, 2, 15)).success
    [run] = project.table("runs", "cloudcruise", date(2026, 2, 15))
    assert (run["queue_seconds"], run["duration_seconds"]) == (1.0, 29.0)
    assert (run["status"], run["raw_status"], run["is_terminal"], run["dry_run"]) == (
        "succeeded",
        "execution.success",
        True,
        False,
    )
    assert run["created_at"] == datetime(2026, 2, 15, 10, tzinfo=UTC)


# -- the sandbox's history ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
def test_files_equal_the_truth_row_for_row_and_field_for_field(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, page_size: int
) -> None:
    setting = {"cloudcruise": "CLOUDCRUISE_PAGE_SIZE", "productsup": "PRODUCTSUP_CDE_PAGE_SIZE"}[source]
    monkeypatch.setenv(setting, str(page_size))
    history = simulated(project.sandbox, source, days=4, volume=0.15)
    truth = by_day(history)
    days = days_between(TODAY - timedelta(days=4), TODAY)
    assert sorted(truth) == days

    assert project.materialize(source, days[0], days[-1]).success
    for day in days:
        rows = project.table("runs", source, day)
        assert len(rows) == len(truth[day])
        assert {row["run_id"]: row for row in rows} == truth[day]

    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "single"))
    with Project.on(project.sandbox, tmp_path / "single") as single:
        for day in days:
            assert single.materialize(source, day, assets=("raw_runs", "runs")).success
            rows = single.table("runs", source, day)
            assert len(rows) == len(truth[day])
            assert {row["run_id"]: row for row in rows} == truth[day]


@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
def test_materializing_again_changes_nothing_but_the_observation_and_the_read(project: Project, source: str) -> None:
    simulated(project.sandbox, source, days=3, volume=0.2)
    first, last = TODAY - timedelta(days=2), TODAY
    assert project.materialize(source, first, last).success
    before = {day: project.table("runs", source, day) for day in days_between(first, last)}
    read = project.metadata("runs", source, last)
    assert project.materialize(source, first, last).success
    for day, rows in before.items():
        assert project.table("runs", source, day) == rows
    again = project.metadata("runs", source, last)
    assert {name for name in read if read[name] != again[name]} == {"read_id"}


@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
def test_a_day_without_runs_has_empty_files_with_the_full_schema_and_the_read(project: Project, source: str) -> None:
    day = TODAY - timedelta(days=3)
    assert project.materialize(source, day).success
    assert project.raw(source, day) == []
    for dataset in ("runs", "run_status_counts", "failure_rates"):
        assert project.table(dataset, source, day) == []
        metadata = project.metadata(dataset, source, day)
        assert metadata["complete"] == "true"
        assert metadata["settled"] == "true"
        assert metadata["read_started_at"] == "2026-03-18T12:00:00Z"
    schema = project.schema("runs", source, day)
    assert schema.equals(RUNS_SCHEMA)
    assert [schema.field(name).metadata for name in schema.names] == [
        RUNS_SCHEMA.field(name).metadata for name in RUNS_SCHEMA.names
    ]


def test_a_read_says_what_it_was_worth(project: Project) -> None:
    simulated(project.sandbox, "productsup", days=6, volume=0.3)
    assert project.materialize("productsup", TODAY - timedelta(days=5), TODAY).success

    def worth(days_ago: int) -> tuple[str, str]:
        metadata = project.metadata("failure_rates", "productsup", TODAY - timedelta(days=days_ago))
        return metadata["complete"], metadata["settled"]

    assert worth(0) == ("false", "false")  # a part-day
    assert worth(1) == ("true", "false")  # over for 12 hours, less than the grace of 24
    assert worth(5) == ("true", "true")


# -- what is refused, or goes wrong -------------------------------------------------------------------------------


def test_errors_leave_every_file_as_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ("cloudcruise", "productsup"):
        simulated(project.sandbox, source, days=4, volume=0.2)
        assert project.materialize(source, TODAY - timedelta(days=3), TODAY).success
    before = project.files()
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "cc-wrong-secret")
    assert "HTTP 401" in failure_of(project.materialize("cloudcruise", TODAY - timedelta(days=3), TODAY))
    monkeypatch.setenv("PRODUCTSUP_CDE_TOKEN", "ps-wrong-secret")
    assert "HTTP 401" in failure_of(project.materialize("productsup", TODAY - timedelta(days=3), TODAY))
    assert project.files() == before


def test_a_wrong_key_is_told_at_once_with_the_setting_to_correct(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "cc-wrong-secret")
    text = failure_of(project.materialize("cloudcruise", TODAY))
    assert text.startswith("cloudcruise: reading 2026-03-18 failed. HTTP 401 Unauthorized")
    assert "Check CLOUDCRUISE_API_KEY" in text
    assert "cc-wrong-secret" not in text
    assert len(project.sandbox.requests) == 1


def test_a_token_without_access_is_told_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTSUP_CDE_TOKEN", project.sandbox.productsup.forbidden_token)
    text = failure_of(project.materialize("productsup", TODAY))
    assert "HTTP 403 Forbidden" in text
    assert "Access denied for user." in text
    assert "PRODUCTSUP_CDE_TOKEN" in text
    assert project.sandbox.productsup.forbidden_token not in text
    assert len(project.sandbox.requests) == 1


def test_a_parameter_that_the_api_refuses_is_told_in_its_words(project: Project) -> None:
    project.sandbox.cloudcruise.retention_days = 5  # the setting still says 31
    text = failure_of(project.materialize("cloudcruise", TODAY - timedelta(days=20)))
    assert "2026-02-26" in text
    assert "HTTP 400 Bad Request" in text
    assert len(project.sandbox.requests) == 1


def test_an_unreachable_host_is_given_up_after_three_tries(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTSUP_CDE_BASE_URL", "http://127.0.0.1:9")
    text = failure_of(project.materialize("productsup", TODAY))
    assert "No connection" in text
    assert "3 tries" in text
    assert "Try again later" in text


def test_days_beyond_reach_are_refused_before_anything_is_asked(project: Project) -> None:
    text = failure_of(project.materialize("cloudcruise", date(2026, 2, 10), date(2026, 3, 1)))
    # 2026-03-18T12:00 less 31 days is 2026-02-15T12:00; 15 minutes are kept from the edge
    assert "before 2026-02-15T12:15:01Z" in text
    assert "Ask for 2026-02-15..2026-03-01 instead" in text
    assert project.sandbox.requests == []
    assert project.files() == {}


def test_days_in_the_future_are_refused_before_anything_is_asked(project: Project) -> None:
    text = failure_of(project.materialize("productsup", TODAY, TODAY + timedelta(days=2)))
    assert "to today, 2026-03-18 UTC" in text
    assert "Ask for 2026-03-18 instead" in text
    assert project.sandbox.requests == []


def test_a_day_partly_out_of_reach_is_read_in_part_and_not_complete(project: Project) -> None:
    early, late = (
        {**CLOUDCRUISE_EXAMPLE[0], "session_id": at, "created_at": f"2026-02-15T{at}:00Z"} for at in ("10:00", "14:00")
    )
    project.sandbox.cloudcruise.history = FixedHistory.of([early, late])
    assert project.materialize("cloudcruise", date(2026, 2, 15)).success
    assert [run["run_id"] for run in project.table("runs", "cloudcruise", date(2026, 2, 15))] == ["14:00"]
    assert project.metadata("runs", "cloudcruise", date(2026, 2, 15))["complete"] == "false"


def test_an_unset_setting_is_named_when_it_is_needed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "")
    assert "CLOUDCRUISE_API_KEY is not set" in failure_of(project.materialize("cloudcruise", TODAY))
    monkeypatch.delenv("PRODUCTSUP_CDE_BASE_URL")
    assert "PRODUCTSUP_CDE_BASE_URL is not set" in failure_of(project.materialize("productsup", TODAY))
    assert project.sandbox.requests == []


# -- how many requests it takes -----------------------------------------------------------------------------------


def test_31_days_of_cloudcruise_take_few_more_requests_than_pages(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDCRUISE_PAGE_SIZE", "100")
    history = simulated(project.sandbox, "cloudcruise", days=31, volume=0.5)
    first = TODAY - timedelta(days=30)
    assert project.materialize("cloudcruise", first, TODAY, assets=("raw_runs",)).success
    rows = sum(len(runs) for day, runs in by_day(history).items() if day >= first)
    assert rows > 3000
    assert sum(len(project.raw("cloudcruise", day)) for day in days_between(first, TODAY)) == rows
    assert len(project.sandbox.requests) <= -(-rows // 100) + 40


def test_one_productsup_day_in_100000_runs_takes_few_more_requests_than_its_pages(project: Project) -> None:
    begin = datetime(2025, 6, 1, tzinfo=UTC)
    rows = [
        {**PRODUCTSUP_EXAMPLE[0], "id": str(n), "created-at": (begin + timedelta(seconds=60 * n)).isoformat()}
        for n in range(100_000)
    ]
    project.sandbox.productsup.history = FixedHistory.of(rows)
    assert project.materialize("productsup", date(2025, 7, 10)).success
    assert len(project.table("runs", "productsup", date(2025, 7, 10))) == 1440  # one a minute
    assert len(project.sandbox.requests) <= 15 * 1.1 + 40
