"""Ids that occur more than once among many, found by a hash of 8 bytes each; then the ids themselves are compared."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.int64]


def id_hashes(ids: Sequence[str]) -> Hashes:
    """A hash of each id, the same within this process."""
    return np.fromiter(map(hash, ids), np.int64, len(ids))


def lasting_hashes(ids: Sequence[str]) -> Hashes:
    """A hash of each id, the same in every process; it takes ten times as long."""
    digests = (blake2b(one.encode(errors="surrogatepass"), digest_size=8).digest() for one in ids)
    return np.frombuffer(b"".join(digests), np.int64)


def joined(parts: Iterable[Hashes]) -> Hashes:
    """All hashes of some parts, in order; there may be no part."""
    return np.concatenate([np.empty(0, np.int64), *parts])


def repeated(parts: Iterable[Hashes]) -> Hashes:
    """The hashes that occur more than once in all parts together, each once, ascending."""
    ordered = joined(parts)
    ordered.sort()  # in place: there may be hundreds of megabytes
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
