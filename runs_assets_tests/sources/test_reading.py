"""Days become durable one by one; rows that move, come late or are bad end up where they belong."""

from datetime import date, datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.sandbox import FixedHistory, Row
from runs_assets.sandbox.server import Handler
from runs_assets.storage.raw import stat_day
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, failure_of
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE, PRODUCTSUP_EXAMPLE

YESTERDAY = NOW.date() - timedelta(days=1)


def cc(run_id: str, created_at: str, **more: object) -> dict[str, object]:
    return {**CLOUDCRUISE_EXAMPLE[0], "session_id": run_id, "created_at": created_at, **more}


def ps(run_id: str, created_at: str, **more: object) -> dict[str, object]:
    return {**PRODUCTSUP_EXAMPLE[0], "id": run_id, "created-at": created_at, **more}


def ids(project: Project, source: str, day: date) -> list[str]:
    return sorted(run["run_id"] for run in project.table("runs", source, day))


def test_days_before_a_failure_stay_and_the_others_are_untouched(project: Project) -> None:
    rows = [cc(f"{day}-{n}", f"2026-03-{day}T10:00:{n:02d}Z") for day in (15, 16, 17) for n in range(5)]
    project.sandbox.cloudcruise.history = FixedHistory.of(rows)
    asked = iter(range(100))

    async def fail_later(request: Request, inner: Handler) -> Response:
        return PlainTextResponse("{}", 403) if next(asked) >= 2 else await inner(request)

    project.sandbox.hooks["cloudcruise"].append(fail_later)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDCRUISE_PAGE_SIZE", "5")
        text = failure_of(project.materialize("cloudcruise", date(2026, 3, 15), date(2026, 3, 17)))
    assert "reading 2026-03-15..2026-03-17 failed. HTTP 403" in text
    assert [line["run"]["session_id"] for line in project.raw("cloudcruise", date(2026, 3, 17))] == [
        "17-4",
        "17-3",
        "17-2",
        "17-1",
        "17-0",
    ]
    assert not project.layout.day_file("raw_runs", "cloudcruise", date(2026, 3, 15)).exists()
    key = project.asset_key("cloudcruise", "raw_runs")
    assert project.instance.get_materialized_partitions(key) == {"2026-03-17"}


def test_a_run_on_midnight_belongs_to_the_day_that_begins(project: Project) -> None:
    created = ["2026-03-16T23:59:59.999Z", "2026-03-17T00:00:00Z", "2026-03-17T23:59:59.999Z", "2026-03-18T00:00:00Z"]
    project.sandbox.cloudcruise.history = FixedHistory.of([cc(at, at) for at in created])
    assert project.materialize("cloudcruise", date(2026, 3, 17)).success
    assert ids(project, "cloudcruise", date(2026, 3, 17)) == created[1:3]
    assert project.materialize("cloudcruise", date(2026, 3, 16), date(2026, 3, 18)).success
    assert ids(project, "cloudcruise", date(2026, 3, 16)) == created[:1]
    assert ids(project, "cloudcruise", date(2026, 3, 17)) == created[1:3]
    assert ids(project, "cloudcruise", date(2026, 3, 18)) == created[3:]


