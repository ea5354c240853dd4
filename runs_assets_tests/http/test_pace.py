"""A limit on requests holds in every span of time, over all clients that share it."""

from threading import Lock

from hypothesis import given
from hypothesis import strategies as st

from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.pace import Pace
from runs_assets.http.transport import Answer, Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets.sandbox import Sandbox
from runs_assets.sources.cloudcruise.source import MOST_REQUESTS


def test_what_is_within_the_limit_does_not_wait() -> None:
    pace = Pace({1: 2, 10: 3})
    assert [pace.wait_seconds(now) for now in (0, 0, 2)] == [0, 0, 0]


def test_each_span_of_time_is_waited_for() -> None:
    pace = Pace({1: 2, 10: 3})
    # Two at 0, the third when a second is over, the fourth when ten are, the fifth a second after the third at least.
    assert [pace.wait_seconds(0) for _ in range(5)] == [0, 0, 1, 10, 10]
    assert pace.wait_seconds(10.5) == 0.5


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_span_holds_more_than_its_limit(gaps: list[float]) -> None:
    pace, now, sent = Pace({1: 3, 5: 7}), 0.0, []
    for gap in gaps:
        now += gap
        sent.append(now + pace.wait_seconds(now))
    for at in sent:
        assert sum(at <= other < at + 0.999 for other in sent) <= 3
        assert sum(at <= other < at + 4.999 for other in sent) <= 7


def test_the_published_limits_are_those_of_the_vendor() -> None:
    assert MOST_REQUESTS == {1: 500, 15: 1000, 60: 2000}


def test_clients_of_one_account_share_it(sandbox: Sandbox) -> None:
    slept: list[float] = []
    lock = Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    auth = HeaderAuth("cc-key", sandbox.api_key, "KEY")
    pace = Pace({60: 2})
    with (
        Transport(sandbox.cloudcruise_url, auth, Redactor(), sleep=sleep, monotonic=lambda: 0.0, pace=pace) as one,
        one.another() as other,
    ):
        for transport in (one, other, one, other):
            transport.get("/runs", {}, Answer.json)
    assert slept == [60, 60]
    assert (one.requests, other.requests) == (2, 2)
