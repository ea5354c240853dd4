"""A proxy of the environment never sees what is sent to loopback; for any other host it sees only where to."""

from collections.abc import Iterator

import pytest

from runs_assets.errors import UnavailableError
from runs_assets_tests.security.conftest import PROXY_VARIABLES, Get
from runs_assets_tests.security.markers import found
from runs_assets_tests.security.peers import Peer, peer, saying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with peer(saying(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) as recording:
        for name in PROXY_VARIABLES[:3]:
            monkeypatch.setenv(name, f"http://{recording.address}")
        yield recording


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_plain_http_goes_straight_to_loopback(get: Get, proxy: Peer, host: str) -> None:
    with peer(saying(OK)) as api:
        assert get(f"http://{host}:{api.port}") == b"[]"
    assert len(api.heads) == 1
    assert proxy.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_so_does_https(get: Get, proxy: Peer, host: str) -> None:
    with pytest.raises(UnavailableError, match="No connection"):
        get(f"https://{host}:9")
    assert proxy.heads == []


def test_for_another_host_the_proxy_is_asked_for_a_tunnel_without_the_key(get: Get, proxy: Peer) -> None:
    with pytest.raises(UnavailableError, match="ProxyError"):
        get("https://api.invalid")
    [head] = proxy.heads
    assert head.startswith(b"CONNECT api.invalid:443 HTTP/1.1\r\n")
    assert found(head) == []
