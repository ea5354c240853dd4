"""The raw file of a day: every run as the API last showed it, one JSON line each, and what the reading was worth.

A line is `{"observed_at": "...Z", "run": {...}}`. The file is one zstd frame with a checksum, followed by two skippable
zstd frames, which every zstd reader passes over: checksums of the first frame's pieces, and a trailer of fixed size
that holds the `Read`, the number of lines and a checksum of its own. So rows and their worth change in one rename, no
changed bit goes unnoticed, and of a damaged file it is known which lines are still as they were written.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import zstandard

from runs_assets.errors import DamagedFileError
from runs_assets.storage.checksums import CHECKSUM_BYTES, PIECE_BYTES, checksums, intact_bytes
from runs_assets.storage.files import reading
from runs_assets.storage.reads import Read

BLOCK_BYTES = 4 * 1024 * 1024
_SKIPPABLE = struct.Struct("<II")  # a skippable frame's magic, and how many bytes follow
_TRAILER_MAGIC, _CHECKSUMS_MAGIC = 0x184D2A50, 0x184D2A51
_TRAILER_BYTES = 1024
_PAYLOAD_BYTES = _TRAILER_BYTES - _SKIPPABLE.size
_REMEDY = (
    "Materialize raw_runs again for the day, if the API can still be asked for it: what can be read of the file is "
    "kept. Or restore the file from a backup."
)


@dataclass(frozen=True)
class RawDay:
    """What a raw file says of itself: its worth, its lines, and how many of them the newest reading did not show."""

    read: Read
    rows: int
    retained: int


@contextmanager
def compressing(file: BinaryIO) -> Iterator[Any]:
    """A stream that compresses what is written to it into one zstd frame of `file`."""
    with zstandard.ZstdCompressor(level=1, write_checksum=True).stream_writer(file, closefd=False) as out:
        yield out


def finish(file: BinaryIO, day: RawDay) -> None:
    """Write what follows the lines of a raw file, which is open for writing and reading."""
    size = file.tell()
    found = checksums(file, size)
    file.seek(size)
    file.write(_SKIPPABLE.pack(_CHECKSUMS_MAGIC, len(found)) + found)
    payload = orjson.dumps({**day.read.to_json(), "rows": day.rows, "retained": day.retained, "frame_bytes": size})
    padded = payload.ljust(_PAYLOAD_BYTES - CHECKSUM_BYTES)
    file.write(_SKIPPABLE.pack(_TRAILER_MAGIC, _PAYLOAD_BYTES) + padded + struct.pack("<I", zlib.crc32(padded)))


def stat_day(path: Path) -> RawDay:
    """What a raw file says of itself, from its trailer alone.

    Raises `StorageError` if the file cannot be read, `DamagedFileError` if it has no sound trailer.
    """
    with reading(path) as file:
        return _Trailer.of(path, file).day


def verified(path: Path) -> RawDay:
    """What a raw file says of itself, when every byte of it is as it was written; raises as `stat_day` otherwise."""
    with reading(path) as file:
        trailer = _Trailer.of(path, file)
        if trailer.expected_checksums(file) != checksums(file, trailer.frame_bytes):
            raise _damaged(path, "its content has changed since it was written")
        return trailer.day


def verify_raw(path: Path) -> str | None:
    """Why a raw file is damaged, or None if it is sound; reads the whole file. Raises `StorageError` if it cannot."""
    try:
        for _ in blocks(path):
            pass
    except DamagedFileError as damage:
        return damage.why
    return None


def blocks(path: Path) -> Iterator[bytes]:
    """The lines of a raw file in blocks of about 4 MB, each of whole lines.

    Raises `DamagedFileError` before the first of them if any of the file is damaged, `StorageError` if it cannot be
    read.
    """
    yield from blocks_of(path, verified(path))


def blocks_of(path: Path, day: RawDay) -> Iterator[bytes]:
    """Like `blocks`, of a file that has just been `verified` to be `day`."""
    seen = 0
    try:
        with reading(path) as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
            for lines in _whole_lines(iter(lambda: stream.read(BLOCK_BYTES), b"")):
                seen += lines.count(b"\n")
                yield lines
    except zstandard.ZstdError as error:
        raise _damaged(path, str(error)) from error
    if seen != day.rows:
        raise _damaged(path, f"it holds {seen} of its {day.rows} lines")


def salvaged(path: Path, id_field: str) -> Iterator[bytes]:
    """What can be recovered of a damaged raw file: blocks of whole lines, each with a run that has an id.

    These are the lines before the damage, judged by the checksums; those that can be decoded if there are no checksums
    left, as of a file that was cut short.
    """
    with reading(path) as file:
        content = _intact(path, file)
    for lines in _whole_lines(_decodable(content)):
        yield b"".join([line + b"\n" for line in lines.split(b"\n") if run_id(line, id_field) is not None])


def run_id(line: bytes, id_field: str) -> str | None:
    """The id in a line of a raw file; None if it is not such a line."""
    try:
        return str(orjson.loads(line)["run"][id_field])
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class _Trailer:
    day: RawDay
    frame_bytes: int

    @classmethod
    def of(cls, path: Path, file: BinaryIO) -> "_Trailer":
        size = file.seek(0, 2)
        file.seek(max(0, size - _TRAILER_BYTES))
        trailer = file.read()
        if len(trailer) != _TRAILER_BYTES or trailer[:8] != _SKIPPABLE.pack(_TRAILER_MAGIC, _PAYLOAD_BYTES):
            raise _damaged(path, "its end is missing")
        payload, checksum = trailer[_SKIPPABLE.size : -CHECKSUM_BYTES], trailer[-CHECKSUM_BYTES:]
        if struct.pack("<I", zlib.crc32(payload)) != checksum:
            raise _damaged(path, "its end cannot be read")
        try:
            document = json.loads(payload)
            day = RawDay(Read.from_json(document), document["rows"], document["retained"])
            return cls(day, document["frame_bytes"])
        except (ValueError, KeyError) as error:
            raise _damaged(path, "its end cannot be read") from error

    def expected_checksums(self, file: BinaryIO) -> bytes | None:
        """Those that were written; None if they are not where they should be."""
        size = -(-self.frame_bytes // PIECE_BYTES) * CHECKSUM_BYTES
        head = _SKIPPABLE.pack(_CHECKSUMS_MAGIC, size)
        file.seek(self.frame_bytes)
        found = file.read()[:-_TRAILER_BYTES]
        return found[len(head) :] if found.startswith(head) and len(found) == len(head) + size else None


def _intact(path: Path, file: BinaryIO) -> bytes:
    """The beginning of a file up to the damage, or all of it if that cannot be told."""
    try:
        trailer = _Trailer.of(path, file)
        expected = trailer.expected_checksums(file)
    except DamagedFileError:
        file.seek(0)
        return file.read()
    size = trailer.frame_bytes
    intact = size if expected is None else intact_bytes(checksums(file, size), expected, size)
    file.seek(0)
    return file.read(intact)


def _decodable(content: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor().decompressobj()
    try:
        for start in range(0, len(content), PIECE_BYTES):
            yield decoder.decompress(content[start : start + PIECE_BYTES])
            if decoder.eof:
                return
    except zstandard.ZstdError:
        return


def _whole_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut at the ends of lines; what follows the last line's end is left out."""
    rest = b""
    for part in parts:
        # JSON has no bare newline inside a string, so each one ends a line.
        lines, newline, rest = (rest + part).rpartition(b"\n")
        if newline:
            yield lines + newline


def _damaged(path: Path, why: str) -> DamagedFileError:
    return DamagedFileError(path, why, _REMEDY)
