"""Names and reasons end to end: from both sandbox APIs into the tables, and the tables without the APIs' help."""

from datetime import timedelta
from typing import Any

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.reasons.details_files import load_details
from runs_assets.sandbox import simulated_cloudcruise, simulated_productsup
from runs_assets.sandbox.cloudcruise_errors import cause_of
from runs_assets.sandbox.profiles import WORKFLOW_PROFILES
from runs_assets.verdicts.refresh import Judge, ask_about_failures
from runs_assets.watch_file import WatchFile
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk, unreadable
from runs_assets_tests.project import Project

OAUTH = ("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
TODAY = NOW.date()
FIRST = TODAY - timedelta(days=1)
Counts = dict[tuple[Any, ...], int]


def counted(project: Project, source: str) -> Counts:
    """Failed runs by pipeline and day, of the daily files."""
    rows = {day: project.table("failure_rates", source, day) for day in (FIRST, TODAY)}
    return {(row["pipeline_id"], day): row["failed"] for day in rows for row in rows[day] if row["failed"]}


def caused(project: Project) -> Counts:
    """Failed runs by pipeline, day and error, of the sandbox itself."""
    found: Counts = {}
    for row in project.sandbox.shown("cloudcruise"):
        if row.body["status"] == "execution.failed" and not row.body["dry_run"] and row.created_at.date() >= FIRST:
            key = row.body["workflow_id"], row.created_at.date(), cause_of(row.body, WORKFLOW_PROFILES)[0]
            found[key] = found.get(key, 0) + 1
    return found


def coded(project: Project) -> Counts:
    """Failed runs by connector, day and exit code, of the sandbox itself."""
    found: Counts = {}
    for row in project.sandbox.shown("productsup"):
        code, day = row.body["exit-code"], row.created_at.date()
        if (row.body["state"] == "failed" or code not in {0, None}) and day >= FIRST:
            key = row.body["connector-id"], day, "no exit code" if code is None else f"exit code {code}"
            found[key] = found.get(key, 0) + 1
    return found


def ask(project: Project) -> list[str]:
    said: list[str] = []
    for source in SOURCES:
        ask_about_failures(source, project.layout, lambda: NOW, said.append)
    return said


def reasons(project: Project, source: str) -> list[dict[str, Any]]:
    refreshed = Judge(project.layout, 90, WatchFile()).refresh(SOURCES)
    assert refreshed.failures == {}
    return [row for row in refreshed.tables["failure_reasons"].to_pylist() if row["source"] == source]


def sums(rows: list[dict[str, Any]]) -> Counts:
    found: Counts = {}
    for row in rows:
        key = row["pipeline_id"], row["date"]
        found[key] = found.get(key, 0) + row["runs"]
    return found


def by_reason(rows: list[dict[str, Any]]) -> Counts:
    return {(row["pipeline_id"], row["date"], row["reason"]): row["runs"] for row in rows}


def test_every_failed_run_is_explained_where_the_apis_help_and_counted_where_they_do_not(project: Project) -> None:
    sandbox = project.sandbox
    sandbox.cloudcruise.history = simulated_cloudcruise(days=2)
    sandbox.productsup.history = simulated_productsup(days=2)
    for source in SOURCES:
        assert project.materialize(source.name, FIRST, TODAY).success

    sandbox.cloudcruise.trouble = sandbox.productsup.trouble = 500
    assert len(ask(project)) == 3
    unexplained = reasons(project, "cloudcruise")
    assert sums(unexplained) == counted(project, "cloudcruise") != {}
    assert {(row["reason"], row["pipeline_name"]) for row in unexplained} == {("not known", None)}
    by_code = reasons(project, "productsup")
    assert sums(by_code) == counted(project, "productsup") != {}
    assert by_reason(by_code) == coded(project)
    assert {row["side"] for row in by_code} == {"platform", "customer", "unknown"}

    sandbox.cloudcruise.trouble = sandbox.productsup.trouble = None
    assert ask(project) == []
    explained = reasons(project, "cloudcruise")
    assert by_reason(explained) == caused(project)
    assert None not in {row["pipeline_name"] for row in explained}
    assert {row["side"] for row in reasons(project, "productsup")} == {"platform", "customer", "ours", "unknown"}


def test_a_damaged_daily_file_and_a_source_that_is_being_read_stop_nothing(project: Project) -> None:
    assert project.materialize("cloudcruise", TODAY).success
    path = on_disk(project.layout.day_file("failure_rates", "cloudcruise", TODAY))
    path.write_bytes(path.read_bytes()[:-1])
    [line] = ask(project)
    assert line.startswith("cloudcruise: the reasons of failed runs are not requested. The file ")
    assert len(load_details(project.layout, "cloudcruise").names) >= 8
    on_disk(project.layout.names_file("cloudcruise")).unlink()
    with project.layout.lock_file("cloudcruise").held("cloudcruise"):
        [line] = ask(project)
    assert "is being read" in line
    assert load_details(project.layout, "cloudcruise").names == {}


def test_a_folder_that_cannot_be_read_stops_nothing(project: Project) -> None:
    assert project.materialize("cloudcruise", TODAY).success
    with unreadable(folder_of(project.layout) / "failure_rates" / "source=cloudcruise"):
        [line] = ask(project)
    assert line.startswith("cloudcruise: the reasons of failed runs are not requested. Could not read ")
    assert len(load_details(project.layout, "cloudcruise").names) >= 8


def test_a_proxy_and_tokens_that_cannot_be_used_stop_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "fd07::/64")
    monkeypatch.setenv("CLOUDCRUISE_BASE_URL", "https://api.example.com")
    monkeypatch.delenv("PRODUCTSUP_CDE_TOKEN")
    for name in OAUTH:
        monkeypatch.setenv(f"PRODUCTSUP_CDE_{name}", project.sandbox.token_url)
    tokens = on_disk(project.layout.token_file("productsup"))
    tokens.parent.mkdir(parents=True)
    tokens.write_text("damaged")
    of_proxy, of_tokens = ask(project)
    assert of_proxy.startswith("cloudcruise: could not request names and errors. The proxy in ")
    assert of_tokens.startswith("productsup: could not request names and errors. The file of rotated tokens is damaged")
