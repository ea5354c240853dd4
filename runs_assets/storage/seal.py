"""A seal in a Parquet file: checksums of everything in it, so that no changed bit goes unnoticed.

Parquet has checksums for its pages only; the footer, with the schema, the lineage and where the pages are, has none.
The seal is 12 bytes between the last page and the footer: a mark, a checksum of what is before it and one of the
footer. The footer says where the pages are, counted from the file's beginning, so every Parquet reader passes over it.
"""

import struct
from typing import BinaryIO

from runs_assets.storage.checksums import checksum

_SEAL = struct.Struct("<4sII")
_MARK = b"SEAL"
_END = struct.Struct("<I4s")  # what Parquet ends with: the footer's length and its magic


def seal(file: BinaryIO) -> None:
    """Put a seal into a finished Parquet file, open for reading and writing."""
    footer_at, size = _footer(file)
    stamp = _SEAL.pack(_MARK, checksum(file, 0, footer_at), checksum(file, footer_at, size))
    file.seek(footer_at)
    footer = file.read()
    file.seek(footer_at)
    file.write(stamp + footer)


def broken_seal(file: BinaryIO, *, footer_only: bool = False) -> str | None:
    """Why an open Parquet file is not as it was sealed, or None if it is; with `footer_only`, without its pages."""
    footer_at, size = _footer(file)
    pages_end = footer_at - _SEAL.size
    if pages_end < 0:
        return "its end is missing"
    file.seek(pages_end)
    mark, pages, footer = _SEAL.unpack(file.read(_SEAL.size))
    if mark != _MARK:
        return "its end is missing, or it was not written by this program"
    if footer != checksum(file, footer_at, size):
        return "its footer has changed since it was written"
    if not footer_only and pages != checksum(file, 0, pages_end):
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
