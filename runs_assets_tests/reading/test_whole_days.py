"""Days become durable one by one; rows that move, come late or are bad end up where they belong."""

from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.days import DayRange
from runs_assets.definitions import definitions_of
from runs_assets.errors import OutOfReachError
from runs_assets.reading.request import ReadingRequest
from runs_assets.reading.whole_days import read_days
from runs_assets.sandbox import FixedHistory, FrozenClock, Row
from runs_assets.sandbox.answers import Handler
from runs_assets.sources.cloudcruise.source import CloudCruiseApi
from runs_assets.storage.raw import stat_day
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import on_disk, stored_file
from runs_assets_tests.project import Project, days_between, failure_of
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
    assert not on_disk(project.layout.day_file("raw_runs", "cloudcruise", date(2026, 3, 15))).exists()
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
    assert not on_disk(project.layout.day_file("quarantine", "productsup", YESTERDAY)).exists()


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
    path = on_disk(project.layout.day_file("raw_runs", "productsup", date(2026, 3, 17)))
    assert stat_day(stored_file(path)).read.complete is False


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
        on_disk(project.layout.day_file(dataset, "productsup", date(2025, 2, 3))).unlink()
    assert project.materialize(
        "productsup", date(2025, 2, 3), assets=("runs", "run_status_counts", "failure_rates")
    ).success
    assert project.table("runs", "productsup", date(2025, 2, 3)) == before
    assert project.sandbox.requests == []


def test_a_replay_over_days_of_which_some_were_never_read_names_those(project: Project) -> None:
    project.sandbox.productsup.history = FixedHistory.of([ps("a", "2025-02-03T10:00:00Z")])
    assert project.materialize("productsup", date(2025, 2, 3), assets=("raw_runs",)).success
    text = failure_of(project.materialize("productsup", date(2025, 2, 2), date(2025, 2, 4), assets=("runs",)))
    assert "productsup/raw_runs are missing for 2025-02-02, 2025-02-04" in text
    assert ids(project, "productsup", date(2025, 2, 3)) == ["a"]


def test_a_time_that_is_printed_rounded_up_to_midnight_belongs_to_the_day_that_it_prints(project: Project) -> None:
    at = datetime(2026, 3, 16, 23, 59, 59, 999_600, tzinfo=UTC)
    project.sandbox.cloudcruise.history = FixedHistory([Row(at, cc("a", "2026-03-17T00:00:00.000Z"))])
    assert project.materialize("cloudcruise", date(2026, 3, 17)).success
    assert ids(project, "cloudcruise", date(2026, 3, 17)) == ["a"]


@pytest.mark.parametrize(
    ("seen_at", "status", "is_settled"),
    [
        ("2026-03-18T23:59:59Z", "execution.success", "false"),
        ("2026-03-19T00:00:00Z", "execution.success", "true"),
        ("2026-03-19T00:00:00Z", "execution.queued", "false"),
    ],
)
def test_a_day_is_settled_when_it_was_seen_24_hours_after_its_end_with_no_run_open(
    project: Project, seen_at: str, status: str, is_settled: str
) -> None:
    project.sandbox.clock = FrozenClock(datetime.fromisoformat(seen_at))
    project.sandbox.cloudcruise.history = FixedHistory.of([cc("a", "2026-03-17T10:00:00Z", status=status)])
    assert project.materialize("cloudcruise", date(2026, 3, 17)).success
    metadata = project.metadata("failure_rates", "cloudcruise", date(2026, 3, 17))
    assert (metadata["complete"], metadata["settled"]) == ("true", is_settled)
    [rates] = project.table("failure_rates", "cloudcruise", date(2026, 3, 17))
    assert str(rates["is_final"]).lower() == is_settled


def test_a_list_without_order_that_changes_meanwhile_leaves_the_day_not_complete(project: Project) -> None:
    rows = [Row(NOW - timedelta(minutes=n), ps(str(n), f"{YESTERDAY}T10:{n * 7 % 60:02d}:00Z")) for n in range(30)]
    history = project.sandbox.productsup.history = FixedHistory(rows)
    asked = iter(range(100))

    async def insert_later(request: Request, inner: Handler) -> Response:
        history.insert(Row(NOW, ps(f"new{next(asked)}", f"{YESTERDAY}T11:00:00Z")))
        return await inner(request)

    project.sandbox.hooks["productsup"].append(insert_later)
    assert project.materialize("productsup", YESTERDAY).success
    assert set(ids(project, "productsup", YESTERDAY)) >= {str(n) for n in range(30)}
    assert project.metadata("runs", "productsup", YESTERDAY)["complete"] == "false"


