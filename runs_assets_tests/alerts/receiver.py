"""A real HTTP server on loopback that takes messages, or does not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class Receiver:
    """Keeps the JSON bodies that were posted to each path, or topic; a path may answer another status, or hang."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.released = Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path.partition("?")[0].strip("/") or str(body.get("topic", ""))
                receiver.got.append((path, body))
                if path in receiver.hanging:
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    while not receiver.released.wait(0.2):
                        self.wfile.write(b" ")
                    return
                status = receiver.answers.get(path, 200)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.got.append(("GET", {"title": self.path}))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing on the console."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def url(self, path: str, tags: str = "") -> str:
        """An Apprise URL for a path, with tags before it."""
        return f"{tags}={self._url(path)}" if tags else self._url(path)

    def _url(self, path: str) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{path}"

    def topics(self, *names: str) -> str:
        """An Apprise URL of one service with several targets."""
        return f"ntfy://127.0.0.1:{self.server.server_port}/{'/'.join(names)}"

    def titles(self, path: str) -> list[str]:
        """The titles of what was posted to a path, in order, taken or not."""
        return [body["title"] for at, body in self.got if at == path]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
