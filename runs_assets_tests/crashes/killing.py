"""A point at which a run kills itself: before the n-th line of the project's code that it executes.

Between any two lines lies whatever was written, flushed or renamed so far, so that every state that a kill can leave
is reached. The same number reaches the same state again, but for what the threads that fetch have done meanwhile.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import runs_assets

ROOT = Path(runs_assets.__file__).parent.parent


class KillPoint:
    """Counts the lines executed of the files whose path below the repository begins with `where`, in all threads.

    Kills the whole process group before line number `before`; 0 only counts.
    """

    def __init__(self, where: str, before: int) -> None:
        self._prefix = f"{ROOT}{os.sep}{where}"
        self._before = before
        self.passed = 0

    @contextmanager
    def armed(self) -> Iterator[None]:
        sys.settrace(self._called)
        threading.settrace(self._called)
        try:
            yield
        finally:
            threading.settrace(None)
            sys.settrace(None)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._passed if frame.f_code.co_filename.startswith(self._prefix) else None

    def _passed(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.passed += 1
            if 0 < self._before <= self.passed:
                os.killpg(os.getpgrp(), signal.SIGKILL)
        return self._passed
