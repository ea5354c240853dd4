"""One writer per source at a time, by a lock that dies with its process.

An operating-system lock on a file, held by filelock: after a crash or `kill -9` it is free at once, which a row in
a database or a pool's slot would not be. Where the file system has no such locks (`flock` answers ENOSYS), filelock
lets the existence of the file stand for the lock, and takes it for free once the process that it names is gone.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from runs_assets.storage.disk import cannot_write, raising
from runs_assets.storage.store import PATIENCE_SECONDS
from runs_assets.storage.waits import until_taken

log = logging.getLogger(__name__)
POLL_SECONDS = 0.05


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
        until_taken(lambda: _is_taken(lock), source, POLL_SECONDS, patience, report)
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


def _is_taken(lock: FileLock) -> bool:
    """Take a lock if nobody holds it; whether that worked."""
    with suppress(Timeout):
        lock.acquire(timeout=0)
        return True
    return False
