from datetime import UTC, datetime, timedelta

import pytest

from runs_assets.sandbox import FixedHistory, Row
from runs_assets_tests.sandbox.asking import NOW, OTHER_WORKFLOW, WORKFLOW, Asker, session
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

SEED_ROW = CLOUDCRUISE_EXAMPLE[0]


def serve(ask: Asker, *rows: dict[str, object]) -> None:
    ask.sandbox.cloudcruise.history = FixedHistory.of(rows)


def test_the_documented_example_is_answered_as_a_bare_array(ask: Asker) -> None:
    serve(ask, SEED_ROW)
    answer = ask.cloudcruise(start_time="2026-02-15T00:00:00Z")
    assert answer.status_code == 400  # 31 days and 12 hours before the clock of these tests
    ask.sandbox.clock = lambda: datetime(2026, 2, 15, 12, tzinfo=UTC)
    answer = ask.cloudcruise()
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [SEED_ROW]


@pytest.mark.parametrize("headers", [{}, {"cc-key": "wrong"}, {"Authorization": "Bearer x"}])
def test_a_wrong_or_missing_key_is_unauthorized(ask: Asker, headers: dict[str, str]) -> None:
    answer = ask.client.get(f"{ask.sandbox.cloudcruise_url}/runs", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Invalid or missing API key",
    }


def test_the_key_is_looked_at_before_the_parameters(ask: Asker) -> None:
    answer = ask.client.get(f"{ask.sandbox.cloudcruise_url}/runs", params={"limit": 0})
    assert answer.status_code == 401


def test_rows_come_newest_first_and_equal_times_keep_their_order(ask: Asker) -> None:
    serve(
        ask,
        session("old", "2026-03-18T09:00:00Z"),
        session("tie-1", "2026-03-18T10:00:00Z"),
        session("new", "2026-03-18T11:00:00Z"),
        session("tie-2", "2026-03-18T10:00:00Z"),
    )
    assert ask.sessions() == ["new", "tie-1", "tie-2", "old"]


def test_without_start_time_the_last_24_hours_are_answered(ask: Asker) -> None:
    serve(
        ask,
        session("a second too old", "2026-03-17T11:59:59Z"),
        session("just", "2026-03-17T12:00:00Z"),
    )
    assert ask.sessions() == ["just"]


def test_start_time_includes_its_own_second(ask: Asker) -> None:
    serve(ask, session("before", "2026-03-10T07:59:59Z"), session("at", "2026-03-10T08:00:00Z"))
    assert ask.sessions(start_time="2026-03-10T08:00:00Z") == ["at"]
    assert ask.sessions(start_time="2026-03-10T09:00:00+01:00") == ["at"]


def test_start_time_may_be_31_days_old_but_not_older(ask: Asker) -> None:
    assert ask.cloudcruise(start_time="2026-02-15T12:00:00Z").status_code == 200
    answer = ask.cloudcruise(start_time="2026-02-15T11:59:59Z")
    assert answer.status_code == 400
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": "start_time cannot be older than 31 days",
    }


def test_how_far_back_start_time_may_lie_is_a_setting(ask: Asker) -> None:
    ask.sandbox.cloudcruise.retention_days = 2
    assert ask.cloudcruise(start_time="2026-03-16T12:00:00Z").status_code == 200
    assert ask.cloudcruise(start_time="2026-03-16T11:59:59Z").status_code == 400


def test_cursor_excludes_its_own_time(ask: Asker) -> None:
    serve(
        ask,
        session("after", "2026-03-18T10:00:01Z"),
        session("at", "2026-03-18T10:00:00Z"),
        session("before", "2026-03-18T09:59:59Z"),
    )
    assert ask.sessions(cursor="2026-03-18T10:00:00Z") == ["before"]
    assert ask.sessions(cursor="2026-03-18T10:00:00.000001Z") == ["at", "before"]


def test_a_cursor_at_a_page_boundary_inside_a_tie_loses_rows_as_documented(ask: Asker) -> None:
    serve(ask, *(session(f"tie-{n}", "2026-03-18T10:00:00Z") for n in range(3)))
    assert ask.sessions(limit=2) == ["tie-0", "tie-1"]
    assert ask.sessions(limit=2, cursor="2026-03-18T10:00:00Z") == []


def test_the_server_may_compare_finer_than_it_prints(ask: Asker) -> None:
    printed = "2026-03-18T10:00:00Z"
    half_past = datetime(2026, 3, 18, 10, 0, 0, 500_000, tzinfo=UTC)
    ask.sandbox.cloudcruise.history = FixedHistory([Row(half_past, session("fine", printed))])
    assert ask.sessions(cursor=printed) == []
    assert ask.sessions(start_time=printed) == ["fine"]
    assert ask.sessions(start_time="2026-03-18T10:00:01Z") == []


