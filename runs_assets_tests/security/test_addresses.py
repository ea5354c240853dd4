"""Credentials are sent over https, or to this machine; an address that is refused is never shown."""

import httpx
import pytest

from runs_assets.errors import SettingsError
from runs_assets.settings import LOOPBACK_HOSTS, EnvironmentSettings, checked_url
from runs_assets.sources.cloudcruise.source import CloudCruiseSettings
from runs_assets.sources.productsup.source import ProductsupSettings
from runs_assets_tests.security.markers import STEM, found

PLACES = [(CloudCruiseSettings, "BASE_URL"), (ProductsupSettings, "BASE_URL"), (ProductsupSettings, "TOKEN_URL")]


@pytest.mark.parametrize(("kind", "name"), PLACES)
@pytest.mark.parametrize(
    "url",
    [
        f"http://{STEM}.example",
        f"http://127.0.0.1.{STEM}.example",
        f"http://localhost.{STEM}.example",
        f"http://127.0.0.1@{STEM}.example",
        f"http://127.0.0.1\\@{STEM}.example",
        f"http://127.0.0.1%2f@{STEM}.example",
        f"http://0.0.0.0/{STEM}",
        f"http://[::ffff:127.0.0.1]/{STEM}",
        f"http://2130706433/{STEM}",
        f"https://user:{STEM}@host.example",
        f"https://{STEM}@host.example",
        f"https://:{STEM}@host.example",
        f"https://host.example/?token={STEM}",
        f"https://host.example/#{STEM}",
        f"https://host.example\n{STEM}",
        f"ftp://{STEM}",
        f"file:///{STEM}",
        f"//{STEM}",
    ],
)
def test_an_address_that_is_not_safe_is_refused_by_its_name_alone(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvironmentSettings], name: str, url: str
) -> None:
    monkeypatch.setenv(f"X_{name}", url)
    with pytest.raises(SettingsError, match=f"X_{name}: ") as caught:
        kind.load("X_")
    error: BaseException | None = caught.value
    while error is not None and not error.__suppress_context__:
        assert found(f"{error!r}{error}".encode()) == []
        error = error.__cause__ or error.__context__
    assert found(f"{error!r}{error}".encode()) == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1\\.example", "HTTP://LOCALHOST:1/x", "http://127.0.0.1:80/../x", "http://[::1]/%2e%2e"]
)
def test_what_is_accepted_over_http_is_where_the_http_library_goes(url: str) -> None:
    try:
        accepted = checked_url(url)
    except ValueError:
        return
    assert httpx.URL(accepted).host in LOOPBACK_HOSTS
