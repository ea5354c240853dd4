"""The connection under an answer, for answers that HTTP does not allow. It reaches into uvicorn's h11 protocol."""

import asyncio
import socket
import struct
from types import MethodType
from typing import cast

from starlette.types import Receive
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

TICK_SECONDS = 0.02
LONGEST_SECONDS = 600.0


class Connection:
    """The connection that one request came on."""

    def __init__(self, receive: Receive) -> None:
        self._cycle = cast("RequestResponseCycle", cast("MethodType", receive).__self__)

    @property
    def is_over(self) -> bool:
        """Whether the client went away, or the server stops: uvicorn then forbids to keep connections alive."""
        return self._cycle.disconnected or not self._cycle.keep_alive

    @property
    def is_full(self) -> bool:
        """Whether the client reads more slowly than is sent."""
        return self._cycle.flow.write_paused

    async def hang(self) -> None:
        """Wait until it is over, at most ten minutes."""
        until = asyncio.get_running_loop().time() + LONGEST_SECONDS
        while not self.is_over and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(TICK_SECONDS)

    async def close(self) -> None:
        """Send what is still to be sent, and close it."""
        self._cycle.transport.close()
        await self.hang()
        await self.drop()

    async def reset(self) -> None:
        """Close it with a reset instead of an end."""
        its_socket = self._cycle.transport.get_extra_info("socket")
        if its_socket.fileno() >= 0:  # the client may have gone first
            its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def drop(self) -> None:
        """Close it at once; what is still to be sent is lost."""
        self._cycle.transport.abort()
        while not self._cycle.disconnected:
            await asyncio.sleep(0)
