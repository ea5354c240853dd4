"""However much a server sends, memory stays within the bounds and an error ends it."""

import gzip
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from runs_assets.errors import CredentialsError, UnavailableError
from runs_assets.http.limits import Limits
from runs_assets.http.oauth import RefreshingBearerAuth
from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets.http.transport import Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets_tests.files_on_disk import stored_file
from runs_assets_tests.security.conftest import Get
from runs_assets_tests.security.peers import endless, peer, saying

MB = 2**20
LIMITS = Limits(deadline=0, body_bytes=4 * MB, other_bytes=MB // 4)
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
FILLER = b"x" * 65536


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """Python's own memory; all of an answer is in it."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def bomb(layers: int) -> bytes:
    """64 MB of zeros, so that the answer becomes a thousandth of that; each further layer another hundredth."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(64):
            file.write(bytes(MB))
    content = packed.getvalue()
    for _ in range(layers - 1):
        content = gzip.compress(content)
    return content


def test_an_endless_body_is_an_error(get: Get) -> None:
    with (
        peer(endless(OK + b"\r\n", FILLER)) as api,
        memory_within(10 * MB),
        pytest.raises(UnavailableError, match=f"larger than {4 * MB} bytes"),
    ):
        get(f"http://{api.address}", LIMITS)


def test_a_small_body_that_unpacks_to_a_large_one_is_an_error(get: Get) -> None:
    with (
        peer(saying(OK + b"Content-Encoding: gzip\r\n\r\n" + bomb(1))) as api,
        memory_within(10 * MB),
        pytest.raises(UnavailableError, match=f"larger than {4 * MB} bytes"),
    ):
        get(f"http://{api.address}", LIMITS)


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip, gzip", bomb(2)), ("zstd", zstandard.compress(bytes(64 * MB))), ("br", b"x"), ("deflate", b"x")],
)
def test_a_coding_that_was_not_asked_for_is_not_unpacked(get: Get, coding: str, body: bytes) -> None:
    with (
        peer(saying(OK + f"Content-Encoding: {coding}\r\n\r\n".encode() + body)) as api,
        memory_within(10 * MB),
        pytest.raises(UnavailableError, match="encoded in a way that was not asked for"),
    ):
        get(f"http://{api.address}", LIMITS)
    assert b"accept-encoding: gzip\r\n" in api.heads[0].lower()


@pytest.mark.parametrize("status", [b"403 No", b"500 Oh"])
def test_of_an_endless_error_only_the_beginning_is_read(get: Get, status: bytes) -> None:
    with (
        peer(endless(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n", FILLER)) as api,
        memory_within(4 * MB),
        pytest.raises((UnavailableError, CredentialsError), match=f"HTTP {status[:3].decode()}"),
    ):
        get(f"http://{api.address}", LIMITS)


def test_endless_headers_are_an_error(get: Get) -> None:
    with (
        peer(endless(OK, b"x-more: " + b"y" * 1000 + b"\r\n")) as api,
        memory_within(4 * MB),
        pytest.raises(UnavailableError, match="RemoteProtocolError"),
    ):
        get(f"http://{api.address}", LIMITS)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (OK, f"larger than {MB // 4} bytes"),
        (b"HTTP/1.1 400 No\r\nConnection: close\r\n", "The token endpoint refused to refresh the token"),
    ],
)
def test_an_endless_answer_of_the_token_endpoint_is_an_error(tmp_path: Path, head: bytes, said: str) -> None:
    with peer(endless(head + b'\r\n{"access_token": "', FILLER)) as endpoint:
        grant = RefreshGrant(f"http://{endpoint.address}/token", "me", "a-client-secret", "a-refresh-token")
        redact = Redactor()
        auth = RefreshingBearerAuth(
            grant,
            TokenFile(stored_file(tmp_path / "t/x.json"), grant),
            redact,
            lambda: datetime.fromtimestamp(0, UTC),
            "THE_TOKEN",
        )
        transport = Transport(
            "http://127.0.0.1:9", auth, redact, LIMITS, clock=lambda: datetime(2026, 3, 18, tzinfo=UTC)
        )
        with (
            transport,
            memory_within(4 * MB),
            pytest.raises((UnavailableError, CredentialsError), match=said),
        ):
            transport.get("/runs", {}, lambda answer: answer.body)
