"""Faults of the network, and of what stands in it: connections that break, and answers that do not come or not end."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.faults.answers import NowAndThen
from runs_assets.sandbox.faults.connection import TICK_SECONDS, Connection

CHUNK = b" " * 65_536  # white space, so that what came so far could still become JSON


class ConnectionsReset(NowAndThen):
    """No byte is sent."""

    name = "connections_reset"
    about = "Some connections are reset instead of answered."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Reset it."""
        return _Reset()


class BodiesCut(NowAndThen):
    """The status is 200."""

    name = "bodies_cut"
    about = "Some connections are closed after half of the body that the content length announces."

    async def hit(self, request: Request, inner: Handler) -> Response:
        """Cut it."""
        answer = await inner(request)
        return _Cut(answer.body or b"[]", answer.status_code, media_type="application/json")


@dataclass(eq=False)
class SlowAnswers(NowAndThen):
    """`seconds` pass before the answer begins."""

    name = "slow_answers"
    about = "Some answers come a second late."
    seconds: float = 1

    async def hit(self, request: Request, inner: Handler) -> Response:
        """Wait."""
        await asyncio.sleep(self.seconds)
        return await inner(request)


class HangingAnswers(NowAndThen):
    """The connection stays open until the client goes away or the server stops, at most ten minutes."""

    name = "hanging_answers"
    about = "Some requests are never answered."

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Hang."""
        return Hanging()


@dataclass(eq=False)
class EndlessBodies(NowAndThen):
    """In truth, the connection is closed after `chunks` of 64 KiB, 1 GiB unless told otherwise."""

    name = "endless_bodies"
    about = "Some answers do not end."
    chunks: int = 16_384

    async def hit(self, request: Request, inner: Handler) -> Response:  # noqa: ARG002
        """Send on and on."""
        return _Endless(self.chunks)


class _Reset(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await Connection(receive).reset()


class _Cut(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await Connection(receive).close()


class Hanging(Response):
    """No answer at all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Wait until the client goes away."""
        connection = Connection(receive)
        await connection.hang()
        await connection.drop()


class _Endless(Response):
    def __init__(self, chunks: int) -> None:
        super().__init__()
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        connection = Connection(receive)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"[", "more_body": True})
        for _ in range(self._chunks):
            while connection.is_full and not connection.is_over:
                await asyncio.sleep(TICK_SECONDS)
            if connection.is_over:
                break
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            await asyncio.sleep(0)
        await connection.close()
