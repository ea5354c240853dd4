"""Reading a body piece by piece, so that its size can be judged before memory is spent on it.

httpx decodes whatever coding the answer names, several on top of each other too, a whole network chunk at a time: 64 KB
can become gigabytes before anyone sees the first byte. So only gzip is asked for, and it is inflated here.
"""

import zlib
from collections.abc import Iterable, Iterator

import httpx

from runs_assets.http.faults import TransientError

ACCEPT_ENCODING = "gzip"
PIECE_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """The decoded body in pieces of about 64 KB at most. Raises `TransientError` if it is damaged or cut short."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return response.iter_raw()
    if coding in {"gzip", "x-gzip"}:
        return _inflated(response.iter_raw())
    raise TransientError("The answer's body is encoded in a way that was not asked for")


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflater is None or inflater.eof:
                    inflater = zlib.decompressobj(_GZIP)
                yield inflater.decompress(rest, PIECE_BYTES)
                rest = inflater.unconsumed_tail or inflater.unused_data
        yield inflater.flush() if inflater else b""
    except zlib.error:
        raise TransientError("The answer's compressed body was damaged") from None
    if inflater and not inflater.eof:
        raise TransientError("The answer's compressed body was cut short")
