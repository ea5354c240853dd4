"""Writing a file so that a reader sees the old one or the new one, whole, whatever happens in between."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runs_assets.errors import StorageError

NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}


@contextmanager
def replacing(target: Path, scratch: Path) -> Iterator[BinaryIO]:
    """A new file in `scratch` that takes the place of `target` when the block ends without an error.

    It is open for writing and reading. It is flushed to the disk first, and so is the folder's entry. `scratch` must be
    on the target's file system. Raises `StorageError` naming the target when the disk refuses; the old file is then
    untouched, unless it says that the new one is there.
    """
    temporary = scratch / f"{target.parent.parent.parent.name}-{target.parent.name}-{target.name}"
    try:
        with raising(cannot_write, target):
            scratch.mkdir(parents=True, exist_ok=True)
            with temporary.open("w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _make_folder(target.parent)
            temporary.replace(target)
            _sync_entry(target)
    finally:
        with suppress(OSError):  # a read-only folder refuses this too, and the first error is already on its way
            temporary.unlink()


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """An open file; raises `StorageError` naming it when it is not there or the disk refuses to show it."""
    with raising(cannot_read, path), path.open("rb") as file:
        yield file


def content_of(path: Path) -> bytes | None:
    """All of a file, None if there is none; raises `StorageError` if the disk refuses to show it."""
    if not is_stored(path):
        return None
    with reading(path) as file:
        return file.read()


def is_stored(path: Path) -> bool:
    """Whether there is something under this name; raises `StorageError` if that cannot be found out."""
    with raising(cannot_read, path):
        return path.exists()


@contextmanager
def raising(cannot: Callable[[Path, OSError], StorageError], path: Path) -> Iterator[None]:
    """Raise `cannot_write` or `cannot_read` of a path for any error of the disk in the block."""
    try:
        yield
    except OSError as error:
        raise cannot(path, error) from error


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error for a disk that refuses: full, read-only, or gone."""
    return StorageError(
        f"Could not write {path}: {error.strerror or error}. What was stored before is untouched. Free space or "
        "correct the folder's permissions, then run the day again."
    )


def cannot_read(path: Path, error: OSError) -> StorageError:
    """The error for a file or folder that is there and cannot be read, or is gone when it is needed."""
    return StorageError(
        f"Could not read {path}: {error.strerror or error}. Nothing was changed. Correct its permissions or the disk, "
        "or restore it from a backup, then run the day again."
    )


def keep_aside(damaged: Path, kept: Path, scratch: Path) -> None:
    """Copy a damaged file to where no reader takes it for data, so that what replaces it destroys nothing.

    A copy, not a rename: the day has a file under its name at every instant. Raises `StorageError` if the disk refuses.
    """
    with replacing(kept, scratch) as copy, reading(damaged) as file:
        shutil.copyfileobj(file, copy)


def remove(path: Path) -> None:
    """Remove a file, if it is there; raises `StorageError` naming it when the disk refuses."""
    with raising(cannot_write, path):
        path.unlink(missing_ok=True)


def empty_scratch(scratch: Path) -> None:
    """Remove what a killed process left behind. Only for the holder of the source's lock."""
    with raising(cannot_write, scratch):
        if scratch.exists():
            shutil.rmtree(scratch)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each entry is on the disk before a file is put in."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_entry(target: Path) -> None:
    try:
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"{target} was written, but the disk could not confirm it: {error.strerror or error}. If the machine "
            "stops, it may be the old one again. Check the disk, then run the day again."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Some network and container file systems refuse it for folders: nothing more can be done there."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise
    finally:
        os.close(descriptor)
