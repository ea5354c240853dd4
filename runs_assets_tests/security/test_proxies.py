"""A proxy of the environment never sees what is sent to loopback; for any other host it sees only where to."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from runs_assets.alerts.addresses import addresses_of
from runs_assets.cli import main
from runs_assets.errors import SettingsError, UnavailableError
from runs_assets_tests.alerts.receiver import receiving
from runs_assets_tests.security.conftest import PROXY_VARIABLES, Get
from runs_assets_tests.security.markers import found
from runs_assets_tests.security.notes import notification
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NO_PROXY", "fd07::/64"),
        ("NO_PROXY", "[::1]"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("ALL_PROXY", "ftp://host:21"),
        ("ALL_PROXY", "http://host:port"),
    ],
)
def test_what_is_wrong_with_a_proxy_is_a_sentence_and_no_matter_of_loopback(
    get: Get, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with peer(saying(OK)) as api:
        assert get(f"http://{api.address}") == b"[]"
    with pytest.raises(SettingsError, match=f"{name}.* cannot be used: correct or unset it"):
        get("https://api.invalid")


def test_a_notification_to_loopback_sees_no_proxy(proxy: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "intranet")  # so that the environment is restored
    with receiving() as receiver:
        [address] = addresses_of(SecretStr(receiver.url("a")))
        assert address.send(notification())
        assert receiver.titles("a") == ["title"]
    assert proxy.heads == []


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:9", "ftp://host:21", "http://host:port"])
def test_notifications_have_the_same_sentence_and_reach_loopback_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "intranet")  # so that the environment is restored
    monkeypatch.setenv("ALL_PROXY", value)
    with receiving() as receiver:
        [near] = addresses_of(SecretStr(receiver.url("a")))
        assert near.send(notification())
        monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", f"{receiver.url('a')} jsons://hidden:pw@api.invalid/")
        assert main(["notify", "--test"]) == 1
    of_proxy, *of_addresses = capsys.readouterr().out.splitlines()
    assert "ALL_PROXY, or the list in NO_PROXY, cannot be used: correct or unset it." in of_proxy
    assert "hidden" not in of_proxy
    assert of_addresses == ["Address 1: taken.", "Address 2: REFUSED, or not reached."]
    assert len(receiver.titles("a")) == 2


def test_a_list_of_hosts_that_readers_refuse_is_no_matter_of_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "fd07::/64")
    monkeypatch.setenv("HTTPS_PROXY", "host:3128")
    assert len(addresses_of(SecretStr("jsons://api.invalid/"))) == 1