def test_a_run_that_changes_after_its_day_was_stored_is_stored_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "5")
    rows = [ps(f"{day}-{n}", f"2026-03-{day}T10:0{n}:00Z") for day in (17, 16) for n in range(9, -1, -1)]
    project.sandbox.productsup.history = FixedHistory.of(rows)
    asked = iter(range(100))

    async def fail_the_last_run(request: Request, inner: Handler) -> Response:
        # Three pages show 2026-03-17 and a run of the day before; the fourth begins with the last one of it again.
        if next(asked) == 3:
            changed = [{**row, "state": "failed"} if row["id"] == "17-0" else row for row in rows]
            project.sandbox.productsup.history = FixedHistory.of(changed)
        return await inner(request)

    project.sandbox.hooks["productsup"].append(fail_the_last_run)
    assert project.materialize("productsup", date(2026, 3, 16), YESTERDAY).success
    found = {run["run_id"]: run["status"] for run in project.table("runs", "productsup", YESTERDAY)}
    assert found == {f"17-{n}": "succeeded" if n else "failed" for n in range(10)}


def test_days_stored_before_the_list_proved_to_be_without_order_are_stored_anew_and_say_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "5")
    printed = [f"2026-03-17T10:0{n}:00Z" for n in range(9, -1, -1)]
    printed += [f"2026-03-16T10:{n * 7 % 60:02d}:00Z" for n in range(30)]
    rows = [Row(NOW - timedelta(minutes=n), ps(str(n), at)) for n, at in enumerate(printed)]
    project.sandbox.productsup.history = FixedHistory(rows)
    result = project.materialize("productsup", date(2026, 3, 16), YESTERDAY)
    assert result.success
    last = {
        event.partition: event.metadata["notes"].value if "notes" in event.metadata else ""
        for event in result.asset_materializations_for_node("productsup__raw_runs")
    }
    says = "The list is not newest first, so all of it was read."
    assert last == {"2026-03-16": says, "2026-03-17": says}


def test_days_stored_before_a_changing_list_proved_to_be_without_order_are_not_complete(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "5")
    printed = [f"2026-03-17T10:0{n}:00Z" for n in range(9, -1, -1)]
    printed += [f"2026-03-15T10:{n * 7 % 60:02d}:00Z" for n in range(30)]
    rows = [Row(NOW - timedelta(minutes=n), ps(str(n), at)) for n, at in enumerate(printed)]
    history = project.sandbox.productsup.history = FixedHistory(rows)
    asked = iter(range(1000))

    async def append_later(request: Request, inner: Handler) -> Response:
        n = next(asked)
        if n < 10:  # the fifth request is the first of the whole list
            history.insert(Row(NOW - timedelta(hours=2, minutes=n), ps(f"new{n}", "2026-03-01T11:00:00Z")))
        return await inner(request)

    project.sandbox.hooks["productsup"].append(append_later)
    assert project.materialize("productsup", date(2026, 3, 15), YESTERDAY).success
    # The day between has no runs: nothing but the order said that all of it had been shown.
    days = days_between(date(2026, 3, 15), YESTERDAY)
    assert [project.metadata("runs", "productsup", day)["complete"] for day in days] == ["false"] * 3


def test_a_reading_that_the_retention_overtakes_ends_and_keeps_the_days_already_stored(project: Project) -> None:
    clock = FrozenClock(NOW)
    project.sandbox.clock = clock
    rows = [cc(f"{at}", f"{at}T10:00:00Z") for at in ("2026-02-17", "2026-02-16")]
    project.sandbox.cloudcruise.history = FixedHistory.of(rows)

    async def take_long(request: Request, inner: Handler) -> Response:
        answer = await inner(request)
        clock.advance(timedelta(hours=7))  # the API forgets at 2026-02-15T12:00 and on
        return answer

    project.sandbox.hooks["cloudcruise"].append(take_long)
    days = DayRange(date(2026, 2, 16), date(2026, 2, 17))
    with CloudCruiseApi(settings_prefix="CLOUDCRUISE_").client("cloudcruise", project.layout, clock) as client:
        request = ReadingRequest("cloudcruise", "session_id", days, project.layout, clock, report=lambda _line: None)
        with pytest.raises(OutOfReachError, match="The reading took so long that 2026-02-16T00:00:00Z fell out"):
            list(read_days(client, request, date(2025, 1, 1), timedelta(days=31)))
    assert len(project.sandbox.requests) == 2


