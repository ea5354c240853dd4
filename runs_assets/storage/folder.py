"""A folder on a disk as the store: files that are written aside, flushed and renamed into place."""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from runs_assets.errors import ConflictError, StorageError
from runs_assets.storage import lock
from runs_assets.storage.disk import cannot_read, cannot_write, raising
from runs_assets.storage.store import FileEntry, version_of

log = logging.getLogger(__name__)
NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
SCRATCH = ".scratch"
PRIVATE = ".tokens/"
"""What is below this prefix is for the eyes of its owner alone."""
OWNER_ONLY, FOLDER_OWNER_ONLY = 0o600, 0o700
EVERYBODY = 0o666


@dataclass(frozen=True)
class Folder:
    """See `Store`. One process writes a key at a time: the one that holds the right to it.

    The file system must be one that supports locks. Errors name the file, and say what to do.
    """

    root: Path
    is_remote: ClassVar[bool] = False

    def path(self, key: str) -> Path:
        """Where a file is."""
        return self.root / key

    def address(self, key: str) -> str:
        """See `Store`."""
        return str(self.path(key))

    def uri(self, key: str) -> str:
        """See `Store`."""
        return self.path(key).as_uri()

    def entry(self, key: str) -> FileEntry | None:
        """See `Store`."""
        path = f"{self.root}/{key}"
        try:
            return _entry(key, os.stat(path))  # noqa: PTH116  (a third of the time)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise cannot_read(Path(path), error) from error

    def listed(self, prefix: str) -> Iterator[FileEntry]:
        """See `Store`."""
        folder = self.path(prefix)
        with raising(cannot_read, folder):
            yield from _entries_below(str(folder), prefix.rstrip("/"))

    def found(self, keys: Sequence[str]) -> Iterator[FileEntry]:
        """See `Store`."""
        return filter(None, map(self.entry, keys))

    @contextmanager
    def opened(self, key: str, *, end_only: bool = False) -> Iterator[BinaryIO]:  # noqa: ARG002  (costs nothing here)
        """See `Store`."""
        path = self.path(key)
        with raising(cannot_read, path):
            if key.startswith(PRIVATE):
                _close_to_others(path)
            with path.open("rb") as file:
                yield file

    @contextmanager
    def replacing(
        self, key: str, writer: str, *, version: str | None = None, modified_at: datetime | None = None
    ) -> Iterator[BinaryIO]:
        """See `Store`. The new file is flushed to the disk first, and so is its entry in the folder."""
        target, temporary = self.path(key), self.scratch(writer) / key.replace("/", "-")
        is_private = key.startswith(PRIVATE)
        try:
            with raising(cannot_write, target):
                temporary.parent.mkdir(parents=True, exist_ok=True)
                with _new(temporary, OWNER_ONLY if is_private else EVERYBODY) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                if modified_at is not None:
                    os.utime(temporary, (modified_at.timestamp(), modified_at.timestamp()))
                _make_folder(target.parent)
                if is_private:
                    target.parent.chmod(FOLDER_OWNER_ONLY)
                if version is not None and version != version_of(self.entry(key)):
                    raise ConflictError(self.address(key))
                temporary.replace(target)
                with raising(_cannot_confirm, target):
                    _sync_folder(target.parent)
        finally:
            with suppress(OSError):  # a read-only folder refuses this too, and the first error is already on its way
                temporary.unlink()

    def remove(self, key: str) -> None:
        """See `Store`."""
        path = self.path(key)
        with raising(cannot_write, path):
            path.unlink(missing_ok=True)

    def held(self, key: str, what: str, patience: float, report: Callable[[str], None]) -> AbstractContextManager[None]:
        """See `Store`."""
        return lock.writing(self.path(key), what, patience=patience, report=report)

    def is_held(self, key: str) -> bool:
        """See `Store`."""
        return lock.is_being_written(self.path(key))

    def scratch(self, writer: str) -> Path:
        """See `Store`; on the same file system, so that files can be renamed into place."""
        return self.root / SCRATCH / writer


def empty_scratch(scratch: Path) -> None:
    """Remove what a killed process left behind. Only for the holder of the writer's right."""
    with raising(cannot_write, scratch):
        if scratch.exists():
            shutil.rmtree(scratch)


def _entry(key: str, stat: os.stat_result) -> FileEntry:
    modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
    return FileEntry(key, f"{stat.st_mtime_ns} {stat.st_size}", stat.st_size, modified_at)


def _entries_below(folder: str, prefix: str) -> Iterator[FileEntry]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for one in found:
            key = f"{prefix}/{one.name}"
            if one.is_dir():
                yield from _entries_below(one.path, key)
            else:
                with suppress(FileNotFoundError):
                    yield _entry(key, one.stat())


def _new(path: Path, mode: int) -> BinaryIO:
    """A file that was not there: what a killed process left keeps its mode, and may even be a link."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), "w+b")


def _close_to_others(file: Path) -> None:
    for path, mode in ((file, OWNER_ONLY), (file.parent, FOLDER_OWNER_ONLY)):
        with suppress(FileNotFoundError):
            found = path.stat().st_mode & 0o777
            if found & 0o077:
                path.chmod(mode)
                log.warning(
                    "%s could be used by others on this machine (mode %o) and is now closed to them. "
                    "If anyone may have read the tokens, revoke them and set a fresh refresh token.",
                    path,
                    found,
                )


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each entry is on the disk before a file is put in."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _cannot_confirm(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} was written, but the disk could not confirm it: {error.strerror or error}. If the machine stops, it "
        "may be the old one again. Check the disk, then run the day again."
    )


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
