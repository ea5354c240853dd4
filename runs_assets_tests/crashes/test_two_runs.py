"""Two runs of one source at once: one waits for the other, or gives up with a sentence, and the files are right."""

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from runs_assets.errors import BusyError
from runs_assets.sandbox.answers import Handler
from runs_assets.storage.lock import writing
from runs_assets_tests.crashes.conftest import Account
from runs_assets_tests.crashes.runner import Runner
from runs_assets_tests.crashes.watching import SOURCE
from runs_assets_tests.files_on_disk import on_disk

DEADLINE_SECONDS = 60
GIVES_UP = r"still writing the files of cloudcruise after 0 s\. Nothing was read or changed"


class Gate:
    """Lets no request pass until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.asked = 0
        self._open = threading.Event()

    async def hook(self, request: Request, inner: Handler) -> Response:
        self.asked += 1
        self.reached.set()
        while not self._open.is_set():
            await asyncio.sleep(0.01)
        return await inner(request)

    def open(self) -> None:
        self._open.set()


def wait_for_another_touch(lock_file: Path, before: int) -> None:
    """Until another run has come to the lock: each touches its file before it waits."""
    until = time.monotonic() + DEADLINE_SECONDS
    while lock_file.stat().st_mtime_ns == before:
        assert time.monotonic() < until, "the second run never tried to lock"
        time.sleep(0.01)


def test_the_second_run_waits_and_both_succeed(account: Account, other: tuple[Runner, Path]) -> None:
    assert account.read(0).is_success
    lock_file = on_disk(account.layout.lock_file(SOURCE))
    gate = Gate()
    account.sandbox.hooks[SOURCE].append(gate.hook)
    first, second = account.runner, other[0]
    one, another = account.order(0), replace(account.order(0), outcome=str(account.folder / "another.json"))
    try:
        first.begin(one)
        assert gate.reached.wait(DEADLINE_SECONDS)
        with pytest.raises(BusyError, match=GIVES_UP), writing(lock_file, SOURCE, patience=0):
            pass
        touched = lock_file.stat().st_mtime_ns
        second.begin(another)
        wait_for_another_touch(lock_file, touched)
        assert gate.asked == 1
    finally:
        gate.open()
    assert first.end(one).is_success
    assert second.end(another).is_success
    account.watch.check(0)
    account.watch.check_is_done(0)
    assert list(account.layout.scratch(SOURCE).iterdir()) == []
