"""Checksums of a file's pieces: whether it is as it was written, and if not, how much of its beginning is.

One checksum of a whole file tells only that something is wrong with it; of pieces, what can still be trusted.
"""

import struct
import zlib
from typing import BinaryIO

PIECE_BYTES = 4096
CHECKSUM_BYTES = 4


def checksums(file: BinaryIO, size: int) -> bytes:
    """The CRC-32 of each 4 KiB of the first `size` bytes of an open file, in order, 4 bytes each."""
    file.seek(0)
    starts = range(0, size, PIECE_BYTES)
    pieces = (file.read(min(PIECE_BYTES, size - start)) for start in starts)
    return b"".join([struct.pack("<I", zlib.crc32(piece)) for piece in pieces])


def intact_bytes(found: bytes, expected: bytes, size: int) -> int:
    """How many of `size` bytes, from the first on, have the `expected` checksums."""
    starts = range(0, min(len(found), len(expected)), CHECKSUM_BYTES)
    same = (found[at : at + CHECKSUM_BYTES] == expected[at : at + CHECKSUM_BYTES] for at in starts)
    for piece, is_same in enumerate(same):
        if not is_same:
            return piece * PIECE_BYTES
    return min(size, len(starts) * PIECE_BYTES)


def checksum(file: BinaryIO, start: int, stop: int) -> int:
    """The CRC-32 of the bytes from `start` to before `stop` of an open file."""
    file.seek(start)
    found = 0
    while start < stop and (block := file.read(min(1024 * 1024, stop - start))):
        found = zlib.crc32(block, found)
        start += len(block)
    return found
