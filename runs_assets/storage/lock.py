"""One writer per source at a time, by a lock that dies with its process.

An operating-system lock on a file, held by filelock: after a crash or `kill -9` it is free at once, which a row in
a database or a pool's slot would not be. Where the file system has no such locks (`flock` answers ENOSYS), filelock
lets the existence of the file stand for the lock, and takes it for free once the process that it names is gone.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from runs_assets.storage.disk import cannot_write, raising
from runs_assets.storage.store import PATIENCE_SECONDS
from runs_assets.storage.waits import REPORT_EVERY_SECONDS, still_writing, waiting_for

log = logging.getLogger(__name__)


@contextmanager
def writing(
    lock_file: Path, source: str, *, patience: float = PATIENCE_SECONDS, report: Callable[[str], None] = log.info
) -> Iterator[None]:
    """Hold the right to write a source; waits for another process up to `patience` seconds, then raises `BusyError`.

    Raises `StorageError` if the data folder cannot be written.
    """
    lock = FileLock(lock_file)
    with raising(cannot_write, lock_file):
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.utime(lock_file)  # shows that somebody came
        _acquire(lock, source, patience, report)
    try:
        yield
    finally:
        lock.release()


def is_being_written(lock_file: Path) -> bool:
    """Whether some process holds the lock at this moment; raises `StorageError` if that cannot be found out."""
    with raising(cannot_write, lock_file), suppress(Timeout):
        if not lock_file.exists():
            return False
        with FileLock(lock_file, timeout=0):
            return False
    return True


def _acquire(lock: FileLock, source: str, patience: float, report: Callable[[str], None]) -> None:
    until = time.monotonic() + patience
    while True:
        with suppress(Timeout):
            lock.acquire(timeout=max(0.0, min(REPORT_EVERY_SECONDS, until - time.monotonic())))
            return
        if time.monotonic() >= until:
            raise still_writing(source, patience)
        report(waiting_for(source))
