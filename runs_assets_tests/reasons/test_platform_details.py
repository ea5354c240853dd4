"""Asking for names and errors against the sandbox, over real HTTP and into real files, whatever goes wrong."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runs_assets.accounts import SOURCES
from runs_assets.errors import DamagedFileError, StorageError
from runs_assets.reasons.details_files import load_details, load_error_groups
from runs_assets.reasons.platform_details import LIMITS, DetailsRefresh, FailedRuns
from runs_assets.sandbox import Sandbox, simulated_cloudcruise
from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.cloudcruise_errors import PRIVATE
from runs_assets.sandbox.identity import named_id
from runs_assets.sandbox.profiles import WORKFLOWS
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk
from runs_assets_tests.project import Project

TODAY = NOW.date()
DAY = TODAY - timedelta(days=1)
UPLOAD, LOOKUP = named_id("statement-upload"), named_id("eligibility-lookup")
CLOUDCRUISE, PRODUCTSUP = SOURCES
MONTH = timedelta(days=31)


@dataclass
class Look:
    """Refreshes the details of a source; remembers what was said."""

    project: Project
    said: list[str] = field(default_factory=list)

    def __call__(self, failing: FailedRuns | None = None, source: str = "cloudcruise", **options: Any) -> list[str]:
        """What was asked for: the paths."""
        api = next(one.api for one in SOURCES if one.name == source)
        before, now = len(self.project.sandbox.requests), self.project.sandbox.clock()
        with api.client(source, self.layout, lambda: now) as client:
            retention = options.pop("retention", api.capabilities.retention)
            DetailsRefresh(source, self.layout, failing or {}, now, self.said.append, retention, **options).run(client)
        return [request.path for request in self.project.sandbox.requests[before:]]

    @property
    def layout(self) -> Any:
        return self.project.layout

    def later(self, **span: float) -> None:
        at = self.project.sandbox.clock() + timedelta(**span)
        self.project.sandbox.clock = lambda: at


@pytest.fixture
def look(project: Project) -> Look:
    project.sandbox.cloudcruise.history = simulated_cloudcruise(days=3)
    return Look(project)


def errors_path(workflow: str) -> str:
    return f"/runs/workflow/{workflow}/errors"


def failed_on(sandbox: Sandbox, workflow: str, day: date) -> set[str]:
    """The runs created on a day that failed, from the simulation's own truth."""
    truths = sandbox.cloudcruise.history.truth(sandbox.clock())  # type: ignore[attr-defined]
    its = [truth for truth in truths if truth["pipeline_id"] == workflow and truth["created_at"].date() == day]
    return {truth["run_id"] for truth in its if truth["status"] == "failed"}


def test_names_are_asked_for_once_in_a_day(look: Look) -> None:
    assert load_details(look.layout, "cloudcruise").names == {}
    assert look() == ["/workflows"]
    assert load_details(look.layout, "cloudcruise").names == {workflow.id: workflow.name for workflow in WORKFLOWS}
    look.later(hours=23, minutes=59)
    assert look() == []
    look.later(minutes=1)
    assert look() == ["/workflows"]
    assert look.said == []


def test_both_platforms_have_names_and_only_one_has_errors(look: Look) -> None:
    assert look({DAY: {"c": 5}}, "productsup") == ["/connectors"]
    assert load_details(look.layout, "productsup").names[named_id("price-feed")] == "price-feed"
    assert load_error_groups(look.layout, "productsup", DAY) == {}


def test_a_pipeline_that_is_gone_keeps_its_name(look: Look) -> None:
    look(source="productsup")
    look.project.sandbox.productsup.own_connectors = ()
    look.later(hours=24)
    look(source="productsup")
    assert load_details(look.layout, "productsup").names[named_id("price-feed")] == "price-feed"


def test_the_errors_of_failing_pipelines_are_kept_and_asked_for_again_when_there_are_more(look: Look) -> None:
    failed = failed_on(look.project.sandbox, UPLOAD, DAY)
    assert failed
    failing = {DAY: {UPLOAD: len(failed), LOOKUP: 0}}
    assert look(failing) == ["/workflows", errors_path(UPLOAD)]
    asked = look.project.sandbox.requests[-1].query
    assert (asked["start_timestamp"], asked["end_timestamp"]) == ("2026-03-17T00:00:00Z", "2026-03-18T06:00:00Z")
    known = load_error_groups(look.layout, "cloudcruise", DAY)
    assert known.keys() == {UPLOAD}
    assert failed <= {run_id for group in known[UPLOAD].groups for run_id in group.run_ids}
    assert (known[UPLOAD].failed_runs, known[UPLOAD].asked_at) == (len(failed), NOW)
    assert look(failing) == []
    look.later(hours=1)
    more = {UPLOAD: len(failed) + 1, LOOKUP: 2}
    assert sorted(look({DAY: more})) == sorted(map(errors_path, more))
    again = load_error_groups(look.layout, "cloudcruise", DAY)
    assert {key: (errors.failed_runs, errors.asked_at) for key, errors in again.items()} == {
        UPLOAD: (len(failed) + 1, NOW + timedelta(hours=1)),
        LOOKUP: (2, NOW + timedelta(hours=1)),
    }
    assert again[UPLOAD].groups == known[UPLOAD].groups
    assert look.said == []


