"""Programs below a test: each is a process group on a leash, so that none outlives it, whatever ends it."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

log = logging.getLogger(__name__)
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Process:
    """A running program; all its output goes to `log`."""

    leash: subprocess.Popen[bytes]
    log: Path

    @cached_property
    def group(self) -> int:
        """The id of its process group."""
        (leader,) = psutil.Process(self.leash.pid).children()
        pid: int = leader.pid
        return pid

    def send(self, number: int) -> None:
        """Send a signal to all of it."""
        os.killpg(self.group, number)

    def has_ended(self) -> bool:
        return self.leash.poll() is not None

    def let_go(self) -> None:
        """Begin to end it, as Ctrl-C does; what has not ended after ten seconds is killed."""
        if self.leash.stdin:
            self.leash.stdin.close()

    def end(self) -> None:
        """End it, and wait until nothing of it is left."""
        self.let_go()
        self.leash.wait()

    def kill(self) -> None:
        """End it at once, and let it do nothing more."""
        if not self.has_ended():
            self.send(signal.SIGKILL)
        self.end()


def start(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Process:
    """Start a program, which ends with this one at the latest."""
    with log.open("ab") as output:
        leash = subprocess.Popen(
            [sys.executable, "-m", "runs_assets.demo.leash", *command],
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Process(leash, log)


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[Process]:
    """A server for as long as the block runs; nobody needs its files after that."""
    process = start(command, log)
    try:
        yield process
    finally:
        process.kill()


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS, every: float = 0.2) -> None:
    """Wait for something; an `AssertionError` says what did not happen in time."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() < begun + seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
    log.info("%s, after %.0f s", what, time.monotonic() - begun)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