def test_an_offset_decides_the_day(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of([ps("a", "2026-03-18T00:30:00+01:00")])
    assert project.materialize("productsup", YESTERDAY).success
    assert ids(project, "productsup", YESTERDAY) == ["a"]


def test_a_run_that_the_api_no_longer_returns_stays_and_is_counted(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of(
        [ps("a", f"{YESTERDAY}T10:00:00Z"), ps("b", f"{YESTERDAY}T11:00:00Z")]
    )
    assert project.materialize("productsup", YESTERDAY).success
    project.sandbox.productsup.history = FixedHistory.of([ps("b", f"{YESTERDAY}T11:00:00Z", state="failed")])
    result = project.materialize("productsup", YESTERDAY)
    assert ids(project, "productsup", YESTERDAY) == ["a", "b"]
    [event] = result.asset_materializations_for_node("productsup__raw_runs")
    assert event.metadata["no_longer_shown"].value == 1
    assert event.metadata["dagster/partition_row_count"].value == 2
    [rates] = project.table("failure_rates", "productsup", YESTERDAY)
    assert (rates["failed"], rates["succeeded"]) == (1, 1)


def test_bad_rows_go_to_the_quarantine_of_their_day_until_it_is_read_without_them(project: Project) -> None:
    good = ps("a", f"{YESTERDAY}T10:00:00Z")
    bad = ps("b", f"{YESTERDAY}T09:00:00Z", **{"created-at": None, "cli-command": "secret"})
    at = datetime.fromisoformat(f"{YESTERDAY}T09:00:00Z")
    project.sandbox.productsup.history = FixedHistory([Row(at + timedelta(hours=1), good), Row(at, bad)])
    assert project.materialize("productsup", YESTERDAY).success
    [line] = project.raw("productsup", YESTERDAY, "quarantine")
    assert (line["reason"], line["run"]["id"]) == ("no usable created-at", "b")
    assert "cli-command" not in line["run"]
    assert ids(project, "productsup", YESTERDAY) == ["a"]
    project.sandbox.productsup.history = FixedHistory.of([good])
    assert project.materialize("productsup", YESTERDAY).success
    assert not project.layout.day_file("quarantine", "productsup", YESTERDAY).exists()


def test_a_list_without_order_is_read_whole_complete_and_says_so(project: Project) -> None:
    rows = [Row(NOW - timedelta(minutes=n), ps(str(n), f"{YESTERDAY}T10:{n * 7 % 60:02d}:00Z")) for n in range(30)]
    rows += [
        Row(NOW - timedelta(hours=5, minutes=n), ps(f"old{n}", f"2026-03-16T10:{n * 7 % 60:02d}:00Z"))
        for n in range(30)
    ]
    project.sandbox.productsup.history = FixedHistory(rows)
    result = project.materialize("productsup", date(2026, 3, 16), YESTERDAY)
    assert ids(project, "productsup", YESTERDAY) == sorted(str(n) for n in range(30))
    assert ids(project, "productsup", date(2026, 3, 16)) == sorted(f"old{n}" for n in range(30))
    assert project.metadata("runs", "productsup", YESTERDAY)["complete"] == "true"
    events = result.asset_materializations_for_node("productsup__raw_runs")
    assert {event.metadata["notes"].value for event in events} == {
        "The list is not newest first, so all of it was read."
    }


def test_a_list_whose_order_breaks_leaves_no_day_of_the_reading_complete_if_it_then_fails(project: Project) -> None:
    rows = [ps(f"{day}-{n}", f"2026-03-{day}T10:00:{n:02d}Z") for day in (14, 15, 16, 17) for n in range(6)]
    listed = [Row(datetime.fromisoformat(str(row["created-at"])), row) for row in rows]
    stray = Row(datetime.fromisoformat("2026-03-15T10:00:01.5Z"), ps("stray", "2026-03-17T11:00:00Z"))
    project.sandbox.productsup.history = FixedHistory([*listed, stray])
    refused: list[bool] = []

    async def refuse_the_second_pass(request: Request, inner: Handler) -> Response:
        seen = [asked.query["from"] for asked in project.sandbox.requests]
        refused.append(seen.count("0") > 1)
        return PlainTextResponse("{}", 403) if refused[-1] else await inner(request)

    project.sandbox.hooks["productsup"].append(refuse_the_second_pass)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "5")
        assert not project.materialize("productsup", date(2026, 3, 14), date(2026, 3, 17), assets=("raw_runs",)).success
    assert any(refused)
    path = project.layout.day_file("raw_runs", "productsup", date(2026, 3, 17))
    assert stat_day(path).read.complete is False


def test_times_at_the_ends_of_the_calendar_stop_nothing(project: Project) -> None:
    rows = [
        Row(NOW, ps("late", "9999-12-31T23:59:59-12:00")),
        Row(NOW - timedelta(hours=12, minutes=1), ps("none", f"{YESTERDAY}T10:00:00Z", **{"created-at": None})),
        Row(NOW - timedelta(hours=13), ps("a", f"{YESTERDAY}T09:00:00Z")),
    ]
    project.sandbox.productsup.history = FixedHistory(rows)
    assert project.materialize("productsup", YESTERDAY).success
    assert ids(project, "productsup", YESTERDAY) == ["a"]


def test_the_assets_after_raw_are_rebuilt_from_files_without_a_request(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of([ps("a", "2025-02-03T10:00:00Z")])
    assert project.materialize("productsup", date(2025, 2, 3)).success
    before = project.table("runs", "productsup", date(2025, 2, 3))
    project.sandbox.requests.clear()
    for dataset in ("runs", "run_status_counts", "failure_rates"):
        project.layout.day_file(dataset, "productsup", date(2025, 2, 3)).unlink()
    assert project.materialize(
        "productsup", date(2025, 2, 3), assets=("runs", "run_status_counts", "failure_rates")
    ).success
    assert project.table("runs", "productsup", date(2025, 2, 3)) == before
    assert project.sandbox.requests == []


def test_a_replay_over_days_of_which_some_were_never_read_names_those(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of([ps("a", "2025-02-03T10:00:00Z")])
    assert project.materialize("productsup", date(2025, 2, 3), assets=("raw_runs",)).success
    text = failure_of(project.materialize("productsup", date(2025, 2, 2), date(2025, 2, 4), assets=("runs",)))
    assert "There are no raw runs for 2025-02-02, 2025-02-04" in text
    assert ids(project, "productsup", date(2025, 2, 3)) == ["a"]
