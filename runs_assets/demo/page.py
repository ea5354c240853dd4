"""The demo's Dagster page, with the daemon that runs its schedules, sensors and backfills."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import httpx

from runs_assets.demo.environment import DemoFolder
from runs_assets.demo.errors import DemoError
from runs_assets.demo.processes import Child, running, wait_until

ANY_HOST = "0.0.0.0"  # noqa: S104
"""All addresses of the machine; the page answers on 127.0.0.1 then, too."""
START_SECONDS = 120.0


@contextmanager
def page(host: str, port: int, env: Mapping[str, str], folder: DemoFolder) -> Iterator[Child]:
    """The page on `page_url(host, port)`, ready to be looked at."""
    arguments = ["dagster", "dev", "--host", host, "--port", str(port), "--workspace", str(folder.workspace)]
    log = folder.logs / "dagster-dev.log"
    with running("The Dagster page", arguments, env=env, cwd=folder.root, log=log) as child:
        wait_until(lambda: _is_ready(host, port), [child], seconds=START_SECONDS)
        yield child


def page_url(host: str, port: int) -> str:
    """Where the page is, as this machine sees it."""
    return f"http://{'127.0.0.1' if host == ANY_HOST else host}:{port}"


def reserve(host: str, port: int) -> "closing[socket.socket]":
    """Hold the port until the page takes it, so that nothing else of the demo can; `DemoError` if it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise DemoError(
            f"Port {port} of {host} cannot be used for the Dagster page: {error.strerror}. End the program that uses "
            "it, or choose another one with --port (and --host). Nothing was started."
        ) from error
    return closing(listener)


def _is_ready(host: str, port: int) -> bool:
    try:
        return httpx.get(f"{page_url(host, port)}/server_info", trust_env=False).is_success
    except httpx.TransportError:
        return False
