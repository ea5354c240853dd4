"""What HTTP does not allow, as a client sees it, and that the server outlives it."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from runs_assets.sandbox import CloudCruise, FixedHistory, Sandbox
from runs_assets.sandbox.faults.fault import Fault
from runs_assets.sandbox.faults.network import CHUNK, EndlessBodies, HangingAnswers, SlowAnswers
from runs_assets_tests.sandbox.asking import PLATFORMS, Asker

both = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.fixture(autouse=True)
def the_server_has_nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


@both
def test_a_connection_is_reset(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, "connections_reset")
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        ask.list_runs(platform)
    assert len(ask.rows(platform)) == 3


@both
def test_a_body_ends_before_its_content_length(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    whole = ask.list_runs(platform).content
    ask.sandbox.switch_on(platform, "bodies_cut")
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {len(whole) // 2} bytes, expected {len(whole)}"):
        ask.list_runs(platform)
    assert len(ask.rows(platform)) == 3


@both
def test_an_answer_is_slow_and_whole(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, SlowAnswers(seconds=0.2, every=2))
    with pytest.raises(httpx.ReadTimeout):
        ask.list_runs(platform, timeout=0.05)
    assert len(ask.rows(platform)) == 3
    answer = ask.list_runs(platform)
    assert answer.elapsed.total_seconds() >= 0.2
    assert len(ask.rows(platform)) == 3


@both
def test_an_answer_never_comes_while_others_do(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, "hanging_answers")
    with hanging(ask.sandbox, platform) as waiting:
        assert [len(ask.rows(platform)) for _ in range(2)] == [3, 3]
        waiting.settimeout(0.1)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
    with pytest.raises(httpx.ReadTimeout):
        ask.list_runs(platform, timeout=0.1)


@both
def test_a_body_goes_on_until_the_client_leaves(ask: Asker, platform: str) -> None:
    ask.show(platform, 3)
    ask.sandbox.switch_on(platform, "endless_bodies")
    size = 0
    with ask.client.stream("GET", f"{ask.sandbox.url}/{platform}/runs") as answer:
        for chunk in answer.iter_raw():
            size += len(chunk)
            if size > 100 * len(CHUNK):
                break
    assert "content-length" not in answer.headers
    assert len(ask.rows(platform)) == 3


def test_an_endless_body_ends_after_all(ask: Asker) -> None:
    ask.sandbox.switch_on("cloudcruise", EndlessBodies(chunks=3))
    sizes: list[int] = []
    with (
        ask.client.stream("GET", f"{ask.sandbox.cloudcruise_url}/runs") as answer,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
    ):
        sizes.extend(map(len, answer.iter_raw()))
    assert sum(sizes) == 1 + 3 * len(CHUNK)


@pytest.mark.parametrize("fault", [HangingAnswers(), EndlessBodies()])
def test_a_server_stops_although_it_hangs_or_sends_to_nobody_who_reads(fault: Fault) -> None:
    with Sandbox(CloudCruise(FixedHistory())) as sandbox:
        sandbox.switch_on("cloudcruise", fault)
        waiting = hanging(sandbox, "cloudcruise")
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{sandbox.cloudcruise_url}/runs").status_code == 401
    waiting.close()


def hanging(sandbox: Sandbox, platform: str) -> socket.socket:
    """A connection on which the runs are asked for, and which nobody reads."""
    address = sandbox.url.removeprefix("http://").split(":")
    connection = socket.create_connection((address[0], int(address[1])))
    connection.sendall(f"GET /{platform}/runs HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode())
    while not sandbox.requests:
        pass
    return connection