def test_a_bad_row_of_a_day_that_was_not_asked_for_touches_nothing_of_that_day(project: Project) -> None:
    at = datetime(2026, 3, 16, 10, tzinfo=UTC)
    old, bad = ps("old", "2026-03-16T10:00:00Z"), ps("bad", "", **{"created-at": None})
    good = Row(at + timedelta(days=1), ps("good", "2026-03-17T10:00:00Z"))
    project.sandbox.productsup.history = FixedHistory([good, Row(at, old), Row(at - timedelta(hours=1), bad)])
    assert project.materialize("productsup", YESTERDAY).success
    assert {date for date in map(str, project.files()) if "date=2026-03-16" in date} == set()


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("cloudcruise", ""),
        ("cloudcruise", "<html>busy</html>"),
        ("cloudcruise", '[{"session_id":'),
        ("cloudcruise", '{"message":"maintenance"}'),
        ("productsup", ""),
        ("productsup", "<html>busy</html>"),
        ("productsup", '{"data":'),
        ("productsup", "[]"),
        ("productsup", '{"message":"maintenance"}'),
        ("productsup", '{"data":[]}'),
        ("productsup", '{"data":[],"metadata":{"total":0}}'),
    ],
)
def test_a_success_that_is_not_the_documented_json_is_asked_again_not_taken_for_the_end(
    project: Project, source: str, body: str
) -> None:
    at = f"{YESTERDAY}T10:00:00Z"
    project.sandbox.cloudcruise.history = FixedHistory.of([cc("a", at)])
    project.sandbox.productsup.history = FixedHistory.of([ps("a", at)])
    given = iter([PlainTextResponse(body)])

    async def busy_at_first(request: Request, inner: Handler) -> Response:
        return next(given, None) or await inner(request)

    project.sandbox.hooks[source].append(busy_at_first)
    assert project.materialize(source, YESTERDAY, assets=("raw_runs",)).success
    assert [line["observed_at"] for line in project.raw(source, YESTERDAY)] == ["2026-03-18T12:00:00Z"]


def test_a_source_is_locked_while_it_is_read_and_what_a_killed_process_left_is_removed(project: Project) -> None:
    leftover = project.layout.scratch("cloudcruise") / "2026-01-01.jsonl"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a li")
    held: list[tuple[bool, bool]] = []

    async def look(request: Request, inner: Handler) -> Response:
        held.append((project.layout.lock_file("cloudcruise").is_held(), leftover.exists()))
        return await inner(request)

    project.sandbox.hooks["cloudcruise"].append(look)
    assert project.materialize("cloudcruise", YESTERDAY).success
    assert set(held) == {(True, False)}
    assert not project.layout.lock_file("cloudcruise").is_held()


def test_a_run_that_turns_up_after_its_day_was_stored_is_kept_though_the_reading_fails_later(project: Project) -> None:
    newest = [ps("b", "2026-03-17T12:00:00Z")]
    older = [ps(f"a{hour}", f"2026-03-16T{hour}:00:00Z") for hour in (12, 11, 10)]
    history = project.sandbox.productsup.history = FixedHistory.of([*newest, *older])
    asked = iter(range(100))

    async def insert_and_fail(request: Request, inner: Handler) -> Response:
        number = next(asked)
        if number == 1:
            history.insert(Row(datetime(2026, 3, 17, 13, tzinfo=UTC), ps("late", "2026-03-17T13:00:00Z")))
        return PlainTextResponse("{}", 403) if number == 2 else await inner(request)

    project.sandbox.hooks["productsup"].append(insert_and_fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "2")
        assert not project.materialize("productsup", date(2026, 3, 16), date(2026, 3, 17)).success
    assert [line["run"]["id"] for line in project.raw("productsup", date(2026, 3, 17))] == ["late", "b"]
    assert not on_disk(project.layout.day_file("raw_runs", "productsup", date(2026, 3, 16))).exists()


def test_a_range_that_ends_before_it_begins_is_refused_with_a_sentence(project: Project) -> None:
    job = definitions_of(project.sources).resolve_job_def("cloudcruise_daily")
    tags = {
        "dagster/asset_partition_range_start": "2026-03-17",
        "dagster/asset_partition_range_end": "2026-03-15",
    }
    result = job.execute_in_process(instance=project.instance, tags=tags, raise_on_error=False)
    assert failure_of(result) == (
        "cloudcruise: finding the days of the run failed. The range that was asked for holds no day: its first day "
        "must not be after its last."
    )
