"""Switching faults on and off, in this process and over HTTP: `/faults`, beside the platforms."""

from collections.abc import Callable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runs_assets.sandbox.answers import json_answer
from runs_assets.sandbox.faults import FAULTS, FaultError, checked_name, fault_names, switched_on
from runs_assets.sandbox.faults.fault import Fault


class Faulty(Protocol):
    """What has faults."""

    faults: list[Fault]


class Switches:
    """The faults of some platforms. A fault sees what those that were switched on before it leave of the rows."""

    def __init__(self, platforms: Callable[[], Mapping[str, Faulty]]) -> None:
        self._platforms = platforms

    def switch_on(self, platform: str, fault: str | Fault) -> Fault:
        """Switch a fault on, by its name or as an instance, and return it; it replaces one of its name.

        Raises `FaultError`, which lists the faults that the platform can have.
        """
        new = switched_on(platform, fault) if isinstance(fault, str) else fault
        others = self._without(platform, new.name)
        self._platforms()[platform].faults = [new, *others]
        return new

    def switch_off(self, platform: str, name: str) -> None:
        """Switch a fault off, if it is on. Raises `FaultError` for a name that the platform does not know."""
        self._platforms()[platform].faults = self._without(platform, name)

    def _without(self, platform: str, name: str) -> list[Fault]:
        checked_name(platform, name)
        return [fault for fault in self._platforms()[platform].faults if fault.name != name]

    def routes(self) -> list[Route]:
        """Return what serves `GET /faults`, and `PUT` and `DELETE /faults/<platform>/<name>`."""
        return [
            Route("/faults", self._list, methods=["GET"]),
            Route("/faults/{platform}/{name}", self._switch, methods=["PUT", "DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:  # noqa: ARG002
        return json_answer({platform: self._shown(platform) for platform in self._platforms()})

    def _shown(self, platform: str) -> list[dict[str, object]]:
        on = {fault.name for fault in self._platforms()[platform].faults}
        return [{"name": name, "on": name in on, "about": FAULTS[name].about} for name in fault_names(platform)]

    async def _switch(self, request: Request) -> Response:
        platform, name = request.path_params["platform"], request.path_params["name"]
        try:
            if request.method == "PUT":
                self.switch_on(platform, name)
            else:
                self.switch_off(platform, name)
        except FaultError as error:
            return json_answer({"message": str(error)}, 404)
        return json_answer({"platform": platform, "name": name, "on": request.method == "PUT"})
