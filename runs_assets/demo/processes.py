"""The demo's children: each one a process group on a leash, so that none outlives the demo, whatever ends it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runs_assets.demo.errors import DemoError

POLL_SECONDS = 0.1
TAIL_LINES = 10


@dataclass(frozen=True)
class Child:
    """A running command. `does` names it at the beginning of a sentence; `log` is where all its output goes."""

    does: str
    log: Path
    leash: subprocess.Popen[bytes]

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self.leash.poll()

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def tail(self) -> list[str]:
        """The last lines that it has written."""
        return self.output.splitlines()[-TAIL_LINES:]

    def check_running(self) -> None:
        """Raise `DemoError` with the end of its output if it has ended."""
        if self.status is not None:
            raise DemoError("\n".join([f"{self.does} ended unexpectedly:", *self.tail, f"Full log: {self.log}"]))


@contextmanager
def running(does: str, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Iterator[Child]:
    """`python -m <arguments>` for as long as the block runs; at its end, nothing of it is left."""
    command = [sys.executable, "-m", *arguments]
    with log.open("wb") as output:
        leash = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "runs_assets.demo.leash", *command],
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Child(does, log, leash)
    finally:
        if leash.stdin:
            leash.stdin.close()
        leash.wait()


def wait_until(is_so: Callable[[], bool], children: Sequence[Child], *, seconds: float = float("inf")) -> None:
    """Wait for `is_so`; raises `DemoError` if one of the children ends before, or if it takes longer than `seconds`."""
    until = time.monotonic() + seconds
    while not is_so():
        for child in children:
            child.check_running()
        if time.monotonic() > until:
            raise DemoError(f"{children[0].does} did not get ready within {seconds:.0f} s. Log: {children[0].log}")
        time.sleep(POLL_SECONDS)
