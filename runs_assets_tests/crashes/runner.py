"""The test's side of the warm process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runs_assets_tests.crashes.warm import Order


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `failure` is the sentence it failed with, empty if it succeeded; None if it was killed.

    `lines` is how many lines of the files to be killed in it executed.
    """

    failure: str | None
    lines: int = 0

    @property
    def is_killed(self) -> bool:
        return self.failure is None

    @property
    def is_success(self) -> bool:
        return self.failure == ""


@dataclass
class Runner:
    """Gives orders to a warm process, one after another."""

    process: subprocess.Popen[str]
    log: Path

    @classmethod
    @contextmanager
    def started(cls, folder: Path, first: Order, prefix: Sequence[str] = ()) -> Iterator[Self]:
        """A warm process for as long as the block runs; `first` warms it, `prefix` is a command that runs it."""
        log = folder / "warm.log"
        command = [*prefix, sys.executable, "-W", "ignore", "-m", "runs_assets_tests.crashes.warm"]
        with (
            log.open("w") as errors,
            subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            runner = cls(process, log)
            runner.begin(first)
            assert runner._answer() == "ready", log.read_text()
            yield runner
            assert process.stdin is not None
            process.stdin.close()

    def run(self, order: Order) -> Outcome:
        """Have a run made, to its end or its kill."""
        self.begin(order)
        return self.end(order)

    def begin(self, order: Order) -> None:
        """Have a run begun."""
        Path(order.outcome).unlink(missing_ok=True)
        assert self.process.stdin is not None
        self.process.stdin.write(order.to_line())
        self.process.stdin.flush()

    def end(self, order: Order) -> Outcome:
        """Wait for the run that was begun."""
        status = int(self._answer())
        if status == -9:
            assert not Path(order.outcome).exists()
            return Outcome(None)
        assert status == 0, self.log.read_text()
        return Outcome(**json.loads(Path(order.outcome).read_text()))

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()
