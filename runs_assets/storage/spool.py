"""Where a day's rows wait, on the disk, until the reading has passed the day."""

from contextlib import suppress
from datetime import datetime
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import iso
from runs_assets.storage.disk import cannot_write, raising
from runs_assets.storage.id_hashes import Hashes, are_among, id_hashes, joined, repeated


class Spool:
    """One day's rows as they arrive, in a scratch file, so that memory holds only their ids.

    A row that comes twice replaces its earlier observation.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: list[pa.Array] = []
        self._hashes: list[Hashes] = []
        self._sizes: list[int] = []
        with raising(cannot_write, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w+b")

    def append(self, ids: pa.StringArray, lines: bytes, observed_at: datetime) -> None:
        """Add rows, at least one, that one answer showed, a line of JSON each; `ids` runs parallel to them."""
        head, tail = b'{"observed_at":"%b","run":' % iso(observed_at).encode(), b"}\n"
        whole = memoryview(lines.replace(b"\n", tail + head))[: -len(head)]
        self._ids.append(ids)
        self._hashes.append(id_hashes(ids))
        self._sizes.append(len(head) + len(whole))
        with raising(cannot_write, self._path):
            self._file.write(head)
            self._file.write(whole)

    def ids(self) -> pa.ChunkedArray:
        """Every id appended, in order, repeats included."""
        return pa.chunked_array(self._ids, pa.string())

    def copy_latest(self, out: BinaryIO) -> int:
        """Write each id's latest line, in the order of arrival; returns the number of lines."""
        is_latest = self._are_latest()
        buffer = bytearray(max(self._sizes, default=0))
        self._file.seek(0)
        position = 0
        for ids, size in zip(self._ids, self._sizes, strict=True):
            read = self._file.readinto(memoryview(buffer)[:size])
            _write_some(buffer, read, is_latest[position : position + len(ids)], out)
            position += len(ids)
        return int(is_latest.sum())

    def close(self) -> None:
        """Remove the scratch file."""
        with suppress(OSError):  # a full disk, which has already failed a write
            self._file.close()
        with suppress(OSError):  # a folder that has become read-only; the next run empties it
            self._path.unlink()

    def _are_latest(self) -> NDArray[np.bool_]:
        """Whether each id that was appended is not appended again later; only ids whose hash repeats are compared."""
        hashes = joined(self._hashes)
        suspects = np.flatnonzero(are_among(hashes, repeated(self._hashes)))
        latest = dict(zip(self.ids().take(suspects).to_pylist(), suspects.tolist(), strict=True))
        are_latest = np.ones(len(hashes), np.bool_)
        are_latest[suspects] = False
        are_latest[list(latest.values())] = True
        return are_latest


def _write_some(lines: bytearray, size: int, are_kept: NDArray[np.bool_], out: BinaryIO) -> None:
    """Write those lines of the first `size` bytes that are kept.

    Others are an answer's last few as a rule, which the next answer began with: what is before them is written at once.
    """
    whole = len(are_kept) if are_kept.all() else int(are_kept.argmin())
    end = size
    for _ in are_kept[whole:]:
        end = lines.rfind(b"\n", 0, end - 1) + 1
    out.write(memoryview(lines)[:end])
    out.write(b"".join(compress(lines[end:size].splitlines(keepends=True), are_kept[whole:])))
