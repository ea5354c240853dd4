"""The demo's Dagster page, with the daemon that runs its schedules, sensors and backfills."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import httpx

from runs_assets.demo.environment import DemoFolder
from runs_assets.demo.errors import DemoError
from runs_assets.demo.processes import Child, running, wait_until

HOST = "127.0.0.1"
START_SECONDS = 120.0


@contextmanager
def page(port: int, env: Mapping[str, str], folder: DemoFolder) -> Iterator[Child]:
    """The page on `page_url(port)`, ready to be looked at."""
    arguments = ["dagster", "dev", "--host", HOST, "--port", str(port), "--workspace", str(folder.workspace)]
    log = folder.logs / "dagster-dev.log"
    with running("The Dagster page", arguments, env=env, cwd=folder.root, log=log) as child:
        wait_until(lambda: _is_ready(port), [child], seconds=START_SECONDS)
        yield child


def page_url(port: int) -> str:
    """Where the page is."""
    return f"http://{HOST}:{port}"


def reserve(port: int) -> "closing[socket.socket]":
    """Hold the port until the page takes it, so that nothing else of the demo can; `DemoError` if it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise DemoError(
            f"Port {port} of {HOST} cannot be used for the Dagster page: {error.strerror}. End the program that uses "
            "it, or choose another port with --port. Nothing was started."
        ) from error
    return closing(listener)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"{page_url(port)}/server_info", trust_env=False).is_success
    except httpx.TransportError:
        return False
