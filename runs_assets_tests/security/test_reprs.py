"""Nothing that holds a secret shows it when it is printed, not even in a chain of errors."""

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runs_assets.errors import UnavailableError
from runs_assets.sources.cloudcruise.source import CloudCruiseApi, CloudCruiseSettings
from runs_assets.sources.productsup.source import ProductsupApi, ProductsupSettings
from runs_assets.storage.layout import Layout
from runs_assets_tests.security.conftest import Get
from runs_assets_tests.security.markers import found, secret
from runs_assets_tests.security.peers import peer, saying

OTHERS = {"BASE_URL": "https://host.invalid", "TOKEN_URL": "https://host.invalid/token", "CLIENT_ID": "me"}


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, 18, tzinfo=UTC)


@pytest.mark.parametrize("names", [("TOKEN",), ("CLIENT_SECRET", "REFRESH_TOKEN")])
def test_settings_resources_clients_and_what_they_are_made_of(
    names: tuple[str, ...], clock: Callable[[], datetime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    others = OTHERS if len(names) > 1 else {"BASE_URL": OTHERS["BASE_URL"]}
    for name, value in {**{name: secret(name) for name in ("API_KEY", *names)}, **others}.items():
        monkeypatch.setenv(f"X_{name}", value)
    shown: list[object] = [CloudCruiseSettings.load("X_"), ProductsupSettings.load("X_")]
    for api in (CloudCruiseApi(settings_prefix="X_"), ProductsupApi(settings_prefix="X_")):
        with api.client("account", Layout(tmp_path), clock) as client:
            shown += [api, client, client.auth, client.redact]
    assert "host.invalid" in repr(shown)
    assert found(f"{shown!r} {[str(thing) for thing in shown]}".encode()) == []


def test_the_password_of_a_proxy(get: Get, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with peer(saying(refusal)) as proxy, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{secret('proxy').replace('/', '%2F')}@{proxy.address}")
        with pytest.raises(UnavailableError, match="407") as caught:
            get("https://api.invalid")
    assert b"proxy-authorization: Basic" in proxy.heads[0].replace(b"Proxy-Authorization", b"proxy-authorization")
    assert found(caplog.text.encode()) == []
    assert found("".join(traceback.format_exception(caught.value)).encode()) == []
