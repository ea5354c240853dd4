"""A certificate that is not to be trusted ends it before the key is sent, and no variable changes that."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from httpx import Timeout
from pydantic import SecretStr

from runs_assets.alerts.addresses import addresses_of
from runs_assets.errors import SettingsError, UnavailableError
from runs_assets.http.connections import new_client
from runs_assets_tests.security.conftest import Get
from runs_assets_tests.security.notes import notification
from runs_assets_tests.security.peers import Peer, peer, saying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
SWITCHES = ("PYTHONHTTPSVERIFY", "SSL_VERIFY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPX_VERIFY", "VERIFY_SSL")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def served_for(name: str, authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[Peer]:
    with peer(saying(OK), served_for("127.0.0.1", authority)) as running:
        yield running


def test_a_certificate_of_an_unknown_authority_is_refused(
    get: Get, server: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SWITCHES:
        monkeypatch.setenv(name, "0")
    with pytest.raises(UnavailableError, match=r"certificate of https://127\.0\.0\.1.* is not trusted.*SSL_CERT_FILE"):
        get(f"https://{server.address}")
    assert server.heads == []


def test_a_networks_own_authority_can_be_trusted(
    get: Get, server: Peer, trusted_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", trusted_file)
    assert get(f"https://{server.address}") == b"[]"


def test_a_certificate_for_another_host_is_refused(
    get: Get, authority: trustme.CA, trusted_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", trusted_file)
    with (
        peer(saying(OK), served_for("api.cloudcruise.com", authority)) as other,
        pytest.raises(UnavailableError, match=r"is not trusted .*mismatch"),
    ):
        get(f"https://{other.address}")
    assert other.heads == []


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_cannot_be_read_are_a_wrong_setting(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "certificates.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(SettingsError, match="SSL_CERT_FILE"):
        get("https://127.0.0.1:9")


def test_notifications_trust_what_readers_trust(
    authority: trustme.CA, trusted_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with peer(saying(OK), served_for("127.0.0.1", authority)) as receiver:
        url = SecretStr(f"jsons://{receiver.address}/a")
        assert not addresses_of(url)[0].send(notification())
        assert receiver.heads == []
        monkeypatch.setenv("SSL_CERT_FILE", trusted_file)
        addresses_of(url)[0].send(notification())
    assert [head.partition(b" ")[0] for head in receiver.heads] == [b"POST"]


def test_an_authority_without_the_extensions_that_newer_pythons_ask_for_is_trusted(
    get: Get, server: Peer, trusted_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = ssl.create_default_context

    def as_python_3_13(*arguments: Any, **named: Any) -> ssl.SSLContext:
        context = strict(*arguments, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_python_3_13)
    monkeypatch.setenv("SSL_CERT_FILE", trusted_file)
    assert not new_client("https://host", Timeout(1), {})._transport._pool._ssl_context.verify_flags & (  # type: ignore[attr-defined]
        ssl.VERIFY_X509_STRICT
    )
    assert get(f"https://{server.address}") == b"[]"
