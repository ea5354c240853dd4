"""Object storage as the store: S3, Google Cloud Storage or Azure, by obstore.

Whole objects are put and got, so that memory holds one of them, compressed. What keeps two writers apart is the
condition of a put alone; the lease that stands for a right only spares them work. obstore takes the credentials from
the environment, by the names that it documents.
"""

import atexit
import io
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, NotSupportedError, PreconditionError
from obstore.store import from_url

from runs_assets.errors import ConflictError, NotStoredError, StorageError
from runs_assets.storage import lease
from runs_assets.storage.store import ABSENT, FileEntry, version_of
from runs_assets.storage.waits import tried

END_BYTES = 256 * 1024
"""More than the footer of a day's file has."""
LISTED_AT_ONCE = 1000
"""A service lists no more in one answer."""
REFUSALS = (AlreadyExistsError, PreconditionError, FileNotFoundError)
"""What a service answers whose object is not the one that a put may replace."""
READ = "read"
_TOLD_CHARACTERS = 300


@dataclass(frozen=True)
class Bucket:
    """See `Store`; `url` is that of a bucket, or of a prefix in one."""

    url: str
    is_remote: ClassVar[bool] = True

    @cached_property
    def _objects(self) -> Any:
        return _client(self.url, frozenset(os.environ.items()))

    def address(self, key: str) -> str:
        """See `Store`."""
        return f"{self.url.rstrip('/')}/{key}"

    def uri(self, key: str) -> str:
        """See `Store`."""
        return self.address(key)

    def entry(self, key: str) -> FileEntry | None:
        """See `Store`."""
        with self._raising(READ, key):
            try:
                return _entry(obstore.head(self._objects, key))
            except FileNotFoundError:
                return None

    def listed(self, prefix: str) -> Iterator[FileEntry]:
        """See `Store`."""
        return self._listed_after(prefix, None)

    def found(self, keys: Sequence[str]) -> Iterator[FileEntry]:
        """See `Store`; what lies between them is listed too."""
        prefix = posixpath.commonpath([posixpath.dirname(key) for key in keys])
        wanted, before = {*keys}, keys[0][:-1]
        within = takewhile(lambda entry: entry.key <= keys[-1], self._listed_after(prefix, before))
        return (entry for entry in within if entry.key in wanted)

    @contextmanager
    def opened(self, key: str, *, end_only: bool = False) -> Iterator[BinaryIO]:
        """See `Store`. What is got with one request is of one version."""
        with self._raising(READ, key):
            file = self._end(key) if end_only else io.BytesIO(self._whole(key))
        yield file

    @contextmanager
    def replacing(
        self,
        key: str,
        writer: str,  # noqa: ARG002  (nothing is left of what is in memory)
        *,
        version: str | None = None,
        modified_at: datetime | None = None,  # noqa: ARG002  (objects have the time at which they were put)
    ) -> Iterator[BinaryIO]:
        """See `Store`."""
        file = io.BytesIO()
        yield file
        with self._raising("write", key):
            self._put(key, file.getvalue(), version)

    def remove(self, key: str) -> None:
        """See `Store`."""
        with self._raising("remove", key), suppress(FileNotFoundError):
            obstore.delete(self._objects, key)

    def held(self, key: str, what: str, patience: float, report: Callable[[str], None]) -> AbstractContextManager[None]:
        """See `Store`."""
        return lease.held(self, key, what, patience, report)

    def is_held(self, key: str) -> bool:
        """See `Store`."""
        return lease.is_held(self, key)

    def scratch(self, writer: str) -> Path:
        """See `Store`; it is this process's own."""
        return _scratch() / writer

    def _listed_after(self, prefix: str, key: str | None) -> Iterator[FileEntry]:
        with self._raising("list", prefix):
            for found in obstore.list(self._objects, prefix, offset=key, chunk_size=LISTED_AT_ONCE):
                yield from map(_entry, found)

    def _put(self, key: str, content: bytes, version: str | None) -> None:
        """Put an object; what was put by a try whose answer was lost is known again by its content."""

        def once() -> None:
            try:
                obstore.put(self._objects, key, content, mode=self._mode(key, version), use_multipart=False)
            except REFUSALS:
                if self._holds(key, content):
                    return
                if version is not None and version != version_of(self.entry(key)):
                    raise ConflictError(self.address(key)) from None
                raise  # two writers met, and the other one lost too

        tried(once, *REFUSALS, GenericError)

    def _mode(self, key: str, version: str | None) -> Any:
        """What is asked of the object that a put replaces."""
        if version is None:
            return "overwrite"
        if version == ABSENT:
            return "create"
        if not self.url.startswith("gs:"):
            return {"e_tag": f'"{version}"'}
        # Google takes no other condition than an object's generation, which it does not list.
        present = obstore.head(self._objects, key)
        if _entry(present).version != version:
            raise PreconditionError(key)
        return {"version": present["version"]}

    def _holds(self, key: str, content: bytes) -> bool:
        try:
            return self._whole(key) == content
        except FileNotFoundError:
            return False

    def _whole(self, key: str) -> bytes:
        """All of an object; obstore asks for the rest if the answer breaks off."""
        return bytes(obstore.get(self._objects, key).bytes())

    def _end(self, key: str) -> BinaryIO:
        """The end of an object, or all of it where that cannot be asked for: of an empty one, or in Azure."""
        try:
            got = obstore.get(self._objects, key, options={"range": {"suffix": END_BYTES}})
            return io.BufferedReader(_End(bytes(got.bytes()), got.meta["size"]))
        except (GenericError, NotSupportedError):
            return io.BytesIO(self._whole(key))

    @contextmanager
    def _raising(self, doing: str, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, BaseError) as error:
            if doing == READ and isinstance(error, FileNotFoundError):
                raise NotStoredError(f"There is no {self.address(key)}.") from None
            raise StorageError(
                f"Could not {doing} {self.address(key)}: {_why(error)}. Nothing else was changed. Check the bucket, "
                "its credentials and the network, then run this again."
            ) from None


@cache
def _client(url: str, _environment: frozenset[tuple[str, str]]) -> Any:
    """What talks to a service, with an environment that it takes its credentials from: one takes 9 ms to make."""
    return from_url(url)


@cache
def _scratch() -> Path:
    """A folder that goes when the process ends."""
    folder = tempfile.mkdtemp(prefix="runs_assets-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class _End(io.RawIOBase):
    """A file of which only the end is here."""

    def __init__(self, end: bytes, size: int) -> None:
        self._end, self._size, self._at = end, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        start = self._at - (self._size - len(self._end))
        if start < 0 and len(buffer):
            raise StorageError(f"Only the last {len(self._end)} bytes of a file were asked for, and more are needed.")
        part = self._end[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def _entry(found: Any) -> FileEntry:
    """Azure has quotes around the tags of single objects, and none in listings."""
    return FileEntry(found["path"], found["e_tag"].strip('"'), found["size"], found["last_modified"])


def _why(error: Exception) -> str:
    """What a service said, without what it is asked with, in which there may be a signature."""
    first = str(error).split("\n", 1)[0]
    return re.sub(r"\?\S+", "", first)[:_TOLD_CHARACTERS]
