"""Both platforms on one loopback port, in a thread of this process.

A test uses it as a context manager and speaks real HTTP to it; `python -m runs_assets.sandbox` does the same
and waits. Nothing outside 127.0.0.1 can reach it.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, reduce
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runs_assets.days import utc_now
from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.clock import Clock
from runs_assets.sandbox.cloudcruise import CloudCruise
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.faults.fault import Fault, faulty
from runs_assets.sandbox.history import History, Row
from runs_assets.sandbox.productsup import Productsup
from runs_assets.sandbox.productsup_runs import simulated_productsup
from runs_assets.sandbox.story import connectors_of, workflows_of
from runs_assets.sandbox.switches import Switches

START_SECONDS = 30
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: Stands between the network and a platform: may answer itself, or change the request's answer.
Hook = Callable[[Request, Handler], Awaitable[Response]]


class Platform(Protocol):
    """What the server asks of a platform. `faults` may be changed while it is served; the first one is outermost."""

    history: History
    faults: list[Fault]

    async def answer(self, request: Request, path: str, now: datetime) -> Response:
        """Answer one request; `path` is below the platform's base URL."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request and the status that it was answered with."""

    platform: str
    path: str  # below the platform's base URL
    query: dict[str, str]
    status: int


class Sandbox:
    """The server. Its `clock`, `hooks` and platforms, and their attributes, may be changed while it runs.

    A stopped sandbox can be entered again and is then back at the same address.
    `requests` only grows; appending and reading a list is safe between threads. A request is recorded before
    its answer leaves, so whoever holds the answer finds the record. The hooks of a platform are called in
    order, the first one outermost; what they answer is what is recorded.
    """

    def __init__(
        self,
        cloudcruise: CloudCruise | None = None,
        productsup: Productsup | None = None,
        *,
        clock: Clock = utc_now,
        port: int = 0,
    ) -> None:
        self.cloudcruise = cloudcruise or CloudCruise()
        self.productsup = productsup or Productsup()
        self.clock = clock
        self.requests: list[RecordedRequest] = []
        self.hooks: dict[str, list[Hook]] = {"cloudcruise": [], "productsup": []}
        self._port = port
        self._switches = Switches(self._platforms)

    def switch_on(self, platform: str, fault: str | Fault) -> Fault:
        """Switch a platform's fault on, by its name or as an instance; see `Switches`."""
        return self._switches.switch_on(platform, fault)

    def switch_off(self, platform: str, name: str) -> None:
        """Switch a platform's fault off; see `Switches`."""
        self._switches.switch_off(platform, name)

    def shown(self, platform: str) -> Sequence[Row]:
        """Return the rows that a request without filters would find now, its faults at work."""
        its = self._platforms()[platform]
        return faulty(its.history.visible(self._now(its)), its.faults, self._now(its))

    @classmethod
    def simulated(
        cls, *, days: int = 45, volume: float = 1.0, seed: int = 1, clock: Clock = utc_now, port: int = 0
    ) -> Self:
        """Return a sandbox with the simulated history of both platforms."""
        return cls(
            CloudCruise(simulated_cloudcruise(days=days, volume=volume, seed=seed)),
            Productsup(simulated_productsup(days=days, volume=volume, seed=seed)),
            clock=clock,
            port=port,
        )

    @classmethod
    def telling_a_story(cls, day: date, *, days: int = 45, clock: Clock = utc_now, port: int = 0) -> Self:
        """Return a sandbox whose history is the demo's, as of a day (`runs_assets.sandbox.story`)."""
        workflows, connectors = workflows_of(day), connectors_of(day)
        return cls(
            CloudCruise(simulated_cloudcruise(days=days, profiles=workflows), profiles=workflows),
            Productsup(simulated_productsup(days=days, profiles=connectors)),
            clock=clock,
            port=port,
        )

    @property
    def url(self) -> str:
        """The server's own address; known once it is started."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def cloudcruise_url(self) -> str:
        """CloudCruise's base URL."""
        return f"{self.url}/cloudcruise"

    @property
    def productsup_url(self) -> str:
        """Productsup's base URL."""
        return f"{self.url}/productsup"

    @property
    def token_url(self) -> str:
        """The OAuth2 token endpoint of Productsup."""
        return f"{self.productsup_url}/token"

    @property
    def api_key(self) -> str:
        """What CloudCruise accepts as `cc-key`."""
        return self.cloudcruise.api_key

    @property
    def token(self) -> str:
        """What Productsup accepts as bearer token."""
        return self.productsup.token

    def __enter__(self) -> Self:
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        self._server = _Server(self._app())
        self._thread = Thread(target=self._server.run, args=([listener],), name="runs-assets-sandbox")
        self._thread.start()
        if not self._server.is_ready.wait(START_SECONDS):
            self._stop()
            raise RuntimeError(f"the sandbox did not start within {START_SECONDS} seconds")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _app(self) -> Starlette:
        endpoints = (
            Route(f"/{name}{{path:path}}", partial(self._answer, name), methods=METHODS) for name in self.hooks
        )
        return Starlette(routes=[*endpoints, *self._switches.routes()])

    def _platforms(self) -> dict[str, Platform]:
        return {"cloudcruise": self.cloudcruise, "productsup": self.productsup}

    def _now(self, platform: Platform) -> datetime:
        return reduce(lambda now, fault: fault.clock(now), platform.faults, self.clock())

    async def _answer(self, name: str, request: Request) -> Response:
        platform = self._platforms()[name]
        path = request.path_params["path"]
        request.state.now = self._now(platform)

        async def innermost(asked: Request) -> Response:
            return await platform.answer(asked, path, asked.state.now)

        handler: Handler = innermost
        hooks = [*self.hooks[name], *(fault.answer for fault in platform.faults)]
        for hook in reversed(hooks):
            handler = _hooked(hook, handler)
        response = await handler(request)
        self.requests.append(RecordedRequest(name, path, dict(request.query_params), response.status_code))
        return response


def _hooked(hook: Hook, inner: Handler) -> Handler:
    async def outer(request: Request) -> Response:
        return await hook(request, inner)

    return outer


class _Server(uvicorn.Server):
    """A server that says when it is ready, touches no logging set-up and speaks nothing but HTTP."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self.is_ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()


def _listen(port: int) -> socket.socket:
    # the protocol is named so that asyncio turns Nagle's algorithm off, which delays an answer by 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener
