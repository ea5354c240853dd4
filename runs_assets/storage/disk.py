"""What to say about a disk that refuses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runs_assets.errors import NotStoredError, StorageError


@contextmanager
def raising(cannot: Callable[[Path, OSError], StorageError], path: Path) -> Iterator[None]:
    """Raise what `cannot` gives, such as `cannot_write`, for a path and any error of the disk in the block."""
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
    kind = NotStoredError if isinstance(error, FileNotFoundError) else StorageError
    return kind(
        f"Could not read {path}: {error.strerror or error}. Nothing was changed. Correct its permissions or the disk, "
        "or restore it from a backup, then run the day again."
    )
