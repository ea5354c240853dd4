"""Ports for servers that have to be told one before they start."""

import random
import socket
from collections.abc import Sequence

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Linux begins outgoing connections at 32768, macOS at 49152: none of them takes a port before its server does."""


def free_ports(count: int) -> Sequence[int]:
    """Ports of loopback that nobody listens on."""
    drawn = random.sample(BELOW_EPHEMERAL, len(BELOW_EPHEMERAL))
    free = filter(_is_free, drawn)
    return [next(free) for _ in range(count)]


def _is_free(port: int) -> bool:
    with socket.socket() as asking:
        try:
            asking.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
