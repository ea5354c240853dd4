"""The leash with real commands: well-behaved ones, stubborn ones, and such that leave children behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs_assets_tests.demo.processes_of import new_mark, processes_of, wait_for_none

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True); {SLEEP}"
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); {then}"
LEASH = """
import sys
from runs_assets.demo import leash
leash.GRACE_SECONDS = 0.5
sys.exit(leash.main())
"""
STARTER = """
import os, sys
from pathlib import Path
from runs_assets.demo.processes import running
with running("The command", sys.argv[2:], env=os.environ, cwd=Path.cwd(), log=Path(sys.argv[1])):
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def mark() -> Iterator[dict[str, str]]:
    mark = new_mark()
    yield mark
    for process in processes_of(mark):
        process.kill()


def leashed(code: str, mark: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LEASH, sys.executable, "-c", code],
        env={**os.environ, **mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_of_the_command_is_handed_on(status: int, mark: dict[str, str]) -> None:
    with leashed(f"raise SystemExit({status})", mark) as leash:
        assert leash.wait(20) == status


def test_what_a_command_leaves_behind_ends_with_it(mark: dict[str, str]) -> None:
    with leashed(PARENT.format(child=SLEEP, then="print('done')"), mark) as leash:
        assert leash.wait(20) == 0
    assert wait_for_none(mark) == []


def test_letting_go_ends_a_command_that_ignores_interrupts_and_its_children(mark: dict[str, str]) -> None:
    with leashed(PARENT.format(child=STUBBORN, then=STUBBORN), mark) as leash:
        assert leash.stdin is not None
        assert leash.stdout is not None
        assert [leash.stdout.readline() for _ in range(2)] == ["ready\n", "ready\n"]
        assert len(processes_of(mark)) == 3
        leash.stdin.close()
        leash.wait(20)
        assert wait_for_none(mark) == []


def test_a_signal_to_the_leash_alone_does_not_free_the_command(mark: dict[str, str]) -> None:
    with leashed(f"print('ready', flush=True); {SLEEP}", mark) as leash:
        assert leash.stdout is not None
        assert leash.stdout.readline() == "ready\n"
        leash.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            leash.wait(0.5)
        assert len(processes_of(mark)) == 2
        assert leash.stdin is not None
        leash.stdin.close()
        leash.wait(20)


def test_a_killed_starter_takes_everything_with_it(mark: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "log"), "http.server", "--bind", "127.0.0.1", "0"],
        env={**os.environ, **mark, "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        wait_for_text(tmp_path / "log", "Serving")
        assert len(processes_of(mark)) == 3
        starter.kill()
    assert wait_for_none(mark) == []


def wait_for_text(file: Path, text: str) -> None:
    until = time.monotonic() + 20
    while text not in file.read_text():
        assert time.monotonic() < until, file.read_text()
        time.sleep(0.05)
