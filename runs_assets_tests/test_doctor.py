"""What `runs-assets doctor` finds, on real HTTP, real files and a real Dagster instance."""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from runs_assets.cli import main
from runs_assets.days import utc_now
from runs_assets.sandbox import FixedHistory, FrozenClock
from runs_assets_tests.alerts.receiver import Receiver, receiving
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.project import Project
from runs_assets_tests.readme import ROOT
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

Findings = dict[str, tuple[str, str]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def _without_a_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def findings(capsys: pytest.CaptureFixture[str]) -> tuple[int, Findings]:
    """The exit status, and the health and message of each check."""
    capsys.readouterr()
    status = main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["health"] == ("ok", "warning", "failed")[status]
    return status, {found["check"]: (found["health"], found["message"]) for found in document["findings"]}


def read_today(project: Project) -> None:
    """At the true time, which the command goes by."""
    now = utc_now()
    project.sandbox.clock = FrozenClock(now)
    project.sandbox.cloudcruise.history = FixedHistory.of([{**CLOUDCRUISE_EXAMPLE[0], "created_at": now.isoformat()}])
    for source in ("cloudcruise", "productsup"):
        assert project.materialize(source, now.date()).success


def evaluated(project: Project, minutes_ago: float) -> None:
    state = folder_of(project.layout) / ".alerts/state.json"
    state.parent.mkdir()
    state.touch()
    at = (utc_now() - timedelta(minutes=minutes_ago)).timestamp()
    os.utime(state, (at, at))


def test_all_is_well(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
    read_today(project)
    evaluated(project, minutes_ago=1)
    asked = len(project.sandbox.requests)
    status, found = findings(capsys)
    checks = ["settings", "free space", "cloudcruise", "cloudcruise: newest reading", "productsup"]
    checks += ["productsup: newest reading", "address 1", "newest evaluation"]
    assert {check: health for check, (health, _) in found.items()} == dict.fromkeys(checks, "ok")
    assert status == 0
    assert [request.platform for request in project.sandbox.requests[asked:]] == ["cloudcruise", "productsup"]
    assert receiver.got == []


def test_what_is_wrong_is_named_without_secrets(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "a-wrong-key")
    monkeypatch.delenv("PRODUCTSUP_CDE_TOKEN")
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", "json://127.0.0.1:1/hidden")
    project.sandbox.clock = FrozenClock(utc_now())
    status, found = findings(capsys)
    assert status == 2
    assert "HTTP 401" in found["cloudcruise"][1]
    assert "it needs PRODUCTSUP_CDE_BASE_URL and PRODUCTSUP_CDE_TOKEN" in found["productsup"][1]
    assert found["address 1"] == ("failed", "No connection: Connection refused.")
    assert [found[check][0] for check in ("cloudcruise", "productsup")] == ["failed", "failed"]
    assert found["newest evaluation"][0] == "warning"
    assert "hidden" not in str(found)
    assert "a-wrong-key" not in str(found)


@pytest.mark.usefixtures("project")
def test_an_unusable_setting_is_the_only_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_GRACE_HOURS", "many")
    status, found = findings(capsys)
    assert (status, [*found]) == (2, ["settings"])
    assert "RUNS_ASSETS_GRACE_HOURS" in found["settings"][1]


@pytest.mark.usefixtures("project")
def test_a_source_that_the_watch_file_misspells_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "watch.toml").write_text('[[owners]]\nsource = "productsap"\nowner = "Feeds team"\n')
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", "watch.toml")
    _, found = findings(capsys)
    said = "In the watch file, owners 1: there is no source productsap; the closest one is productsup."
    assert found["settings"] == ("warning", said)


def test_old_readings_old_evaluations_and_other_clocks_are_told(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
    read_today(project)
    evaluated(project, minutes_ago=20)
    monkeypatch.setattr("runs_assets.doctor.utc_now", lambda: utc_now() + timedelta(hours=5))
    _, found = findings(capsys)
    assert found["cloudcruise: newest reading"][0] == "warning"  # older than 3 hours, not than 12
    assert ", 5 h 0 min ago." in found["cloudcruise: newest reading"][1]
    assert found["newest evaluation"][0] == "failed"  # older than an hour
    assert found["cloudcruise: clock"] == ("warning", "This machine's clock and the API's differ by 5 h 0 min.")


def test_a_source_without_any_setting_is_simply_off(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.sandbox.clock = FrozenClock(utc_now())
    for name in ("BASE_URL", "TOKEN"):
        monkeypatch.delenv(f"PRODUCTSUP_CDE_{name}")
    status, found = findings(capsys)
    assert found["productsup"][0] == "ok"
    assert found["productsup"][1].startswith("It is off: it needs PRODUCTSUP_CDE_BASE_URL")
    assert found["cloudcruise: newest reading"][0] == "warning"
    assert status == 1


def test_a_folder_without_any_source_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A monitor that cron starts elsewhere must not be quiet."""
    for name in ("CLOUDCRUISE_API_KEY", "PRODUCTSUP_CDE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    status, found = findings(capsys)
    assert (status, found["sources"][0]) == (2, "failed")
    assert "None is configured" in found["sources"][1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "health", "message"),
    [
        ("/hidden", "ok", "Its host answers."),
        (":1/hidden", "failed", "No connection: Connection refused."),
        ("/hidden?a=b", "failed", "RUNS_ASSETS_HEARTBEAT_URL must look like https://host/path."),
    ],
)
@pytest.mark.usefixtures("project")
def test_the_service_of_the_heartbeat_is_reached_or_not(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    health: str,
    message: str,
) -> None:
    port = "" if path.startswith(":") else f":{receiver.server.server_port}"
    monkeypatch.setenv("RUNS_ASSETS_HEARTBEAT_URL", f"http://127.0.0.1{port}{path}")
    _, found = findings(capsys)
    assert found["heartbeat"] == (health, message)
    assert receiver.got == []


@pytest.mark.usefixtures("project")
def test_a_data_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "file" / "data"))
    _, found = findings(capsys)
    message = f"{tmp_path}/file/data cannot be written. Correct its permissions, or the disk."
    assert found["free space"] == ("failed", message)


@pytest.mark.usefixtures("project")
def test_a_home_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/nowhere")
    _, found = findings(capsys)
    assert found["Dagster's daemon"] == ("failed", "DAGSTER_HOME is no folder: /nowhere.")


@pytest.mark.parametrize(("minutes", "health"), [(None, "failed"), (1, "ok"), (40, "warning"), (121, "failed")])
@pytest.mark.usefixtures("project")
def test_the_daemon_is_as_well_as_its_last_heartbeat_is_young(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    minutes: float | None,
    health: str,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"DAGSTER_HOME={home}\n")
    if minutes is not None:
        at = (utc_now() - timedelta(minutes=minutes)).timestamp()
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.add_daemon_heartbeat(DaemonHeartbeat(at, "SENSOR", "id"))
    _, found = findings(capsys)
    assert found["Dagster's daemon"][0] == health


def test_the_readme_shows_what_it_prints(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for addresses, sizes and times, and where lines are wrapped."""
    shown = (
        (ROOT / "runs_assets/alerts/README.md").read_text().partition("$ runs-assets doctor\n")[2].partition("```")[0]
    )
    read_today(project)
    monkeypatch.setenv("PRODUCTSUP_CDE_TOKEN", "another-token")
    monkeypatch.setenv("COLUMNS", "400")
    capsys.readouterr()
    assert main(["doctor"]) == 2
    printed = capsys.readouterr().out
    assert _without_what_differs(printed) == _without_what_differs(shown)


def _without_what_differs(text: str) -> list[str]:
    varying = r"http://[\w.:]+|[\d.,]+ GB at \S+|[\d-]+T[\d:]+Z|\d+ (s|min) ago|less than a minute ago"
    return re.sub(varying, "", " ".join(text.split())).split()


def test_people_get_a_table(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.sandbox.clock = FrozenClock(utc_now())
    assert main(["doctor"]) == 1  # nothing is stored yet
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["check", "health", "what", "was", "found"]
    assert lines[1].startswith("settings")