def test_a_row_may_print_no_creation_time(ask: Asker) -> None:
    row = session("null", "2026-03-18T10:00:00Z") | {"created_at": None}
    ask.sandbox.cloudcruise.history = FixedHistory([Row(NOW - timedelta(hours=1), row)])
    assert ask.cloudcruise().json() == [row]


def test_start_time_and_cursor_together_are_one_day(ask: Asker) -> None:
    serve(
        ask,
        session("next day", "2026-03-11T00:00:00Z"),
        session("last second", "2026-03-10T23:59:59Z"),
        session("first second", "2026-03-10T00:00:00Z"),
        session("day before", "2026-03-09T23:59:59Z"),
    )
    day = ask.sessions(start_time="2026-03-10T00:00:00Z", cursor="2026-03-11T00:00:00Z")
    assert day == ["last second", "first second"]
    assert ask.sessions(start_time="2026-03-11T00:00:00Z", cursor="2026-03-10T00:00:00Z") == []


def test_the_limit_defaults_to_1000_and_goes_to_10000(ask: Asker) -> None:
    serve(ask, *(session(str(n), "2026-03-18T10:00:00Z") for n in range(10_001)))
    assert len(ask.sessions()) == 1000
    assert len(ask.sessions(limit=1)) == 1
    assert len(ask.sessions(limit=10_000)) == 10_000


@pytest.mark.parametrize("limit", ["0", "10001", "-1", "ten", "1.5", "", "1e3"])
def test_a_limit_out_of_range_is_refused(ask: Asker, limit: str) -> None:
    answer = ask.cloudcruise(limit=limit)
    assert answer.status_code == 400
    assert answer.json()["message"] == "limit must be an integer from 1 to 10000"


@pytest.mark.parametrize("name", ["start_time", "cursor"])
@pytest.mark.parametrize("text", ["yesterday", "", "2026-03-18", "2026-03-18T10:00:00", "1773828000"])
def test_a_time_that_is_no_date_time_with_an_offset_is_refused(ask: Asker, name: str, text: str) -> None:
    answer = ask.cloudcruise(**{name: text})
    assert answer.status_code == 400
    assert answer.json()["message"] == f"{name} must be an ISO 8601 date-time with an offset"


def test_rows_can_be_filtered_by_workflow_and_status(ask: Asker) -> None:
    serve(
        ask,
        session("a", "2026-03-18T10:00:03Z"),
        session("b", "2026-03-18T10:00:02Z", workflow_id=OTHER_WORKFLOW),
        session("c", "2026-03-18T10:00:01Z", status="execution.failed"),
    )
    assert ask.sessions(workflow_id=WORKFLOW) == ["a", "c"]
    assert ask.sessions(status="execution.success") == ["a", "b"]
    assert ask.sessions(workflow_id=WORKFLOW, status="execution.failed") == ["c"]
    assert ask.sessions(workflow_id=WORKFLOW, limit=1) == ["a"]


def test_the_credential_can_be_filtered_on_but_is_not_shown(ask: Asker) -> None:
    when = datetime(2026, 3, 18, 10, tzinfo=UTC)
    ask.sandbox.cloudcruise.history = FixedHistory(
        Row(when, session(user, "2026-03-18T10:00:00Z"), {"credential_id": user}) for user in ("ann", "bob")
    )
    answer = ask.cloudcruise(credential_id="bob")
    assert [row["session_id"] for row in answer.json()] == ["bob"]
    assert "credential_id" not in answer.json()[0]


@pytest.mark.parametrize("word", ["queued", "start", "failed", "success", "paused", "stopped", "requeued"])
def test_every_documented_status_is_accepted(ask: Asker, word: str) -> None:
    serve(ask, session("it", "2026-03-18T10:00:00Z", status=f"execution.{word}"))
    assert ask.sessions(status=f"execution.{word}") == ["it"]


@pytest.mark.parametrize("query", [{"status": "success"}, {"status": ""}, {"workflow_id": "no-uuid"}])
def test_a_filter_value_outside_the_documented_type_is_refused(ask: Asker, query: dict[str, str]) -> None:
    answer = ask.cloudcruise(**query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["message"]


@pytest.mark.parametrize("path", ["/run", "/runs/1", "/", ""])
def test_an_unknown_path_is_not_found(ask: Asker, path: str) -> None:
    answer = ask.client.get(ask.sandbox.cloudcruise_url + path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "Not Found"
