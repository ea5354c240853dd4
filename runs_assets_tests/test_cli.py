"""The command line: what it accepts, and what it says otherwise."""

import os
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from runs_assets.cli import main
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.sandbox import FixedHistory
from runs_assets_tests.alerts.rows import health
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk
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
    assert "cloudcruise: 1 needs attention, 0 well; read until 2026-03-18 00:00 UTC" in out
    assert "9 failures in a row" in out
    assert main(["refresh"]) == 0
    assert {asked.path for asked in project.sandbox.requests} >= {"/workflows"}


def test_refresh_says_whose_rows_are_the_former_ones(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    assert project.materialize("cloudcruise", yesterday).success
    on_disk(project.layout.day_file(FAILURE_RATES.name, "cloudcruise", yesterday)).write_bytes(b"damaged")
    assert main(["refresh", "--offline"]) == 1
    assert (
        "Some rows were not rebuilt and are those of the last refresh. cloudcruise: The file "
        in capsys.readouterr().err
    )


def test_refresh_says_that_there_is_nothing_to_judge(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (folder_of(project.layout) / "raw_runs").mkdir(parents=True)
    assert main(["refresh", "--offline"]) == 0
    said = f"Nothing is stored in {folder_of(project.layout)} that could be judged. Materialize some days first."
    assert capsys.readouterr().out.strip() == said


@pytest.mark.parametrize("arguments", [["refresh"], ["ledger"], ["digest"], ["ack", "cloudcruise"], ["ack", "--list"]])
def test_a_folder_that_is_no_data_folder_is_named_and_not_written_to(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert f"{tmp_path / 'data'} is no data folder of this project" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_the_settings_is_said_in_the_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder_of(project.layout) / "raw_runs").mkdir(parents=True)
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URL", "hidden")
    assert main(["digest"]) == 0
    said = "RUNS_ASSETS_ALERT_URL is the name of no setting; the closest one is RUNS_ASSETS_ALERT_URLS.\n"
    assert capsys.readouterr().err == said


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"runs-assets {version('runs-assets')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["digest", "--help"], ["--version"]])
def test_help_loads_nothing_that_takes_long(arguments: list[str]) -> None:
    """So it takes a third of a second, and not three."""
    code = (
        "import atexit, sys\n"
        "slow = {'pandas', 'pyarrow', 'pydantic', 'httpx', 'numpy', 'dagster', 'holidays'}\n"
        "atexit.register(lambda: print(sorted(slow & sys.modules.keys())))\n"
        "from runs_assets.cli import main\n"
        f"main({arguments})\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (shown.stdout.splitlines()[-1], shown.stderr) == ("[]", "")


def test_a_terminal_that_lacks_a_letter_stops_nothing(project: Project) -> None:
    store_rows(
        project.layout, "pipeline_health", [{**health(state="down"), "pipeline_name": "\u6771\u4eac \U0001f600"}]
    )
    (folder_of(project.layout) / "raw_runs").mkdir(parents=True)
    command = [sys.executable, "-m", "runs_assets.cli", "digest", "--no-send"]
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(command, capture_output=True, env=env, check=True)
    assert b"?? ?: down" in shown.stdout
    assert shown.stderr == b""


def test_loading_the_definitions_says_nothing_of_betas() -> None:
    code = (
        "import warnings, dagster; warnings.simplefilter('error', dagster.BetaWarning); import runs_assets.definitions"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_the_ledger_is_compared_with_the_files_and_made_again(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    yesterday = NOW.date() - timedelta(days=1)
    assert project.materialize("cloudcruise", yesterday).success
    known = on_disk(project.layout.ledger_file("cloudcruise")).read_bytes()
    assert project.layout.checked_months("cloudcruise") == ["2026-03"]
    assert main(["ledger", "--source", "cloudcruise"]) == 0
    assert capsys.readouterr().out == "cloudcruise: 1 stored days are known.\n"
    on_disk(project.layout.day_file(FAILURE_RATES.name, "cloudcruise", yesterday)).unlink()
    assert main(["ledger", "--source", "cloudcruise"]) == 0
    files = "files of 1 days from 2026-03-17 to 2026-03-17"
    wrong = f"cloudcruise: The ledger had what is no longer in the {files}; it was put right.\n"
    assert capsys.readouterr().out == f"cloudcruise: 1 stored days are known.\n{wrong}"
    on_disk(project.layout.ledger_file("cloudcruise")).write_bytes(known)
    assert main(["ledger", "--rebuild"]) == 0
    said = "cloudcruise: 1 stored days are known.\nproductsup: 0 stored days are known.\n"
    assert capsys.readouterr().out == said
    assert on_disk(project.layout.ledger_file("cloudcruise")).read_bytes() != known
    assert project.layout.checked_months("cloudcruise") == []  # the checks read all files again
