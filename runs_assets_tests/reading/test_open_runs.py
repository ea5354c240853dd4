"""Asking for open runs by id: what comes back is stored, what the day was worth stays."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox import FixedHistory, FrozenClock
from runs_assets.sandbox.answers import Handler
from runs_assets.storage.raw import stat_day
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, failure_of
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE

DAY = NOW.date() - timedelta(days=10)


def run(run_id: str, **fields: object) -> dict[str, object]:
    created = {"created-at": f"{DAY}T10:00:00+00:00"}
    return {**PRODUCTSUP_EXAMPLE[0], "id": run_id, **created, **fields}


def open_run(run_id: str, **fields: object) -> dict[str, object]:
    return run(run_id, **{"state": "running", "finished-at": None, "exit-code": None, **fields})


def read_by_id(project: Project, source: str = "productsup") -> dg.ExecuteInProcessResult:
    """Read only the open runs of DAY, an hour after it was read whole."""
    project.sandbox.clock = FrozenClock(NOW + timedelta(hours=1))
    return project.materialize(source, DAY, run_config=only_open_runs(source))


def only_open_runs(source: str) -> dict[str, Any]:
    return {"ops": {f"{source}__raw_runs": {"config": {"only_open_runs": True}}}}


@pytest.fixture
def read_day(project: Project) -> Project:
    """A day with one run that has ended, two that are open, and a row that was set aside, read whole."""
    bad = open_run("", id=None)
    project.sandbox.productsup.history = FixedHistory.of([run("a"), open_run("b"), open_run("c"), bad])
    assert project.materialize("productsup", DAY).success
    project.sandbox.requests.clear()
    return project


def states(project: Project) -> dict[str, str]:
    return {row["run_id"]: row["status"] for row in project.table("runs", "productsup", DAY)}


def test_only_what_is_open_is_asked_for_and_what_was_stored_stays(read_day: Project) -> None:
    before = stat_day(read_day.layout.day_file("raw_runs", "productsup", DAY))
    read_day.sandbox.productsup.history = FixedHistory.of([run("a", state="failed"), run("b")])
    result = read_by_id(read_day)
    assert sorted(asked.query["id"] for asked in read_day.sandbox.requests) == ["b", "c"]
    assert states(read_day) == {"a": "succeeded", "b": "succeeded", "c": "running"}
    after = stat_day(read_day.layout.day_file("raw_runs", "productsup", DAY))
    assert (after.rows, after.retained) == (before.rows, before.retained)
    assert after.read.complete_as_of == before.read.complete_as_of == NOW
    assert after.read.read_id != before.read.read_id
    [event] = result.asset_materializations_for_node("productsup__raw_runs")
    assert event.metadata["notes"].value == "Only the 2 open runs were asked for, by their ids."
    assert (event.metadata["requests"].value, event.metadata["quarantined"].value) == (2, 1)


def test_an_answer_with_another_run_or_another_day_changes_nothing(read_day: Project) -> None:
    moved = run("b", **{"created-at": f"{DAY + timedelta(days=1)}T10:00:00+00:00"})
    read_day.sandbox.productsup.history = FixedHistory.of([moved, run("a", state="failed")])

    async def ignore_the_id(request: Request, inner: Handler) -> Response:
        return await inner(Request({**request.scope, "query_string": b""}, request.receive))

    read_day.sandbox.hooks["productsup"].append(ignore_the_id)
    assert read_by_id(read_day).success
    assert states(read_day) == {"a": "succeeded", "b": "running", "c": "running"}


def test_a_platform_that_cannot_be_asked_by_id_says_so(project: Project) -> None:
    text = failure_of(read_by_id(project, "cloudcruise"))
    assert "This platform cannot be asked for a single run. Set only_open_runs to false." in text
    assert project.files() == {}


def test_a_day_that_was_never_read_is_named(project: Project) -> None:
    assert f"There is no runs of productsup for {DAY}" in failure_of(read_by_id(project))
