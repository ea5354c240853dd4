"""A request can be ended from another thread, at once, whatever it waits for; only a renewal of tokens is waited for."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import socket
from threading import Event

import pytest
import trustme

from runs_assets.errors import RunsAssetsError, UnavailableError
from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.oauth import RefreshingBearerAuth
from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets.http.transport import Answer, Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import stored_file
from runs_assets_tests.security.peers import Talk, peer, saying

PROMPT_SECONDS = 10
BUSY = saying(b"HTTP/1.1 503 Busy\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")


def silent(connection: socket) -> None:
    """Say nothing until the other side goes away."""
    connection.settimeout(60)
    connection.recv(1)


def halting(connection: socket) -> None:
    """Stop in the middle of the body."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
    silent(connection)


def ended(transport: Transport, is_under_way: Event) -> float:
    """How long it takes (seconds) until a GET that was stopped has raised."""
    with ThreadPoolExecutor(1) as pool:
        got = pool.submit(transport.get, "/runs", {}, Answer.json)
        assert is_under_way.wait(PROMPT_SECONDS)
        time.sleep(0.1)  # it may still be on its way into the wait
        begun = time.monotonic()
        transport.stop()
        with pytest.raises(RunsAssetsError):
            got.result(timeout=30)
    return time.monotonic() - begun


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("talk", [silent, halting, BUSY])
def test_a_request_ends_at_once(talk: Talk, tls: ssl.SSLContext, *, is_secure: bool) -> None:
    is_under_way = Event()

    def conversation(connection: socket) -> None:
        is_under_way.set()
        talk(connection)

    with peer(conversation, tls if is_secure else None) as server:
        url = f"{'https' if is_secure else 'http'}://{server.address}"
        with Transport(url, HeaderAuth("cc-key", "key", "KEY"), Redactor()) as transport:
            assert ended(transport, is_under_way) < PROMPT_SECONDS
            with pytest.raises(UnavailableError, match="stopped"):
                transport.get("/runs", {}, Answer.json)
        assert len(server.heads) == 1


def test_the_tokens_of_a_renewal_under_way_are_kept(tmp_path: Path) -> None:
    is_under_way = Event()

    def renewing(connection: socket) -> None:
        is_under_way.set()
        time.sleep(0.5)
        tokens = b'{"access_token":"new","refresh_token":"rotated","token_type":"bearer"}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(tokens), tokens))

    with peer(renewing) as tokens, peer(silent) as api:
        grant = RefreshGrant(f"http://{tokens.address}/token", "id", "secret", "first")
        file = TokenFile(stored_file(tmp_path / "tokens.json"), grant)
        redact = Redactor()
        auth = RefreshingBearerAuth(grant, file, redact, lambda: NOW, "TOKEN")
        with Transport(f"http://{api.address}", auth, redact) as transport:
            assert ended(transport, is_under_way) < PROMPT_SECONDS
        assert api.heads == []
        assert file.load()["refresh_token"] == "rotated"
