"""OAuth2 tokens are refreshed when due, rotated, kept where only their owner reads them, and never shown."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runs_assets.errors import CredentialsError, SettingsError
from runs_assets.http.token_file import RefreshGrant
from runs_assets.sandbox import FrozenClock, Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets.sources.productsup.client import ProductsupClient
from runs_assets.sources.productsup.source import ProductsupApi, ProductsupSettings
from runs_assets.storage.layout import Layout
from runs_assets_tests.conftest import NOW


@pytest.fixture
def clock(sandbox: Sandbox) -> FrozenClock:
    clock = FrozenClock(NOW)
    sandbox.clock = clock
    return clock


@pytest.fixture(autouse=True)
def _environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = sandbox.productsup.tokens
    for name, value in {
        "BASE_URL": sandbox.productsup_url,
        "TOKEN_URL": sandbox.token_url,
        "CLIENT_ID": tokens.client_id,
        "CLIENT_SECRET": tokens.client_secret,
        "REFRESH_TOKEN": tokens.refresh_token,
    }.items():
        monkeypatch.setenv(f"PS_{name}", value)


def client(tmp_path: Path, clock: FrozenClock) -> ProductsupClient:
    return ProductsupApi(settings_prefix="PS_").client("productsup", Layout(tmp_path), clock)


def read_once(tmp_path: Path, clock: FrozenClock) -> None:
    with client(tmp_path, clock) as productsup:
        pager = productsup.pager(0, 1)
        productsup.fetch(next(pager.asks()))


def paths(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(request.path, request.status) for request in sandbox.requests]


def test_a_token_is_fetched_once_and_kept_for_the_next_process(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock
) -> None:
    read_once(tmp_path, clock)
    read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 200), ("/runs", 200), ("/runs", 200)]


def test_the_rotated_refresh_token_is_used_when_the_access_token_is_about_to_expire(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock
) -> None:
    read_once(tmp_path, clock)
    clock.advance(timedelta(seconds=sandbox.productsup.tokens.expires_in - 10))
    read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 200), ("/runs", 200)] * 2


def test_one_401_refreshes_the_token(sandbox: Sandbox, tmp_path: Path, clock: FrozenClock) -> None:
    read_once(tmp_path, clock)
    sandbox.productsup.tokens.expires_in = 3600
    file = next((tmp_path / ".tokens").iterdir())
    stored = orjson.loads(file.read_bytes())
    stored["tokens"]["access_token"] = "revoked"
    file.write_bytes(orjson.dumps(stored))
    read_once(tmp_path, clock)
    assert paths(sandbox)[2:] == [("/runs", 401), ("/token", 200), ("/runs", 200)]


def test_a_second_401_is_the_end(sandbox: Sandbox, tmp_path: Path, clock: FrozenClock) -> None:
    async def refuse(request: Request, inner: Handler) -> Response:
        if request.url.path.endswith("/token"):
            return await inner(request)
        return PlainTextResponse('{"message":"no"}', 401)

    sandbox.hooks["productsup"].append(refuse)
    with pytest.raises(CredentialsError, match="Check PS_REFRESH_TOKEN"):
        read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 200), ("/runs", 401)] * 2


def test_a_refused_refresh_token_is_told_without_showing_it(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PS_REFRESH_TOKEN", "an-old-refresh-token")
    with pytest.raises(CredentialsError, match="refused to refresh the token: invalid_grant") as caught:
        read_once(tmp_path, clock)
    assert "an-old-refresh-token" not in str(caught.value)
    assert len(sandbox.requests) == 1


def test_a_new_refresh_token_in_the_settings_wins_over_the_stored_one(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_once(tmp_path, clock)
    monkeypatch.setenv("PS_REFRESH_TOKEN", sandbox.productsup.tokens.refresh_token)
    read_once(tmp_path, clock)
    assert paths(sandbox)[2:] == [("/token", 200), ("/runs", 200)]


def test_only_the_owner_can_read_the_tokens(tmp_path: Path, clock: FrozenClock) -> None:
    read_once(tmp_path, clock)
    folder = tmp_path / ".tokens"
    [file] = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_token_endpoint_that_is_down_for_a_moment_is_asked_again(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock
) -> None:
    down = iter([True])

    async def hook(request: Request, inner: Handler) -> Response:
        return PlainTextResponse("", 503) if next(down, False) else await inner(request)

    sandbox.hooks["productsup"].append(hook)
    read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 503), ("/token", 200), ("/runs", 200)]


def test_some_of_the_four_settings_are_an_error_that_names_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PS_CLIENT_SECRET")
    with pytest.raises(SettingsError, match="not set: CLIENT_SECRET"):
        ProductsupSettings.load("PS_")


def token_answers(sandbox: Sandbox, answer: Response) -> None:
    async def hook(request: Request, inner: Handler) -> Response:
        return answer if request.url.path.endswith("/token") else await inner(request)

    sandbox.hooks["productsup"].append(hook)


def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock
) -> None:
    body = orjson.dumps(
        {"access_token": sandbox.token, "token_type": "bearer", "refresh_token": None, "expires_at": "x"}
    )
    token_answers(sandbox, Response(body, media_type="application/json"))
    read_once(tmp_path, clock)
    stored = orjson.loads(next((tmp_path / ".tokens").iterdir()).read_bytes())
    assert stored["tokens"] == {"refresh_token": "sandbox-refresh-token-0", "access_token": sandbox.token}


@pytest.mark.parametrize(
    "body", ['{"access_token": null}', '{"error": {}}', '{"access_token": "a", "expires_in": "soon"}']
)
def test_an_odd_token_answer_is_a_clear_error(sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, body: str) -> None:
    token_answers(sandbox, Response(body, media_type="application/json"))
    with pytest.raises(CredentialsError, match="token endpoint"):
        read_once(tmp_path, clock)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null"])
def test_a_damaged_token_file_is_named(tmp_path: Path, clock: FrozenClock, content: str) -> None:
    read_once(tmp_path, clock)
    next((tmp_path / ".tokens").iterdir()).write_text(content)
    with pytest.raises(CredentialsError, match=r"The file of rotated tokens is damaged: .*productsup.json"):
        read_once(tmp_path, clock)


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_that_gives_no_reason_is_final_and_blames_the_address(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, status: int
) -> None:
    token_answers(sandbox, PlainTextResponse("<html>no</html>", status))
    with pytest.raises(CredentialsError, match=f"HTTP {status} without a reason. Check the token URL"):
        read_once(tmp_path, clock)
    assert len(sandbox.requests) == 1


def test_a_client_id_and_secret_with_special_characters_are_sent_as_the_standard_has_them(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = sandbox.productsup.tokens
    tokens.client_id, tokens.client_secret = "me+you:us", "50% of a/b c"
    monkeypatch.setenv("PS_CLIENT_ID", tokens.client_id)
    monkeypatch.setenv("PS_CLIENT_SECRET", tokens.client_secret)
    read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 200), ("/runs", 200)]


def test_an_endpoint_that_wants_the_secret_in_the_form_gets_it_there_and_that_is_remembered(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock
) -> None:
    tokens = sandbox.productsup.tokens
    sandbox.switch_on("productsup", "secret_wanted_in_form")
    read_once(tmp_path, clock)
    clock.advance(timedelta(seconds=tokens.expires_in))
    read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 401), ("/token", 200), ("/runs", 200), ("/token", 200), ("/runs", 200)]
    sandbox.switch_off("productsup", "secret_wanted_in_form")
    clock.advance(timedelta(seconds=tokens.expires_in))
    read_once(tmp_path, clock)
    assert paths(sandbox)[5:] == [("/token", 200), ("/runs", 200)]


def test_a_wrong_secret_is_refused_either_way(
    sandbox: Sandbox, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PS_CLIENT_SECRET", "a-wrong-secret")
    with pytest.raises(CredentialsError, match="refused to refresh the token: invalid_client"):
        read_once(tmp_path, clock)
    assert paths(sandbox) == [("/token", 401)] * 2


def test_secrets_are_in_no_repr_of_a_grant() -> None:
    assert "hidden" not in repr(RefreshGrant("https://x", "id", "hidden-secret", "hidden-token"))