def test_the_newest_day_and_the_most_failures_come_first_and_the_end_is_never_ahead(look: Look) -> None:
    failing = {DAY: {UPLOAD: 9}, TODAY: {LOOKUP: 1, UPLOAD: 2}}
    assert look(failing)[1:] == [errors_path(UPLOAD), errors_path(LOOKUP), errors_path(UPLOAD)]
    windows = [request.query for request in look.project.sandbox.requests[-3:]]
    assert [window["start_timestamp"][:10] for window in windows] == ["2026-03-18", "2026-03-18", "2026-03-17"]
    assert windows[0]["end_timestamp"] == "2026-03-18T12:00:00Z"


def test_days_that_the_api_no_longer_has_whole_are_not_asked_for(look: Look) -> None:
    edge = (NOW - MONTH).date()
    failing = {edge: {UPLOAD: 1}, edge + timedelta(days=1): {UPLOAD: 1}}
    look(failing)
    stored = look.layout.stored_days("error_groups", "cloudcruise")
    assert stored == [edge + timedelta(days=1)]
    look(failing, retention=None)
    assert look.layout.stored_days("error_groups", "cloudcruise") == [edge, edge + timedelta(days=1)]


def test_no_more_than_50_requests_are_sent_and_the_rest_is_asked_for_at_the_next_look(look: Look) -> None:
    failing = {DAY: {f"w{n}": 1 for n in range(60)}}

    async def nothing(_request: Request, _inner: Handler) -> Response:
        return JSONResponse([])

    look.project.sandbox.hooks["cloudcruise"].append(nothing)
    assert len(look(failing)) == 50
    assert len(look(failing)) == 11
    assert look(failing) == []


def test_nothing_is_asked_for_after_20_seconds(look: Look) -> None:
    ticks = iter(range(0, 1000, 8))
    failing = {DAY: {f"{n}-w": 1 for n in range(60)}}

    async def nothing(_request: Request, _inner: Handler) -> Response:
        return JSONResponse([])

    look.project.sandbox.hooks["cloudcruise"].append(nothing)
    assert len(look(failing, monotonic=lambda: float(next(ticks)))) == 3  # names, at 8 s and at 16 s
    assert len(load_error_groups(look.layout, "cloudcruise", DAY)) == 2


@pytest.mark.parametrize("source", ["cloudcruise", "productsup"])
@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_refused_is_asked_for_again_a_day_later(look: Look, source: str, status: int) -> None:
    platform = getattr(look.project.sandbox, source)
    platform.trouble = status
    failing = {DAY: {UPLOAD: 2, LOOKUP: 1}, TODAY: {UPLOAD: 2}}
    errors = {"productsup": 0, "cloudcruise": 2 if status == 404 else 1}[source]  # 404 may be about the one pipeline
    assert len(look(failing, source)) == 1 + errors
    assert len(look.said) == 1 + bool(errors)
    assert all(line.startswith(f"{source}: ") and f"HTTP {status}" in line and "\n" not in line for line in look.said)
    look.later(hours=23)
    assert look(failing, source) == []
    platform.trouble = None
    look.later(hours=1)
    assert len(look(failing, source)) == (4 if errors else 1)
    assert len(look.said) == 1 + bool(errors)


