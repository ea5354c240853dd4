"""The demo as a person runs it: real processes, a real Dagster instance, a real page."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange, utc_now
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.demo.processes_of import new_mark, processes_of, wait_for_none
from runs_assets_tests.ports import free_ports

COMMAND = [sys.executable, "-m", "runs_assets.cli", "demo"]
DEADLINE_SECONDS = 120.0
GRAPHQL = """{
  repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } }
  shouldShowNux
  assetNodes { assetKey { path } partitionStats { numMaterialized numPartitions } }
  runsOrError { ... on Runs { results { jobName status } } }
}"""


class Demo:
    """A running demo in a folder; `mark` finds its processes."""

    def __init__(self, folder: Path, *options: str, browser: str = "false") -> None:
        self.mark = new_mark()
        self._output = folder / "output.txt"
        with self._output.open("w") as file:
            self.process = subprocess.Popen(
                [*COMMAND, *options],
                cwd=folder,
                env={**os.environ, **users_settings(folder), **self.mark, "COLUMNS": "100", "BROWSER": browser},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.05)


@contextmanager
def demo(folder: Path, *options: str, browser: str = "false") -> Iterator[Demo]:
    running = Demo(folder, *options, browser=browser)
    try:
        yield running
    finally:
        for process in processes_of(running.mark):
            process.kill()
        running.process.wait()


def users_settings(folder: Path) -> dict[str, str]:
    """Settings that would send the demo elsewhere, or break it, if they reached it."""
    return {
        "CLOUDCRUISE_API_KEY": "the-users-key",
        "PRODUCTSUP_CDE_PAGE_SIZE": "banana",
        "RUNS_ASSETS_DATA": str(folder / "users-data"),
        "DAGSTER_HOME": str(folder / "users-home"),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text(
        f"CLOUDCRUISE_BASE_URL=http://127.0.0.1:9\nCLOUDCRUISE_PAGE_SIZE=banana\nRUNS_ASSETS_DATA={tmp_path}/users-data\n"
    )
    return tmp_path


@pytest.fixture
def port() -> int:
    [number] = free_ports(1)
    return number


def last_days() -> DayRange:
    today = utc_now().date()
    return DayRange(today - timedelta(days=13), today)


def recording_browser(folder: Path) -> tuple[str, Path]:
    """A command for `BROWSER` that notes what it is to open, and where it does."""
    script, opened = folder / "browser.sh", folder / "opened.txt"
    script.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    script.chmod(0o755)
    return f"{script} %s", opened


def test_it_serves_the_sandboxes_failure_rates_until_ctrl_c_and_leaves_nothing_running(
    folder: Path, port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    browser, opened = recording_browser(tmp_path_factory.mktemp("browser"))
    with demo(folder, "--port", str(port), "--open", browser=browser) as running:
        running.wait_until(lambda: "Ctrl-C ends it" in running.output)
        asked = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": GRAPHQL}, trust_env=False, timeout=60)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0, running.output
        assert processes_of(running.mark) == []
    told = running.output.split("SANDBOX: what is wrong now\n")[1].splitlines()
    assert [line.split()[:2] for line in told[:4]] == [
        *(["DOWN", "invoice-download"], ["SILENT", "price-feed"]),
        *(["WORSE", "address-update"], ["WORSE", "stock-sync"]),
    ]
    report = folder / ".demo/sandbox-data/runs_report/index.html"
    assert told[4] == f"The report: {report.as_uri()}"
    assert opened.read_text() == f"{report.as_uri()}\n"
    assert b"invoice-download" in report.read_bytes()
    page = asked.json()["data"]
    assert page["repositoriesOrError"]["nodes"] == [{"location": {"name": "SANDBOX (simulated runs)"}}]
    assert page["shouldShowNux"] is False
    jobs = {run["jobName"] for run in page["runsOrError"]["results"]}
    assert jobs == {"cloudcruise_daily", "productsup_daily", "refresh_verdicts"}
    rates = [node["partitionStats"] for node in page["assetNodes"] if node["assetKey"]["path"][-1] == "failure_rates"]
    assert rates == [{"numMaterialized": 14, "numPartitions": 14}] * 2


@pytest.mark.long
def test_after_a_kill_a_second_start_works_and_nothing_of_the_user_is_touched(folder: Path) -> None:
    with demo(folder, "--no-ui") as killed:
        killed.wait_until((folder / ".demo/logs/productsup.log").exists)
        killed.process.kill()
        assert wait_for_none(killed.mark) == []
    days = last_days()
    with demo(folder, "--no-ui") as running:
        assert running.process.wait(DEADLINE_SECONDS) == 0, running.output
        assert processes_of(running.mark) == []
    assert f"SANDBOX: failure rates of simulated runs, {days.first} to {days.last}" in running.output
    assert all(f"{source}, all" in running.output for source in ("cloudcruise", "productsup"))
    assert str(folder / ".demo/sandbox-data") in running.output
    layout = Layout(folder / ".demo/sandbox-data")
    for data_set in (RAW_RUNS, FAILURE_RATES.name):
        for source in ("cloudcruise", "productsup"):
            assert layout.stored_days(data_set, source) == days.newest_first()[::-1]
    assert {path.name for path in folder.iterdir()} == {".env", ".demo", "output.txt"}
    assert not [file for file in (folder / ".demo").rglob("*") if file.is_file() and b"users-" in file.read_bytes()]


@pytest.mark.long
def test_a_run_that_fails_is_shown_with_its_reason_and_its_log(folder: Path) -> None:
    in_the_way = folder / ".demo/sandbox-data/raw_runs"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    (folder / ".demo/day").write_text(str(utc_now().date()))  # or it starts over
    with demo(folder, "--no-ui") as running:
        assert running.process.wait(DEADLINE_SECONDS) == 1, running.output
        assert processes_of(running.mark) == []
    assert "Reading cloudcruise failed:" in running.output
    assert "Could not write" in running.output
    assert f"Full log: {folder / '.demo/logs/cloudcruise.log'}" in running.output


def test_a_taken_port_is_told_before_anything_is_started(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo(folder, "--port", str(port)) as running:
            assert running.process.wait(60) == 1
    assert running.output.startswith(
        f"Port {port} of 127.0.0.1 cannot be used for the Dagster page: Address already in"
    )
    assert not (folder / ".demo").exists()
