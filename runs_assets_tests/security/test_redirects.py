"""No credential follows a redirect or a `next`, whatever its status and wherever it points."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runs_assets.days import to_us
from runs_assets.errors import CredentialsError, RequestRefusedError
from runs_assets.sandbox import Sandbox
from runs_assets.sandbox.answers import Handler, json_answer
from runs_assets.sources.productsup.client import ProductsupClient
from runs_assets.sources.productsup.source import ProductsupApi
from runs_assets.storage.layout import Layout
from runs_assets_tests.paging.lists import pages_of
from runs_assets_tests.security.conftest import Get
from runs_assets_tests.security.markers import CLIENT_SECRET, PRODUCTSUP_TOKEN, REFRESH_TOKEN, found
from runs_assets_tests.security.peers import Peer, peer, saying

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
STATUSES = [301, 302, 303, 307, 308]


@pytest.fixture
def elsewhere() -> Iterator[Peer]:
    with peer(saying(OK)) as recording:
        yield recording


def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> ProductsupClient:
    for name, value in settings.items():
        monkeypatch.setenv(f"PS_{name}", value)
    monkeypatch.chdir(tmp_path)
    return ProductsupApi(settings_prefix="PS_").client("productsup", Layout(tmp_path), lambda: NOW)


def first_page(productsup: ProductsupClient) -> None:
    with productsup:
        productsup.fetch(next(productsup.pager(0, 1).asks()))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("is_same_host", [True, False])
def test_the_key_follows_no_redirect(get: Get, elsewhere: Peer, status: int, is_same_host: bool) -> None:
    location = "/other" if is_same_host else f"http://localhost:{elsewhere.port}/runs"
    answer = f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with peer(saying(answer.encode())) as api, pytest.raises(RequestRefusedError, match="Redirects are not followed"):
        get(f"http://{api.address}")
    assert len(api.heads) == 1
    assert elsewhere.heads == []


@pytest.mark.parametrize("status", STATUSES)
def test_the_client_secret_and_the_refresh_token_follow_no_redirect(
    sandbox: Sandbox, elsewhere: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async def redirect(_request: Request, _inner: Handler) -> Response:
        return RedirectResponse(f"http://localhost:{elsewhere.port}/token", status)

    sandbox.hooks["productsup"].append(redirect)
    productsup = client(
        tmp_path,
        monkeypatch,
        BASE_URL=sandbox.productsup_url,
        TOKEN_URL=sandbox.token_url,
        CLIENT_ID="me",
        CLIENT_SECRET=CLIENT_SECRET,
        REFRESH_TOKEN=REFRESH_TOKEN,
    )
    with pytest.raises(CredentialsError, match=f"HTTP {status}.*set the token URL to the final address") as caught:
        first_page(productsup)
    assert found(str(caught.value).encode()) == []
    assert [request.path for request in sandbox.requests] == ["/token"]
    assert elsewhere.heads == []


@pytest.mark.parametrize("link", ["http://localhost:{port}/runs?from=100", "//localhost:{port}/runs", "/elsewhere", 7])
def test_the_token_does_not_follow_next(
    sandbox: Sandbox, elsewhere: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str | int
) -> None:
    rows = [{"id": f"run-{n}", "created-at": (NOW - timedelta(hours=n)).isoformat()} for n in range(6)]

    async def tempting(request: Request, _inner: Handler) -> Response:
        at = int(request.query_params["from"])
        page = rows[at : at + 4]
        pointer = link if isinstance(link, int) else link.format(port=elsewhere.port)
        return json_answer({"data": page, "metadata": {"from": at, "limit": 4, "total": 6, "next": pointer}})

    sandbox.hooks["productsup"].append(tempting)
    productsup = client(tmp_path, monkeypatch, BASE_URL=sandbox.productsup_url, TOKEN=PRODUCTSUP_TOKEN)
    with productsup:
        shown = [key for page in pages_of(productsup.pager(0, to_us(NOW) + 1), productsup.fetch) for key in page.keys]
    assert set(shown) == {row["id"] for row in rows}
    assert {request.path for request in sandbox.requests} == {"/runs"}
    assert elsewhere.heads == []
