from datetime import timedelta

import httpx
import pytest

from runs_assets.days import iso
from runs_assets.sandbox import simulated_cloudcruise
from runs_assets.sandbox.faults.access import ClockMinutesOff, TokensExpire
from runs_assets_tests.sandbox.asking import NOW, Asker


def renewed(ask: Asker, refresh_token: str) -> httpx.Response:
    issuer = ask.sandbox.productsup.tokens
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return ask.client.post(ask.sandbox.token_url, data=form, auth=(issuer.client_id, issuer.client_secret))


def test_a_token_expires_after_some_requests_and_each_renewal_replaces_the_refresh_token(ask: Asker) -> None:
    ask.sandbox.switch_on("productsup", TokensExpire(requests=2))
    spent = ask.sandbox.productsup.tokens.refresh_token
    for _ in range(2):
        answer = renewed(ask, spent).json()
        assert [ask.productsup(token=answer["access_token"]).status_code for _ in range(4)] == [200, 200, 401, 401]
        assert renewed(ask, spent).json() == {"error": "invalid_grant"}
        spent = answer["refresh_token"]


def test_a_token_that_nobody_renews_expires_too(ask: Asker) -> None:
    ask.sandbox.switch_on("productsup", "tokens_expire")
    assert [ask.productsup().status_code for _ in range(4)] == [200, 200, 200, 401]


def test_a_secret_that_is_wanted_in_the_form_is_refused_elsewhere(ask: Asker) -> None:
    issuer = ask.sandbox.productsup.tokens
    ask.sandbox.switch_on("productsup", "secret_wanted_in_form")
    refused = renewed(ask, issuer.refresh_token)
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})
    form = {"grant_type": "refresh_token", "refresh_token": issuer.refresh_token}
    client = {"client_id": issuer.client_id, "client_secret": issuer.client_secret}
    assert ask.client.post(ask.sandbox.token_url, data=form | client).status_code == 200
    assert ask.productsup().status_code == 200


@pytest.mark.parametrize(("minutes", "status"), [(-10, 200), (0, 200), (10, 400)])
def test_a_clock_that_is_off_moves_how_far_back_may_be_asked(ask: Asker, minutes: float, status: int) -> None:
    ask.sandbox.switch_on("cloudcruise", ClockMinutesOff(minutes))
    oldest = NOW - timedelta(days=31) + timedelta(minutes=5)
    assert ask.cloudcruise(start_time=iso(oldest)).status_code == status
    just_too_old = NOW - timedelta(days=31, minutes=5)
    assert (ask.cloudcruise(start_time=iso(just_too_old)).status_code == 200) == (minutes < 0)


def test_a_clock_that_is_off_moves_what_exists(ask: Asker) -> None:
    history = ask.sandbox.cloudcruise.history = simulated_cloudcruise(days=0, volume=8)
    there = {minutes: len(history.visible(NOW + timedelta(minutes=minutes))) for minutes in (-10, 0, 10)}
    assert there[-10] < there[0] < there[10]
    query: dict[str, str | int] = {"start_time": "2026-03-18T00:00:00Z", "limit": 10_000}
    for name, minutes in [("clock_minutes_behind", -10), ("clock_minutes_off", 10)]:
        ask.sandbox.switch_on("cloudcruise", name)
        assert len(ask.rows("cloudcruise", query)) == there[minutes]
        ask.sandbox.switch_off("cloudcruise", name)
    assert len(ask.rows("cloudcruise", query)) == there[0]
