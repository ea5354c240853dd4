"""Where a day's rows wait, on the disk, until the reading has passed the day."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import iso
from runs_assets.storage.disk import cannot_write, raising

BLOCK_BYTES = 4 * 1024 * 1024


class Spool:
    """One day's rows as they arrive, in a scratch file, so that memory holds only their ids.

    A row that comes twice replaces its earlier observation.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: list[pa.Array] = []
        self._lengths: list[NDArray[np.int64]] = []
        with raising(cannot_write, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w+b")

    def append(self, ids: list[str], lines: bytes, observed_at: datetime) -> None:
        """Add rows, at least one, that one answer showed, a line of JSON each; `ids` runs parallel to them."""
        head, tail = b'{"observed_at":"%b","run":' % iso(observed_at).encode(), b"}\n"
        whole = memoryview(lines.replace(b"\n", tail + head))[: -len(head)]
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")) + 1
        self._ids.append(pa.array(ids, pa.string()))
        self._lengths.append(np.diff(ends, prepend=0) + len(head + tail) - 1)
        with raising(cannot_write, self._path):
            self._file.write(head)
            self._file.write(whole)

    def ids(self) -> pa.ChunkedArray:
        """Every id appended, in order, repeats included."""
        return pa.chunked_array(self._ids, pa.string())

    def copy_latest(self, out: BinaryIO) -> int:
        """Write each id's latest line, in the order of arrival; returns the number of lines."""
        ids = self.ids()
        if not len(ids):
            return 0
        codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
        latest = np.empty(int(codes.max()) + 1, np.int64)
        latest[codes] = np.arange(len(codes))
        ends = np.cumsum(np.concatenate(self._lengths))
        self._file.seek(0)
        position = 0
        for dropped in np.flatnonzero(latest[codes] != np.arange(len(codes))):
            stop = int(ends[dropped - 1]) if dropped else 0
            self._copy(out, stop - position)
            position = int(ends[dropped])
            self._file.seek(position)
        self._copy(out, int(ends[-1]) - position)
        return len(latest)

    def close(self) -> None:
        """Remove the scratch file."""
        with suppress(OSError):  # a full disk, which has already failed a write
            self._file.close()
        with suppress(OSError):  # a folder that has become read-only; the next run empties it
            self._path.unlink()

    def _copy(self, out: BinaryIO, size: int) -> None:
        while size > 0:
            block = self._file.read(min(size, BLOCK_BYTES))
            out.write(block)
            size -= len(block)
