"""A compressed body is read whole, in pieces of bounded size, and damage is noticed."""

import gzip
import random
from collections.abc import Iterator

import httpx
import pytest

from runs_assets.http.body import PIECE_BYTES, pieces_of
from runs_assets.http.faults import TransientError

MIXED = random.Random(1).randbytes(300_000) + bytes(300_000)
ZIPPED = gzip.compress(MIXED, mtime=0)


class Chunks(httpx.SyncByteStream):
    """A body that arrives in chunks of 1000 bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return (self._body[at : at + 1000] for at in range(0, len(self._body), 1000))


def answer(body: bytes, coding: str) -> httpx.Response:
    return httpx.Response(200, headers={"content-encoding": coding} if coding else {}, stream=Chunks(body))


@pytest.mark.parametrize(
    ("body", "coding", "expected"),
    [
        (MIXED, "", MIXED),
        (MIXED, "identity", MIXED),
        (ZIPPED, "gzip", MIXED),
        (ZIPPED, "X-GZIP", MIXED),
        (ZIPPED + gzip.compress(b"more", mtime=0), "gzip", MIXED + b"more"),
        (gzip.compress(b"", mtime=0), "gzip", b""),
        (b"", "gzip", b""),
    ],
)
def test_every_byte_arrives(body: bytes, coding: str, expected: bytes) -> None:
    pieces = list(pieces_of(answer(body, coding)))
    assert b"".join(pieces) == expected
    assert max(map(len, pieces), default=0) <= PIECE_BYTES


@pytest.mark.parametrize("body", [ZIPPED[:-1], ZIPPED[:5000], b"not gzip", ZIPPED + b"x"])
def test_damage_is_a_fault_that_may_pass(body: bytes) -> None:
    with pytest.raises(TransientError, match="compressed body"):
        list(pieces_of(answer(body, "gzip")))
