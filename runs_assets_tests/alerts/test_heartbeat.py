"""A service hears of each evaluation, and of one that failed; whatever it answers fails nothing."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from runs_assets.alerts.delivery import beat
from runs_assets.errors import SettingsError


class Service:
    """Keeps the paths that were asked for, and answers with `status`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append(self.path)
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on the console."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = SecretStr(f"http://127.0.0.1:{self.server.server_port}/ping/hidden")


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    thread = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def test_it_is_a_get_of_the_url_or_of_fail_below_it(service: Service) -> None:
    assert [beat(service.url, has_failed=has_failed) for has_failed in (False, True)] == ["", ""]
    assert service.asked == ["/ping/hidden", "/ping/hidden/fail"]


def test_what_is_refused_or_does_not_arrive_is_told_without_the_url(service: Service) -> None:
    service.status = 404
    assert beat(service.url, has_failed=False) == "The heartbeat was refused: HTTP 404."
    assert (
        beat(SecretStr("http://127.0.0.1:1/hidden"), has_failed=False) == "The heartbeat did not arrive: ConnectError."
    )


def test_a_url_that_cannot_be_used_is_an_error_that_does_not_show_it() -> None:
    with pytest.raises(SettingsError, match=r"RUNS_ASSETS_HEARTBEAT_URL must begin with https://") as caught:
        beat(SecretStr("http://example.com/hidden"), has_failed=False)
    assert "hidden" not in str(caught.value)
