import threading
from datetime import timedelta

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runs_assets.sandbox import FixedHistory, FrozenClock, RecordedRequest, Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets_tests.sandbox.asking import NOW, Asker, session


def test_both_platforms_are_served_on_one_loopback_port(ask: Asker) -> None:
    assert ask.sandbox.cloudcruise_url == f"{ask.sandbox.url}/cloudcruise"
    assert ask.sandbox.productsup_url == f"{ask.sandbox.url}/productsup"
    assert ask.sandbox.token_url == f"{ask.sandbox.url}/productsup/token"
    assert ask.sandbox.url.startswith("http://127.0.0.1:")
    assert (ask.cloudcruise().status_code, ask.productsup().status_code) == (200, 200)


def test_requests_are_recorded_with_their_query_and_the_status_they_got(ask: Asker) -> None:
    ask.cloudcruise(limit=5)
    ask.productsup({"from": "-1"})
    assert ask.sandbox.requests == [
        RecordedRequest("cloudcruise", "/runs", {"limit": "5"}, 200),
        RecordedRequest("productsup", "/runs", {"from": "-1"}, 400),
    ]


def test_the_clock_can_be_moved_and_replaced_while_the_server_runs(ask: Asker) -> None:
    ask.sandbox.cloudcruise.history = FixedHistory.of([session("it", "2026-03-18T10:00:00Z")])
    clock = ask.sandbox.clock = FrozenClock(NOW)
    assert ask.sessions() == ["it"]
    clock.advance(timedelta(days=1))
    assert ask.sessions() == []
    ask.sandbox.clock = lambda: NOW
    assert ask.sessions() == ["it"]


def test_a_hook_stands_before_one_platform_only_and_its_answer_is_recorded(ask: Asker) -> None:
    async def refuse(request: Request, inner: Handler) -> Response:  # noqa: ARG001
        return JSONResponse({"message": "busy"}, 503)

    ask.sandbox.hooks["productsup"].append(refuse)
    assert ask.productsup().status_code == 503
    assert ask.cloudcruise().status_code == 200
    assert [request.status for request in ask.sandbox.requests] == [503, 200]


def test_hooks_see_the_answer_of_what_they_enclose_and_the_first_is_outermost(ask: Asker) -> None:
    async def outer(request: Request, inner: Handler) -> Response:
        answer = await inner(request)
        answer.headers["seen"] = f"outer, {answer.headers['seen']}"
        return answer

    async def inner_hook(request: Request, inner: Handler) -> Response:
        answer = await inner(request)
        answer.headers["seen"] = "inner"
        return answer

    ask.sandbox.hooks["cloudcruise"] += [outer, inner_hook]
    assert ask.cloudcruise().headers["seen"] == "outer, inner"


def test_a_stopped_server_leaves_no_thread_and_refuses_connections() -> None:
    before = set(threading.enumerate())
    with Sandbox() as sandbox, httpx.Client(trust_env=False) as client:
        assert client.get(sandbox.cloudcruise_url).status_code == 404
    assert set(threading.enumerate()) <= before
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(sandbox.cloudcruise_url)


def test_a_server_stops_although_a_client_keeps_its_connection() -> None:
    with httpx.Client(trust_env=False) as client:
        with Sandbox() as sandbox:
            client.get(sandbox.cloudcruise_url)
        with pytest.raises(httpx.TransportError):
            client.get(sandbox.cloudcruise_url)


def test_a_stopped_server_comes_back_at_the_same_address() -> None:
    with Sandbox() as sandbox:
        address = sandbox.url
    with sandbox, httpx.Client(trust_env=False) as client:
        assert sandbox.url == address
        assert client.get(f"{address}/cloudcruise/runs").status_code == 401


def test_a_taken_port_is_an_error_and_leaves_nothing_open(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).__enter__()


def test_the_address_of_a_sandbox_that_serves_can_only_be_reached_on_loopback(sandbox: Sandbox) -> None:
    listener = sandbox._server.servers[0].sockets[0]
    assert listener.getsockname()[0] == "127.0.0.1"
