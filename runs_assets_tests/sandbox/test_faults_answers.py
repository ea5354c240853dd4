import json
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from runs_assets.sandbox import FrozenClock
from runs_assets.sandbox.faults import FAULTS
from runs_assets.sandbox.faults.answers import (
    EmptyLists,
    FirewallPages,
    NowAndThen,
    RedirectsElsewhere,
    ServerErrors,
    TooManyRequestsAtOnce,
    TooManyRequestsDate,
    TooManyRequestsEpoch,
    TooManyRequestsSeconds,
)
from runs_assets_tests.sandbox.asking import NOW, PLATFORMS, Asker

both = pytest.mark.parametrize("platform", PLATFORMS)


@both
def test_the_first_request_is_hit_and_then_every_third(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, "server_errors")
    statuses = [ask.list_runs(platform).status_code for _ in range(10)]
    assert statuses == [500, 200, 200, 502, 200, 200, 503, 200, 200, 500]


@both
def test_an_outage_hits_every_request(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, ServerErrors(every=1))
    assert [ask.list_runs(platform).status_code for _ in range(4)] == [500, 502, 503, 500]


def test_requests_for_tokens_are_not_hit_and_do_not_count(ask: Asker) -> None:
    ask.sandbox.switch_on("productsup", "server_errors")
    assert ask.client.post(ask.sandbox.token_url).status_code == 401
    assert [ask.productsup().status_code for _ in range(2)] == [500, 200]


@both
def test_a_429_tells_the_wait_in_seconds(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, TooManyRequestsSeconds(wait_seconds=7))
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert ask.list_runs(platform).status_code == 200


@both
@pytest.mark.parametrize(("fraction", "expected"), [(0, 7), (250_000, 8)])
def test_a_429_tells_the_wait_as_a_date_rounded_up(ask: Asker, platform: str, fraction: int, expected: int) -> None:
    ask.sandbox.clock = FrozenClock(NOW.replace(microsecond=fraction))
    ask.sandbox.switch_on(platform, TooManyRequestsDate(wait_seconds=7))
    answer = ask.list_runs(platform)
    assert answer.status_code == 429
    assert parsedate_to_datetime(answer.headers["retry-after"]) == NOW + timedelta(seconds=expected)
    assert answer.headers["retry-after"].endswith("GMT")


@both
def test_a_429_tells_the_wait_as_a_unix_time(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, TooManyRequestsEpoch(wait_seconds=7))
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.headers["x-ratelimit-retry-after"]) == (429, "1773835207")  # date -d @...
    assert "retry-after" not in answer.headers


def test_a_429_tells_the_wait_in_the_body_only(ask: Asker) -> None:
    ask.sandbox.switch_on("cloudcruise", "too_many_requests_body")
    answer = ask.cloudcruise()
    assert (answer.status_code, answer.json()["retryAfterSeconds"]) == (429, 1)
    assert not any("retry" in name for name in answer.headers)


def test_a_429_asks_for_no_wait_or_for_a_long_one(ask: Asker) -> None:
    ask.sandbox.clock = FrozenClock(NOW)
    ask.sandbox.switch_on("productsup", TooManyRequestsAtOnce(every=1))
    told = [ask.productsup().headers["retry-after"] for _ in range(3)]
    assert told == ["Wed, 18 Mar 2026 11:00:00 GMT", "0", "Wed, 18 Mar 2026 11:00:00 GMT"]
    ask.sandbox.switch_on("cloudcruise", "too_many_requests_for_long")
    assert ask.cloudcruise().headers["retry-after"] == "900"


@both
def test_a_firewall_answers_with_a_page_of_its_own(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, FirewallPages(every=1))
    answers = [ask.list_runs(platform) for _ in range(2)]
    assert {(answer.status_code, answer.headers["content-type"]) for answer in answers} == {
        (403, "text/html; charset=utf-8")
    }
    assert [answer.headers.get("retry-after") for answer in answers] == ["2", None]


@both
def test_an_error_is_told_in_an_object_with_200(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, "error_objects")
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.json()["message"]) == (200, "The database is busy")


@both
def test_a_page_is_html(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, "html_pages")
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


@both
def test_json_is_cut_and_the_content_length_agrees(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, "truncated_json")
    cut, whole = ask.list_runs(platform), ask.list_runs(platform)
    assert (cut.status_code, cut.headers["content-type"]) == (200, "application/json")
    assert 0 < len(cut.content) == int(cut.headers["content-length"]) < len(whole.content)
    assert whole.content.startswith(cut.content)
    with pytest.raises(json.JSONDecodeError):
        cut.json()


@both
def test_a_body_is_empty(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, "empty_bodies")
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.content) == (200, b"")


@both
def test_a_list_is_empty_now_and_then(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, "empty_lists")
    assert [len(ask.rows(platform)) for _ in range(5)] == [0, 3, 3, 0, 3]


@pytest.mark.parametrize(("zero_total", "total"), [(False, 3), (True, 0)])
def test_the_total_of_an_empty_list_betrays_it_or_not(ask: Asker, zero_total: bool, total: int) -> None:
    ask.show("productsup", 3)
    ask.sandbox.switch_on("productsup", EmptyLists(zero_total=zero_total))
    document = ask.productsup({"from": 1}).json()
    assert document["data"] == []
    assert document["metadata"] == {"from": 1, "limit": 100, "count": 0, "total": total, "next": None}


@both
def test_a_redirect_points_to_another_host(ask: Asker, platform: str) -> None:
    ask.sandbox.switch_on(platform, RedirectsElsewhere())
    answer = ask.list_runs(platform)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.invalid/runs")


def test_every_fault_of_single_requests_can_be_an_outage() -> None:
    kinds = [kind for kind in FAULTS.values() if issubclass(kind, NowAndThen)]
    assert len(kinds) == 19
    assert all(kind(every=1).every == 1 for kind in kinds)
