"""What is retried, for how long, and what is said in the end; over real HTTP."""

import time as real_time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from socket import socket
from threading import active_count

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from runs_assets.errors import (
    CredentialsError,
    NoSuchPageError,
    RequestRefusedError,
    SettingsError,
    UnavailableError,
)
from runs_assets.http.faults import UnexpectedBodyError
from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.limits import Limits
from runs_assets.http.transport import Answer, Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets.sandbox import Sandbox
from runs_assets.sandbox.answers import Handler
from runs_assets_tests.security.peers import peer

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
KEY = "the-secret-key"
PROMPT_SECONDS = 10


class Time:
    """Time that only passes by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return sum(self.slept)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def transport(sandbox: Sandbox, time: Time) -> Iterator[Transport]:
    with Transport(
        sandbox.cloudcruise_url,
        HeaderAuth("cc-key", KEY, "THE_KEY"),
        Redactor([KEY]),
        sleep=time.sleep,
        monotonic=time.monotonic,
        clock=lambda: NOW,
    ) as transport:
        yield transport


def answering(sandbox: Sandbox, *answers: Response) -> None:
    """Give these answers, the last one again and again."""
    given = iter(answers)
    last = [answers[0]]

    async def hook(_request: Request, _inner: Handler) -> Response:
        last[0] = next(given, last[0])
        return last[0]

    sandbox.hooks["cloudcruise"].append(hook)


def parsed(answer: Answer) -> bytes:
    if not answer.body.startswith(b"["):
        raise UnexpectedBodyError("the body is not an array")
    return answer.body


OK = PlainTextResponse("[]")


def status(code: int, body: str = "", **headers: str) -> Response:
    return PlainTextResponse(body, code, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_retried(sandbox: Sandbox, transport: Transport, code: int) -> None:
    answering(sandbox, status(code), status(code), OK)
    assert transport.get("/runs", {}, parsed) == b"[]"
    assert transport.requests == 3


@pytest.mark.parametrize("body", ["", "<html>busy</html>", '{"data":'])
def test_a_success_that_is_not_the_documented_json_is_retried(
    sandbox: Sandbox, transport: Transport, body: str
) -> None:
    answering(sandbox, PlainTextResponse(body), OK)
    assert transport.get("/runs", {}, parsed) == b"[]"


def test_a_body_cut_short_is_retried(sandbox: Sandbox, transport: Transport) -> None:
    async def half() -> object:
        yield b"["
        raise ConnectionResetError("cut")

    answering(sandbox, StreamingResponse(half()), OK)  # type: ignore[arg-type]
    assert transport.get("/runs", {}, parsed) == b"[]"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, RequestRefusedError),
        (401, CredentialsError),
        (403, CredentialsError),
        (404, RequestRefusedError),
        (422, RequestRefusedError),
    ],
)
def test_a_refusal_is_never_retried(sandbox: Sandbox, transport: Transport, code: int, error: type[Exception]) -> None:
    answering(sandbox, status(code, '{"message": "no, the-secret-key"}'), OK)
    with pytest.raises(error, match=rf'HTTP {code} .*"no, \[redacted\]"'):
        transport.get("/runs", {}, parsed)
    assert transport.requests == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [(302, RequestRefusedError), (401, CredentialsError), (403, CredentialsError), (404, RequestRefusedError)],
)
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_a_refusal_whose_body_cannot_be_decoded_is_never_retried(
    sandbox: Sandbox, transport: Transport, code: int, error: type[Exception], coding: str
) -> None:
    answering(sandbox, status(code, "damaged", content_encoding=coding), OK)
    with pytest.raises(error, match=f"HTTP {code} "):
        transport.get("/runs", {}, parsed)
    assert transport.requests == 1


def test_what_a_server_says_is_one_short_line_without_control_characters(
    sandbox: Sandbox, transport: Transport
) -> None:
    said = "a\\u001b[2J\\nforged\\u0007\\u202e " + "b" * 5000
    answering(sandbox, status(400, f'{{"message": "{said}", "errors": {{"x\\u009b": "y"}}}}'))
    with pytest.raises(
        RequestRefusedError, match=rf'HTTP 400 Bad Request, "a \[2J forged b{{{300 - 16}}}\.\.\." \(http'
    ):
        transport.get("/runs", {}, parsed)


def test_a_redirect_is_not_followed(sandbox: Sandbox, transport: Transport) -> None:
    answering(sandbox, status(302, location=f"{sandbox.url}/productsup/runs"), OK)
    with pytest.raises(RequestRefusedError, match="Redirects are not followed"):
        transport.get("/runs", {}, parsed)
    assert [request.platform for request in sandbox.requests] == ["cloudcruise"]


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry_after": "7"}, "", 7.0),
        ({"retry_after": "Wed, 18 Mar 2026 12:00:09 GMT"}, "", 9.0),
        ({"x_ratelimit_retry_after": str(int(NOW.timestamp()) + 11)}, "", 11.0),
        ({}, '{"statusCode":429,"retryAfterSeconds":13}', 13.0),
        ({"retry_after": "200"}, "", 200.0),
    ],
)
def test_the_wait_that_the_server_asks_for_is_kept(
    sandbox: Sandbox, transport: Transport, time: Time, headers: dict[str, str], body: str, seconds: float
) -> None:
    answering(sandbox, status(429, body, **headers), OK)
    transport.get("/runs", {}, parsed)
    assert time.slept == [pytest.approx(seconds + 0.1)]


@pytest.mark.parametrize("value", ["0", "Wed, 18 Mar 2026 11:00:00 GMT", "-5"])
def test_no_server_can_make_it_ask_sooner_than_its_own_backoff(
    sandbox: Sandbox, transport: Transport, time: Time, value: str
) -> None:
    answering(sandbox, *[status(429, retry_after=value)] * 5, OK)
    transport.get("/runs", {}, parsed)
    assert [slept >= 0.5 * 2**n for n, slept in enumerate(time.slept)] == [True] * 5


def test_a_wait_beyond_the_deadline_ends_it_at_once_and_says_until_when(
    sandbox: Sandbox, transport: Transport, time: Time
) -> None:
    answering(sandbox, status(429, retry_after="900"))
    with pytest.raises(UnavailableError, match=r"\(1 try in 0 s, .* asks to wait until 2026-03-18T12:15:00Z") as caught:
        transport.get("/runs", {}, parsed)
    assert (caught.value.retry_at, time.slept) == (NOW + timedelta(seconds=900), [])


@pytest.mark.parametrize(
    "refused",
    [
        status(403, "<html><title>Attention</title>blocked</html>"),
        status(403, '{"message": "Forbidden"}', retry_after="3"),
        status(403, '{"message": "API Rate Limit exceeded"}'),
    ],
)
def test_a_403_that_is_no_matter_of_the_key_is_retried(
    sandbox: Sandbox, transport: Transport, refused: Response
) -> None:
    answering(sandbox, refused, OK)
    assert transport.get("/runs", {}, parsed) == b"[]"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(403, "<style>p{}</style><h1>You are&nbsp;blocked</h1>"), '403 Forbidden, "You are&nbsp;blocked"'),
        (status(200, '{"error": {"message": "the-secret-key is slow"}}'), r'it says "\[redacted\] is slow"'),
        (status(200, '{"statusCode": 500, "error": "Internal"}'), 'is not an array; it says "Internal"'),
        (status(500, '{"title": "Oops", "detail": "no disk"}'), '"no disk Oops"'),
    ],
)
def test_the_servers_own_sentence_is_shown(sandbox: Sandbox, transport: Transport, answer: Response, says: str) -> None:
    answering(sandbox, answer)
    with pytest.raises(UnavailableError, match=says):
        transport.get("/runs", {}, parsed)


def test_no_content_is_null(sandbox: Sandbox, transport: Transport) -> None:
    answering(sandbox, Response(status_code=204))
    assert transport.get("/runs", {}, Answer.json) is None


@pytest.mark.parametrize("code", [404, 500])
def test_a_status_that_may_mean_that_there_is_no_such_page_is_told_at_once(
    sandbox: Sandbox, transport: Transport, code: int
) -> None:
    answering(sandbox, status(code, '{"message": "the-secret-key: no page"}'))
    with pytest.raises(NoSuchPageError, match=rf'HTTP {code} .*"\[redacted\]: no page"'):
        transport.get("/runs", {}, parsed, no_page={404, 500})
    assert transport.requests == 1


def test_requests_say_who_asks(sandbox: Sandbox, transport: Transport) -> None:
    seen = []

    async def hook(request: Request, _inner: Handler) -> Response:
        seen.append(request.headers["user-agent"])
        return OK

    sandbox.hooks["cloudcruise"].append(hook)
    transport.get("/runs", {}, parsed)
    assert seen == [f"runs-assets/{version('runs-assets')}"]


def test_without_a_word_from_the_server_waits_grow_with_jitter(
    sandbox: Sandbox, transport: Transport, time: Time
) -> None:
    answering(sandbox, *[status(503)] * 5, OK)
    transport.get("/runs", {}, parsed)
    assert all(0.5 * 2**n <= slept <= 0.5 * 2**n + 0.5 for n, slept in enumerate(time.slept))
    assert len(time.slept) == 5


def test_the_deadline_ends_it_with_what_was_last_seen(sandbox: Sandbox, transport: Transport, time: Time) -> None:
    answering(sandbox, status(503, '{"message":"down for maintenance"}'))
    with pytest.raises(UnavailableError, match=r'HTTP 503 .*"down for maintenance" \(\d+ tries in \d+ s, http'):
        transport.get("/runs", {}, parsed)
    assert 200 < sum(time.slept) <= 300


def test_a_refused_connection_is_tried_three_times(transport: Transport, time: Time) -> None:
    nobody = replace(transport, base_url="http://127.0.0.1:9", requests=0)
    with nobody, pytest.raises(UnavailableError, match=r"No connection.* \(3 tries"):
        nobody.get("/runs", {}, parsed)
    assert len(time.slept) == 2


def test_an_endless_body_ends_in_an_error_not_in_memory(sandbox: Sandbox, transport: Transport) -> None:
    async def long() -> object:
        for _ in range(100):
            yield b"x" * 65536

    answering(sandbox, StreamingResponse(long()))  # type: ignore[arg-type]
    bounded = replace(transport, limits=Limits(body_bytes=1_000_000))
    with bounded, pytest.raises(UnavailableError, match="larger than 1000000 bytes"):
        bounded.get("/runs", {}, parsed)


def test_a_trickling_body_ends_with_the_attempt(sandbox: Sandbox, transport: Transport, time: Time) -> None:
    async def trickle() -> object:
        for _ in range(5):
            time.slept.append(50.0)  # the client's clock, while the body comes
            yield b"[" * 70_000

    answering(sandbox, StreamingResponse(trickle()), OK)  # type: ignore[arg-type]
    assert transport.get("/runs", {}, parsed) == b"[]"
    assert transport.requests == 2


@pytest.mark.parametrize(
    ("head", "piece"), [(b"HTTP/1.1 200 OK\r\nX: ", b"a"), (b"", b"HTTP/1.1 102 Processing\r\n\r\n")]
)
def test_an_endless_head_ends_with_the_attempt(transport: Transport, head: bytes, piece: bytes) -> None:
    def trickle(connection: socket) -> None:
        connection.sendall(head)
        for _ in range(PROMPT_SECONDS * 100):
            connection.sendall(piece)
            real_time.sleep(0.01)

    threads = active_count()
    with peer(trickle) as server:
        limits = Limits(attempt=0.1, deadline=0.1)
        with (
            replace(transport, base_url=f"http://{server.address}", limits=limits) as bounded,
            pytest.raises(UnavailableError, match=r"The answer did not end within 0 s \(1 try"),
        ):
            bounded.get("/runs", {}, parsed)
    assert active_count() == threads


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'["\\ud83d!"]', ["?!"]), (b'["\\ud83d\\ude00"]', ["\N{GRINNING FACE}"]), (b"[18446744073709551616]", [2.0**64])],
)
def test_json_that_only_javascript_writes_is_understood(body: bytes, expected: list[object]) -> None:
    assert Answer(body, NOW).json() == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1", b"[NaN]", b'["\xff"]', b"[1e999]", b"[" * 100_000])
def test_what_is_not_json_is_said_to_be_unexpected(body: bytes) -> None:
    with pytest.raises(UnexpectedBodyError, match="is not JSON"):
        Answer(body, NOW).json()


def test_a_refusal_after_other_faults_is_still_tried_three_times(
    sandbox: Sandbox, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(sandbox, status(503), status(503), OK)
    begun = iter(range(100))

    def restart(_seconds: float) -> None:
        transport.base_url = "http://127.0.0.1:9" if next(begun) == 1 else sandbox.cloudcruise_url

    monkeypatch.setattr(transport, "sleep", restart)
    assert transport.get("/runs", {}, parsed) == b"[]"
    assert transport.requests == 4  # 503, 503, refused, 200


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "foo://127.0.0.1:1")
    with pytest.raises(SettingsError, match="HTTP_PROXY"):
        Transport("https://api.invalid", HeaderAuth("cc-key", KEY, "THE_KEY"), Redactor([KEY]))
