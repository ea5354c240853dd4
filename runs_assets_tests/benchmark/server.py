"""Both list endpoints on loopback, from rows serialized beforehand, so that serving costs almost nothing.

`python -m runs_assets_tests.benchmark.server SOURCE DAYS WAIT_SECONDS KEPT_DAYS` (DAYS as JSON, `{"2025-04-04": 1000}`)
prints its address once it listens. Each answer waits for WAIT_SECONDS, as a network would make it; `/requests` says how
many were asked for. With KEPT_DAYS other than 0 days are serialized when they are asked for, and so many are held.
It ends when its standard input does, so with the process that started it, and after an hour at the latest.
What the benchmark does not need is answered with 400, so that a change of the client's requests cannot go unnoticed.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

from runs_assets_tests.benchmark.history import History

LONGEST_LIFE_SECONDS = 3_600
MAX_LIMIT = {"cloudcruise": 10_000, "productsup": 10_000}

Parts = tuple[bytes, ...]


def cloudcruise_page(rows: History, query: Mapping[str, str]) -> Parts:
    """A bare array: newest first, created at or after `start_time` and strictly before `cursor`, at most `limit`."""
    _expect_only(query, {"start_time", "cursor", "limit"})
    first = rows.first_before(_second(query["cursor"]))
    last = min(first + _limit(query, "cloudcruise"), rows.first_before(_second(query["start_time"])))
    return b"[", rows.page(first, last), b"]"


def productsup_page(rows: History, query: Mapping[str, str]) -> Parts:
    """The envelope: rows from offset `from` on, newest first, at most `limit`."""
    _expect_only(query, {"from", "limit"})
    first, limit = int(query["from"]), _limit(query, "productsup")
    count = max(0, min(limit, len(rows) - first))
    metadata = {"from": first, "limit": limit, "count": count, "total": len(rows), "next": None}
    tail = f'],"metadata":{json.dumps(metadata)},"message":"successful operation","resource":"run"}}'
    return b'{"data":[', rows.page(first, first + count), tail.encode()


PAGES: dict[str, Callable[[History, Mapping[str, str]], Parts]] = {
    "cloudcruise": cloudcruise_page,
    "productsup": productsup_page,
}


class PageServer(ThreadingTCPServer):
    """Serves one source's history at `<url>/runs`."""

    daemon_threads = True

    def __init__(self, source: str, rows: History, wait_seconds: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.path = f"/{source}/runs"
        self._page = PAGES[source]
        self._rows = rows
        self._wait_seconds = wait_seconds
        self._requests: list[str] = []

    @property
    def url(self) -> str:
        """The API's base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.path.removesuffix('/runs')}"

    def answer(self, target: str) -> tuple[HTTPStatus, Parts]:
        """Status and body of a GET."""
        if target == "/requests":
            return HTTPStatus.OK, (str(len(self._requests)).encode(),)
        self._requests.append(target)
        time.sleep(self._wait_seconds)
        parts = urlsplit(target)
        if parts.path != self.path:
            return HTTPStatus.NOT_FOUND, (b'{"message":"no such address"}',)
        try:
            return HTTPStatus.OK, self._page(self._rows, dict(parse_qsl(parts.query, strict_parsing=True)))
        except (KeyError, ValueError) as error:
            return HTTPStatus.BAD_REQUEST, (json.dumps({"message": f"not for this benchmark: {error}"}).encode(),)


class _Connection(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: PageServer

    def handle(self) -> None:
        """Answer GETs until the client hangs up."""
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            status, body = self.server.answer(line.split()[1].decode())
            self._send(status, body)

    def _send(self, status: HTTPStatus, body: Parts) -> None:
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {sum(map(len, body))}\r\n\r\n"
        )
        self.connection.sendall(head.encode() + body[0])
        for part in body[1:]:
            self.connection.sendall(part)


def _expect_only(query: Mapping[str, str], names: set[str]) -> None:
    if query.keys() != names:
        raise ValueError(f"parameters {sorted(query)} instead of {sorted(names)}")


def _limit(query: Mapping[str, str], source: str) -> int:
    limit = int(query["limit"])
    if not 1 <= limit <= MAX_LIMIT[source]:
        raise ValueError(f"limit {limit}")
    return limit


def _second(instant: str) -> int:
    """Seconds since the epoch; a fraction would be an error here, for nothing that is served has one."""
    seconds = datetime.fromisoformat(instant).timestamp()
    if seconds != int(seconds):
        raise ValueError(f"a fraction of a second in {instant}")
    return int(seconds)


def main() -> None:
    """Serve until standard input ends."""
    source, days, wait_seconds, kept_days = sys.argv[1:]
    signal.alarm(LONGEST_LIFE_SECONDS)
    counts = {date.fromisoformat(day): count for day, count in json.loads(days).items()}
    rows = History(source, counts, int(kept_days) or None)
    with PageServer(source, rows, float(wait_seconds)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
