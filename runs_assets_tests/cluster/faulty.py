"""A way to a server of object storage on which single requests go wrong, each fault by its name."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from typing import Any
from urllib.parse import unquote

from runs_assets_tests.cluster.in_threads import serving

ERROR = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>Try again.</Message></Error>"


class ObjectFault(StrEnum):
    """What happens to a request, or to its answer."""

    SLOW_DOWN = "503 SlowDown"
    CONFLICT = "409 ConditionalRequestConflict"
    CUT_UPLOAD = "the connection ends in the middle of the upload"
    LOST_ANSWER = "the server does it, and its answer is lost"
    CUT_ANSWER = "the connection ends in the middle of the answer"


@dataclass
class Hold:
    """A write that is stopped in its middle until it is released, to be carried out or never."""

    part: str
    path: str = ""
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)
    is_carried_out: bool = False

    def release(self, *, carry_out: bool) -> None:
        """Let the write go on, or end its connection."""
        self.is_carried_out = carry_out
        self.released.set()


@dataclass
class FaultyWay:
    """The faults that wait for the next requests of a method, and what was asked so far.

    The next write to a path that has the `part` of `hold` in it is held.
    """

    server: int
    port: int = 0
    hold: Hold | None = None
    faults: list[tuple[str, ObjectFault]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def fault_of(self, method: str) -> ObjectFault | None:
        """The first fault that waits for such a request, which it is then no longer."""
        with self.lock:
            self.asked.append(method)
            found = next((one for one in self.faults if one[0] == method), None)
            if found is None:
                return None
            self.faults.remove(found)
            return found[1]

    def hold_of(self, method: str, path: str) -> Hold | None:
        """What holds such a request, and will then hold no other."""
        with self.lock:
            if self.hold is None or method != "PUT" or self.hold.part not in unquote(path):
                return None
            found, self.hold = self.hold, None
            return found


@contextmanager
def faulty_way(server: int) -> Iterator[FaultyWay]:
    """A proxy on loopback before the server on a port."""
    way = FaultyWay(server)

    class Handler(_Handler):
        through = way

    with serving(Handler) as way.port:
        yield way


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    through: FaultyWay

    def _answer(self) -> None:
        fault = self.through.fault_of(self.command)
        length = int(self.headers.get("content-length", 0))
        if fault is ObjectFault.CUT_UPLOAD:
            self.rfile.read(length // 2)
            self._end()
            return
        body = self._received(length)
        if body is None:
            self._end()
            return
        if fault in {ObjectFault.SLOW_DOWN, ObjectFault.CONFLICT}:
            status, code = fault.value.split()
            self._send(int(status), {"content-type": "application/xml"}, ERROR.format(code=code).encode())
            return
        status_code, headers, content = self._forwarded(body)
        if fault is ObjectFault.LOST_ANSWER:
            self._end()
        elif fault is ObjectFault.CUT_ANSWER:
            self._send(status_code, headers, content, sent=len(content) // 2)
            self._end()
        else:
            self._send(status_code, headers, content)

    def _received(self, length: int) -> bytes | None:
        """The request's body; None if it is held and then not carried out."""
        hold = self.through.hold_of(self.command, self.path)
        if hold is None:
            return self.rfile.read(length)
        half = self.rfile.read(length // 2)
        hold.path = unquote(self.path)
        hold.reached.set()
        hold.released.wait()
        return half + self.rfile.read(length - len(half)) if hold.is_carried_out else None

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815  (the names that http.server looks for)

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.through.server, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", str(len(content))) if self.command == "HEAD" else str(len(content))
        kept = {name: value for name, value in headers.items() if name.lower() not in _OWN}
        for name, value in {**kept, "content-length": length}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # who asked was killed
            self.end_headers()
            self.wfile.write(content[:sent])

    def _end(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing."""


_OWN = {"content-length", "transfer-encoding", "connection", "date", "server"}
