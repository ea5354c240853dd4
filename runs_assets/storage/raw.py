"""The raw file of a day: every run as the API last showed it, one JSON line each, and what the reading was worth.

A line is `{"observed_at": "...Z", "run": {...}}`. The file is one zstd frame with a checksum, followed by a trailer: a
skippable zstd frame of fixed size that holds the `Read`, the number of lines and a checksum of its own, so that rows
and their worth change in one rename, and a file cut short is noticed. Every zstd reader passes over the trailer.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import zstandard
from numpy.typing import NDArray

from runs_assets.days import iso
from runs_assets.errors import StorageError
from runs_assets.storage.files import cannot_write, replacing
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.reads import Read

BLOCK_BYTES = 4 * 1024 * 1024
_TRAILER_MAGIC = 0x184D2A50
_TRAILER_BYTES = 1024
_PAYLOAD_BYTES = _TRAILER_BYTES - 8


@dataclass(frozen=True)
class RawDay:
    """What a raw file says of itself: its worth, its lines, and how many of them the newest reading did not show."""

    read: Read
    rows: int
    retained: int


class Spool:
    """One day's rows as they arrive, in a scratch file, so that memory holds only their ids.

    A row that comes twice replaces its earlier observation.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: list[pa.Array] = []
        self._lengths: list[NDArray[np.int64]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w+b")
        except OSError as error:
            raise cannot_write(path, error) from error

    def append(self, ids: list[str], rows: list[bytes], observed_at: datetime) -> None:
        """Add rows, at least one, that one answer showed; as JSON; `ids` runs parallel to `rows`."""
        head = b'{"observed_at":"%b","run":' % iso(observed_at).encode()
        tail = b"}\n"
        self._ids.append(pa.array(ids, pa.string()))
        self._lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)) + len(head) + len(tail))
        try:
            self._file.write(head + (tail + head).join(rows) + tail)
        except OSError as error:
            raise cannot_write(self._path, error) from error

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
        with suppress(OSError):  # a full disk, which the write before has told
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _copy(self, out: BinaryIO, size: int) -> None:
        while size > 0:
            block = self._file.read(min(size, BLOCK_BYTES))
            out.write(block)
            size -= len(block)


def store_day(
    layout: Layout, source: str, day: date, fresh: Spool, read: Read, id_field: str, *, is_part: bool = False
) -> RawDay:
    """Merge what was just read with what the day holds, by id: fresh rows win, runs no longer shown stay.

    `id_field` is the name of the id inside a run. The old file is replaced atomically. What the same reading stored
    before is only added to: its verdict is the later one, and its runs count as shown. A reading of a part of the day
    (`is_part`) cannot tell which of the others are no longer shown.
    """
    target = layout.day_file(RAW_RUNS, source, day)
    earlier = stat_day(target) if target.exists() else None
    with replacing(target, layout.scratch(source)) as file:
        with _compressing(file) as out:
            shown = fresh.copy_latest(out)
            others = _copy_others(target, fresh.ids(), id_field, out) if earlier else 0
        if earlier and earlier.read.read_id == read.read_id:
            stored = RawDay(read, shown + others, earlier.retained)
        else:
            retained = earlier.retained if earlier and is_part else others
            stored = RawDay(read.after(earlier.read if earlier else None), shown + others, retained)
        file.write(_trailer(stored))
    return stored


def stat_day(path: Path) -> RawDay:
    """What a raw file says of itself, from its trailer alone. Raises `StorageError` if it has none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TRAILER_BYTES))
        trailer = file.read()
    if len(trailer) != _TRAILER_BYTES or trailer[:8] != struct.pack("<II", _TRAILER_MAGIC, _PAYLOAD_BYTES):
        raise _damaged(path, "its end is missing")
    payload, checksum = trailer[8:-4], trailer[-4:]
    if struct.pack("<I", zlib.crc32(payload)) != checksum:
        raise _damaged(path, "its end cannot be read")
    try:
        document = json.loads(payload)
        return RawDay(Read.from_json(document), document["rows"], document["retained"])
    except (ValueError, KeyError) as error:
        raise _damaged(path, "its end cannot be read") from error


def blocks(path: Path) -> Iterator[bytes]:
    """The lines of a raw file in blocks of about 4 MB, each of whole lines.

    Raises `StorageError` if any of the file is damaged, at the latest after its last block.
    """
    expected = stat_day(path).rows
    seen = 0
    rest = b""
    try:
        with zstandard.open(path, "rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                # JSON has no bare newline inside a string, so each one ends a line.
                lines, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    seen += lines.count(b"\n") + 1
                    yield lines + newline
    except zstandard.ZstdError as error:
        raise _damaged(path, str(error)) from error
    if seen != expected:
        raise _damaged(path, f"it holds {seen} of its {expected} lines")


def _copy_others(path: Path, ids: pa.ChunkedArray, id_field: str, out: BinaryIO) -> int:
    """Copy the lines of runs that are not among `ids`; returns their number."""
    copied = 0
    for block in blocks(path):
        lines = [line + b"\n" for line in block.rstrip(b"\n").split(b"\n")]
        stored = pa.array([str(orjson.loads(line)["run"][id_field]) for line in lines], pa.string())
        others = np.flatnonzero(~pc.is_in(stored, value_set=ids).to_numpy(zero_copy_only=False))
        out.write(b"".join([lines[index] for index in others]))
        copied += len(others)
    return copied


def store_quarantine(layout: Layout, source: str, day: date, lines: list[dict[str, Any]], *, add: bool = False) -> None:
    """Replace what is set aside of a day, or `add` to it; remove the file where there is nothing."""
    target = layout.day_file(QUARANTINE, source, day)
    if add and target.exists():
        with zstandard.open(target, "rb") as stream:
            before = [orjson.loads(line) for line in stream.read().splitlines()]
        lines = [*(line for line in before if line not in lines), *lines]
    if not lines:
        target.unlink(missing_ok=True)
        return
    with replacing(target, layout.scratch(source)) as file, _compressing(file) as out:
        out.write(b"".join([orjson.dumps(line) + b"\n" for line in lines]))


def _compressing(file: BinaryIO) -> Any:
    return zstandard.ZstdCompressor(level=1, write_checksum=True).stream_writer(file, closefd=False)


def _trailer(stored: RawDay) -> bytes:
    payload = orjson.dumps({**stored.read.to_json(), "rows": stored.rows, "retained": stored.retained})
    padded = payload.ljust(_PAYLOAD_BYTES - 4)
    return struct.pack("<II", _TRAILER_MAGIC, _PAYLOAD_BYTES) + padded + struct.pack("<I", zlib.crc32(padded))


def _damaged(path: Path, why: str) -> StorageError:
    return StorageError(
        f"The file {path} is damaged: {why}. Restore it from a backup; or move it away and materialize raw_runs again "
        "for the day, if the API can still be asked for it."
    )
