"""Ids that occur more than once among many, found by a hash of 8 bytes each; then the ids themselves are compared."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc

Hashes: TypeAlias = NDArray[np.uint64]

HASHED_BYTES, WORD_BYTES = 256, 8
"""Of a longer id only the beginning is hashed, and its length."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, for multiplicative hashing (Knuth, The Art of Computer Programming, 6.4)."""
_FIRST_BYTES = np.array([2 ** (8 * size) - 1 for size in range(WORD_BYTES + 1)], np.uint64)


def id_hashes(ids: pa.StringArray) -> Hashes:
    """A hash of each id, the same in every process; 8 bytes of all ids at a time, none of which becomes a `str`."""
    if not len(ids):
        return np.empty(0, np.uint64)
    _, offsets, content = ids.buffers()
    ends = np.frombuffer(offsets, np.int32)[ids.offset :][: len(ids) + 1].astype(np.int64)
    text = np.zeros(ends[-1] - ends[0] + WORD_BYTES, np.uint8)
    text[:-WORD_BYTES] = np.frombuffer(content or b"", np.uint8)[ends[0] : ends[-1]]
    words: Hashes = np.ndarray(len(text) - WORD_BYTES + 1, "<u8", text, strides=(1,))
    begins, sizes = ends[:-1] - ends[0], np.diff(ends)
    hashes = sizes.astype(np.uint64)
    for at in range(0, min(sizes.max(), HASHED_BYTES), WORD_BYTES):
        longer = np.flatnonzero(sizes > at)
        word = words[begins[longer] + at] & _FIRST_BYTES[np.minimum(sizes[longer] - at, WORD_BYTES)]
        mixed = (hashes[longer] ^ word) * _FACTOR
        hashes[longer] = mixed ^ (mixed >> np.uint64(32))
    return hashes


def joined(parts: Iterable[Hashes]) -> Hashes:
    """All hashes of some parts, in order; there may be no part."""
    return np.concatenate([np.empty(0, np.uint64), *parts])


def repeated(parts: Iterable[Hashes]) -> Hashes:
    """The hashes that occur more than once in all parts together, each once, ascending."""
    ordered = joined(parts)
    ordered.sort()  # in place: there may be hundreds of megabytes
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def are_among(hashes: Hashes, some: Hashes) -> pa.BooleanArray:
    """Whether each hash is one of some; by a hash table, since `np.isin` sorts all of them."""
    return pc.is_in(pa.array(hashes), value_set=pa.array(some))
