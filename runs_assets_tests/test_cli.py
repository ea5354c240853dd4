"""The command line: what it accepts, and what it says otherwise."""

from datetime import timedelta

import pytest

from runs_assets.cli import main
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.sandbox import FixedHistory
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help_names_the_demo_and_its_folder_or_purpose(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    assert "simulated" in capsys.readouterr().out


@pytest.mark.parametrize("port", ["0", "65536", "-1", "banana", "", "3000.5"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--port={port}"])
    assert f"a port is a number from 1 to 65535, not {port!r}" in capsys.readouterr().err


def test_a_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


def test_refresh_judges_what_is_stored_and_asks_nothing_offline(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    project.sandbox.cloudcruise.history = FixedHistory.of(
        {**CLOUDCRUISE_EXAMPLE[0], "session_id": f"s{n}", "created_at": f"2026-03-17T10:00:{n:02}Z", "status": status}
        for n, status in enumerate(["execution.success"] * 20 + ["execution.failed"] * 9)
    )
    yesterday = NOW.date() - timedelta(days=1)
    assert project.materialize("cloudcruise", yesterday).success
    project.sandbox.requests.clear()
    assert main(["refresh", "--offline"]) == 0
    assert project.sandbox.requests == []
    out = capsys.readouterr().out
    assert "cloudcruise: 1 need attention, 0 do not; read until 2026-03-18 00:00." in out
    assert "9 failures in a row" in out
    assert main(["refresh"]) == 0
    assert {asked.path for asked in project.sandbox.requests} >= {"/workflows"}


def test_refresh_says_whose_rows_are_the_former_ones(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    assert project.materialize("cloudcruise", yesterday).success
    project.layout.day_file(FAILURE_RATES.name, "cloudcruise", yesterday).write_bytes(b"damaged")
    assert main(["refresh", "--offline"]) == 1
    assert (
        "Some rows were not rebuilt and are those of the last refresh. cloudcruise: The file "
        in capsys.readouterr().err
    )


def test_refresh_says_that_there_is_nothing_to_judge(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["refresh", "--offline"]) == 0
    said = f"Nothing is stored in {project.layout.root} that could be judged. Materialize some days first."
    assert capsys.readouterr().out.strip() == said
