from datetime import timedelta

import httpx
import pytest

from runs_assets.sandbox import FrozenClock
from runs_assets_tests.sandbox.asking import NOW, Asker

CLIENT = ("sandbox-client", "sandbox-client-secret")


def refresh(ask: Asker, refresh_token: str, auth: tuple[str, str] = CLIENT) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return ask.client.post(ask.sandbox.token_url, data=form, auth=httpx.BasicAuth(*auth))


def test_a_refresh_token_buys_an_access_token_that_runs_accepts(ask: Asker) -> None:
    answer = refresh(ask, ask.sandbox.productsup.tokens.refresh_token)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    issued = answer.json()
    assert set(issued) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 3600)
    assert ask.productsup(token=issued["access_token"]).status_code == 200


def test_a_refresh_token_is_good_once_and_its_successor_is_good_next(ask: Asker) -> None:
    first = ask.sandbox.productsup.tokens.refresh_token
    second = refresh(ask, first).json()["refresh_token"]
    assert second != first
    spent = refresh(ask, first)
    assert spent.status_code == 400
    assert spent.json() == {"error": "invalid_grant"}
    third = refresh(ask, second)
    assert third.status_code == 200
    assert ask.sandbox.productsup.tokens.refresh_token == third.json()["refresh_token"]


def test_an_access_token_expires_by_the_clock_of_the_server(ask: Asker) -> None:
    clock = ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.productsup.tokens.expires_in = 60
    token = refresh(ask, ask.sandbox.productsup.tokens.refresh_token).json()["access_token"]
    clock.advance(timedelta(seconds=59))
    assert ask.productsup(token=token).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert ask.productsup(token=token).status_code == 401


def test_the_client_may_name_itself_in_the_body(ask: Asker) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": ask.sandbox.productsup.tokens.refresh_token,
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
    }
    assert ask.client.post(ask.sandbox.token_url, data=form).status_code == 200


@pytest.mark.parametrize("auth", [("", ""), ("sandbox-client", "wrong"), ("wrong", "sandbox-client-secret")])
def test_an_unknown_client_is_refused_and_spends_nothing(ask: Asker, auth: tuple[str, str]) -> None:
    token = ask.sandbox.productsup.tokens.refresh_token
    answer = refresh(ask, token, auth)
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}
    assert refresh(ask, token).status_code == 200


def test_a_client_that_does_not_name_itself_is_refused(ask: Asker) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": ask.sandbox.productsup.tokens.refresh_token}
    assert ask.client.post(ask.sandbox.token_url, data=form).json() == {"error": "invalid_client"}


def test_credentials_that_are_not_base64_are_refused(ask: Asker) -> None:
    answer = ask.client.post(ask.sandbox.token_url, headers={"Authorization": "Basic ?"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_another_request_is_refused_in_the_words_of_the_standard(ask: Asker, form: dict[str, str], error: str) -> None:
    answer = ask.client.post(ask.sandbox.token_url, data=form, auth=CLIENT)
    assert answer.status_code == 400
    assert answer.json() == {"error": error}
