"""Parquet files that are written atomically and sealed, so that no changed bit goes unnoticed.

Parquet has checksums for the data of its pages only; the footer, with the schema, the lineage and where the pages are,
has none. The seal is 12 bytes between the last page and the footer: a mark, the CRC-32 of what is before it and that of
the footer. The footer says where the pages are, counted from the file's beginning, so every Parquet reader passes over
the seal.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from runs_assets.errors import DamagedFileError
from runs_assets.storage.files import reading, replacing

ROW_GROUP_ROWS = 128 * 1024
BLOCK_BYTES = 1024 * 1024
_SEAL = struct.Struct("<4sII")
_MARK = b"SEAL"
_END = struct.Struct("<I4s")  # what Parquet ends with: the footer's length and its magic


def write_parquet(path: Path, scratch: Path, table: pa.Table) -> None:
    """Replace a sealed Parquet file atomically."""
    with replacing(path, scratch) as file:
        pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP_ROWS, write_page_checksum=True)
        _seal(file)


@contextmanager
def opened_parquet(path: Path, remedy: str, *, footer_only: bool = False) -> Iterator[pq.ParquetFile]:
    """A sealed Parquet file, open for reading.

    Raises `StorageError` if it cannot be read, `DamagedFileError` with `remedy` if any of it (with `footer_only`, of
    its footer) has changed since it was written.
    """
    with reading(path) as file:
        if why := _broken_seal(file, footer_only=footer_only):
            raise DamagedFileError(path, why, remedy)
        try:
            with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
                yield parquet
        except (ValueError, KeyError) as error:
            raise DamagedFileError(path, str(error), remedy) from error


def _seal(file: BinaryIO) -> None:
    """Put a seal into a finished Parquet file, open for reading and writing."""
    footer_at, _size = _footer(file)
    pages = _crc(file, 0, footer_at)
    footer = file.read()
    file.seek(footer_at)
    file.write(_SEAL.pack(_MARK, pages, zlib.crc32(footer)) + footer)


def _broken_seal(file: BinaryIO, *, footer_only: bool = False) -> str | None:
    """Why an open Parquet file is not as it was sealed, or None if it is; with `footer_only`, without its pages."""
    footer_at, size = _footer(file)
    pages_end = footer_at - _SEAL.size
    if pages_end < 0:
        return "its end is missing"
    file.seek(pages_end)
    mark, pages, footer = _SEAL.unpack(file.read(_SEAL.size))
    if mark != _MARK:
        return "its end is missing, or it was not written by this program"
    if footer != _crc(file, footer_at, size):
        return "its footer has changed since it was written"
    if not footer_only and pages != _crc(file, 0, pages_end):
        return "its pages have changed since they were written"
    return None


def _footer(file: BinaryIO) -> tuple[int, int]:
    """Where the footer begins (below 0 if there cannot be one) and where the file ends."""
    size = file.seek(0, 2)
    if size < _END.size:
        return -1, size
    file.seek(size - _END.size)
    length, _magic = _END.unpack(file.read(_END.size))
    return size - _END.size - length, size


def _crc(file: BinaryIO, start: int, stop: int) -> int:
    """The CRC-32 of the bytes from `start` to before `stop`."""
    file.seek(start)
    crc = 0
    while start < stop and (block := file.read(min(BLOCK_BYTES, stop - start))):
        crc = zlib.crc32(block, crc)
        start += len(block)
    return crc
