"""What holds the data, whether it is a folder on a disk or a part of a bucket: files by their keys, replaced whole.

A reader sees a file as it was or as it is now, whatever happens in between. A writer can ask that it still is as it was
when its version was looked up, so that nobody's rows are lost to somebody else's.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from runs_assets.errors import NotStoredError

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 900.0
ABSENT = ""
"""The version of a file that is not there."""


@dataclass(frozen=True)
class FileEntry:
    """A file that is stored: under which key, in which version, and since when (UTC)."""

    key: str
    version: str
    size: int
    modified_at: datetime


def version_of(entry: FileEntry | None) -> str:
    """The version of what is stored, `ABSENT` if nothing is."""
    return entry.version if entry else ABSENT


class Store(Protocol):
    """Files by their keys, which are paths with `/` between the parts. What fails raises `StorageError`."""

    @property
    def is_remote(self) -> bool:
        """Whether each look at a file is a request over a network."""
        ...

    def address(self, key: str) -> str:
        """What people call a file: its path or its URL."""
        ...

    def uri(self, key: str) -> str:
        """The URI of a file."""
        ...

    def entry(self, key: str) -> FileEntry | None:
        """What is stored under a key; None if nothing is."""
        ...

    def listed(self, prefix: str) -> Iterator[FileEntry]:
        """The files below a prefix, in no order."""
        ...

    def found(self, keys: Sequence[str]) -> Iterator[FileEntry]:
        """What is stored under some keys of one prefix, given in order; up to 1,000 take one request at most."""
        ...

    def opened(self, key: str, *, end_only: bool = False) -> AbstractContextManager[BinaryIO]:
        """A file for reading, which stays as it is when another takes its place; `NotStoredError` if there is none.

        `end_only` is for those who will read a little of its end, and nothing else.
        """
        ...

    def replacing(
        self, key: str, writer: str, *, version: str | None = None, modified_at: datetime | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """A new file, for writing and reading, which takes the old one's place when the block ends without an error.

        Raises `ConflictError` if a `version` is given, perhaps `ABSENT`, and the old one has another by then. It is in
        the `scratch` folder of `writer` until then.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove a file, if it is there."""
        ...

    def held(self, key: str, what: str, patience: float, report: Callable[[str], None]) -> AbstractContextManager[None]:
        """The right that a key stands for, to write `what`, one process at a time.

        Waits up to `patience` seconds and reports that it does; then raises `BusyError`.
        """
        ...

    def is_held(self, key: str) -> bool:
        """Whether some process has that right at this moment."""
        ...

    def scratch(self, writer: str) -> Path:
        """A local folder for a writer's unfinished files."""
        ...


@dataclass(frozen=True)
class StoredFile:
    """One file of a store, there or not, and who writes it; its methods are those of the `Store`."""

    store: Store
    key: str
    writer: str

    def __str__(self) -> str:
        return self.store.address(self.key)

    @property
    def uri(self) -> str:
        """Its URI."""
        return self.store.uri(self.key)

    def entry(self) -> FileEntry | None:
        """What is stored of it; None if nothing is."""
        return self.store.entry(self.key)

    def version(self) -> str:
        """Its version, perhaps `ABSENT`."""
        return version_of(self.entry())

    def is_stored(self) -> bool:
        """Whether it is there."""
        return self.entry() is not None

    def opened(self, *, end_only: bool = False) -> AbstractContextManager[BinaryIO]:
        """The file for reading; `NotStoredError` if it is not there."""
        return self.store.opened(self.key, end_only=end_only)

    def content(self) -> bytes | None:
        """All of it; None if it is not there."""
        with suppress(NotStoredError), self.opened() as file:
            return file.read()
        return None

    def replacing(
        self, *, version: str | None = None, modified_at: datetime | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """A new file that takes its place when the block ends without an error."""
        return self.store.replacing(self.key, self.writer, version=version, modified_at=modified_at)

    def replace(self, content: bytes, *, version: str | None = None, modified_at: datetime | None = None) -> None:
        """Put some content in its place."""
        with self.replacing(version=version, modified_at=modified_at) as file:
            file.write(content)

    def copy_to(self, other: "StoredFile") -> None:
        """Put a copy of it in the place of another."""
        with other.replacing() as copy, self.opened() as file:
            shutil.copyfileobj(file, copy)

    def remove(self) -> None:
        """Remove it, if it is there."""
        self.store.remove(self.key)

    def held(
        self, what: str, *, patience: float = PATIENCE_SECONDS, report: Callable[[str], None] = log.info
    ) -> AbstractContextManager[None]:
        """The right that it stands for, to write `what`, one process at a time; raises `BusyError`."""
        return self.store.held(self.key, what, patience, report)

    def is_held(self) -> bool:
        """Whether some process has that right at this moment."""
        return self.store.is_held(self.key)
