"""Small real servers on loopback that record, or misbehave, below the level of HTTP libraries."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR, create_server, socket
from threading import Thread

Talk = Callable[[socket], None]
"""Has one conversation, after the head of the request was read."""


@dataclass
class Peer:
    """A listening server; `heads` are the heads of all requests that reached it, as they came."""

    port: int
    heads: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def peer(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """A server that reads the head of each request and lets `talk` answer."""
    with closing(create_server(("127.0.0.1", 0))) as listener:
        running = Peer(listener.getsockname()[1])
        thread = Thread(target=_serve, args=(listener, running, talk, tls))
        thread.start()
        try:
            yield running
        finally:
            listener.shutdown(SHUT_RDWR)
            thread.join()


def saying(answer: bytes) -> Talk:
    """Always the same answer, whole."""
    return lambda connection: connection.sendall(answer)


def endless(head: bytes, piece: bytes) -> Talk:
    """A head, then a piece again and again until the other side has had enough."""

    def talk(connection: socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return talk


def _serve(listener: socket, running: Peer, talk: Talk, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), connection:
            connection.settimeout(10)
            spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
            with spoken:
                running.heads.append(_head(spoken))
                talk(spoken)


def _head(connection: socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
        head += part
    return head
