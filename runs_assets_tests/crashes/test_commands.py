"""The command that users type, its whole process group killed in the middle of a backfill, and typed again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox import FixedHistory, Productsup, Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.storage.layout import Layout
from runs_assets.storage.raw import verify_raw
from runs_assets.storage.tables import load_table
from runs_assets_tests.crashes.watching import files
from runs_assets_tests.files_on_disk import stored_file
from runs_assets_tests.project import days_between
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE

DAYS = days_between(date(2025, 1, 1), date(2025, 1, 4))
COMMAND = ("asset", "materialize", "-m", "runs_assets.definitions", "--select", 'key:"productsup/*"')


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> Mapping[str, str]:
    sandbox.productsup = Productsup(FixedHistory.of(PRODUCTSUP_EXAMPLE))
    return {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": sandbox.token,
        "PRODUCTSUP_CDE_PAGE_SIZE": "1",
        "RUNS_ASSETS_DATA": str(tmp_path / "data"),
    }


def command(environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    span = ("--partition-range", f"{DAYS[0]}...{DAYS[-1]}")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dagster", *COMMAND, *span],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def test_a_killed_backfill_is_finished_by_the_same_command(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "data")
    killed: list[subprocess.Popen[bytes]] = []

    async def kill_when_a_day_is_stored(request: Request, inner: Handler) -> Response:
        for _ in range(20):  # pages are asked for ahead of what is stored, so the answer waits for it, if not for long
            if layout.stored_days("raw_runs", "productsup"):
                for process in killed:
                    os.killpg(process.pid, signal.SIGKILL)
                break
            await asyncio.sleep(0.05)
        return await inner(request)

    sandbox.hooks["productsup"].append(kill_when_a_day_is_stored)
    killed.append(command(environment, tmp_path))
    assert killed[0].wait() == -signal.SIGKILL, (tmp_path / "log").read_text()
    killed.clear()
    stored = files(layout)
    assert {path.parts[-4] for path in stored} == {"raw_runs"}
    assert 0 < len(stored) < len(DAYS)
    assert [verify_raw(stored_file(path)) for path in stored] == [None] * len(stored)

    with command(environment, tmp_path) as again:
        assert again.wait() == 0, (tmp_path / "log").read_text()
    assert len(files(layout)) == 4 * len(DAYS)
    ids = [load_table(layout, "runs", "productsup", day, ["run_id"])[0]["run_id"].to_pylist() for day in DAYS]
    assert ids == [[row["id"]] for row in reversed(PRODUCTSUP_EXAMPLE)]
