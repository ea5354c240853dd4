"""The processes of a test's demo, found by a mark in their environment, whoever their parent is by now."""

import time
from uuid import uuid4

import psutil

MARK = "RUNS_DEMO_TEST"
DEADLINE_SECONDS = 30.0


def new_mark() -> dict[str, str]:
    """A variable that every process below the one that gets it inherits."""
    return {MARK: uuid4().hex}


def processes_of(mark: dict[str, str]) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _has(process, mark[MARK])]


def wait_for_none(mark: dict[str, str]) -> list[psutil.Process]:
    """What is still there at the deadline."""
    until = time.monotonic() + DEADLINE_SECONDS
    while (left := processes_of(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _has(process: psutil.Process, value: str) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == value)
    except psutil.Error:
        return False
