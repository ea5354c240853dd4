"""Writing a file so that a reader sees the old one or the new one, whole, whatever happens in between."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runs_assets.errors import StorageError


@contextmanager
def replacing(target: Path, scratch: Path) -> Iterator[BinaryIO]:
    """A new file in `scratch` that takes the place of `target` when the block ends without an error.

    It is flushed to the disk first, and so is the folder's entry. `scratch` must be on the target's file system.
    Raises `StorageError` naming the target when the disk refuses; the old file is then untouched.
    """
    temporary = scratch / f"{target.parent.parent.parent.name}-{target.parent.name}-{target.name}"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error for a disk that refuses: full, read-only, or gone."""
    return StorageError(
        f"Could not write {path}: {error.strerror or error}. What was stored before is untouched. Free space or "
        "correct the folder's permissions, then run the day again."
    )


def empty_scratch(scratch: Path) -> None:
    """Remove what a killed process left behind. Only for the holder of the source's lock."""
    if scratch.exists():
        shutil.rmtree(scratch)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