@pytest.mark.parametrize("trouble", [500, "hang"])
def test_what_fails_ends_the_look_soon_and_is_asked_for_at_the_next(
    look: Look, trouble: Literal[500, "hang"], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LIMITS.connect + LIMITS.read + LIMITS.attempt < 10
    look.project.sandbox.cloudcruise.trouble = trouble
    with monkeypatch.context() as impatient:
        if trouble == "hang":
            impatient.setattr("runs_assets.reasons.platform_details.LIMITS", replace(LIMITS, read=0.5))
        began = time.monotonic()
        assert len(look({DAY: {UPLOAD: 2, LOOKUP: 1}})) <= 2
        assert time.monotonic() - began < 10
    assert len(look.said) == 2
    assert not folder_of(look.layout).exists() or not list(folder_of(look.layout).rglob("*.json"))
    look.project.sandbox.cloudcruise.trouble = None
    assert len(look({DAY: {UPLOAD: 2, LOOKUP: 1}})) == 3


def test_a_client_that_can_tell_nothing_is_not_asked(look: Look) -> None:
    DetailsRefresh("toy", look.layout, {DAY: {"p": 1}}, NOW, look.said.append).run(object())
    assert not folder_of(look.layout).exists()


def test_a_mistake_in_the_program_is_not_hidden(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs_assets.sources.cloudcruise.client.error_groups_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        look({DAY: {UPLOAD: 1}})


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: content[: len(content) // 2],
    lambda _: b"",
    lambda _: b"{}",
    lambda _: b'[{"pipeline_id":"p"}]',
    lambda content: content.replace(b'"runs":', b'"ruins":'),
    lambda content: content.replace(b'Z"', b'"'),
    lambda _: b"\xff\xfe",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_errors_are_an_error_and_kept_aside_when_they_are_asked_for_again(
    look: Look, damage: Callable[[bytes], bytes]
) -> None:
    failing = {DAY: {UPLOAD: 2}}
    look(failing)
    known = load_error_groups(look.layout, "cloudcruise", DAY)
    path: Path = on_disk(look.layout.day_file("error_groups", "cloudcruise", DAY))
    bad = damage(path.read_bytes())
    path.write_bytes(bad)
    with pytest.raises(
        DamagedFileError, match=r"error_groups/source=cloudcruise/date=2026-03-17/part-0.json is damaged"
    ):
        load_error_groups(look.layout, "cloudcruise", DAY)
    look.project.sandbox.cloudcruise.trouble = 500
    look(failing)
    assert path.read_bytes() == bad  # nothing to put in its place
    look.project.sandbox.cloudcruise.trouble = None
    look(failing)
    assert load_error_groups(look.layout, "cloudcruise", DAY) == known
    [kept] = (folder_of(look.layout) / ".damaged").rglob("*.json")
    assert kept.read_bytes() == bad
    assert "; its errors are requested again" in look.said[0]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"names":{"a":1}}', b'{"names":', b"\xff", b'{"asked_at":"2026-03-18"}']
)
def test_damaged_names_count_as_none_and_are_asked_for_again(look: Look, content: bytes) -> None:
    look()
    on_disk(look.layout.names_file("cloudcruise")).write_bytes(content)
    assert load_details(look.layout, "cloudcruise").names == {}
    assert look() == ["/workflows"]
    assert len(load_details(look.layout, "cloudcruise").names) == 8


def test_a_clock_that_was_ahead_does_not_stop_the_asking(look: Look) -> None:
    look.later(days=300)
    look()
    look.later(days=-300)
    assert look() == ["/workflows"]


def test_a_file_that_cannot_be_written_is_a_storage_error(look: Look) -> None:
    folder_of(look.layout).mkdir()
    (folder_of(look.layout) / ".names").write_text("in the way")
    with pytest.raises(StorageError):
        look()


def test_nothing_private_gets_into_a_file_a_log_or_a_line(look: Look, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox = look.project.sandbox
    secret = "sandbox-fake-connector-secret"
    failing: Mapping[date, Mapping[str, int]] = {
        day: {workflow.id: 3 for workflow in WORKFLOWS} for day in (DAY, TODAY)
    }
    assert len(look(failing)) == 17
    look(source="productsup")

    async def say_too_much(request: Request, _inner: Handler) -> Response:
        ours = request.headers.get("cc-key") or request.headers["authorization"].removeprefix("Bearer ")
        return JSONResponse({"message": f"no {ours}", "errors": {"a": ours}}, 400)

    for platform in ("cloudcruise", "productsup"):
        sandbox.hooks[platform].append(say_too_much)
    look.later(days=2)
    look({DAY: {UPLOAD: 99}})
    look(source="productsup")
    files = {path: path.read_bytes() for path in folder_of(look.layout).rglob("*") if path.is_file()}
    assert len(files) == 4
    everything = b"".join(files.values()).decode() + caplog.text + "\n".join(look.said)
    for private in (PRIVATE, "patient", secret, sandbox.api_key, sandbox.token):
        assert private not in everything
    assert [line.count("[redacted]") for line in look.said] == [2, 2, 2]
