"""One server for all tests of this folder: starting one takes longer than most tests."""

from collections.abc import Iterator

import httpx
import pytest

from runs_assets.sandbox import CloudCruise, FixedHistory, FrozenClock, Productsup, Sandbox
from runs_assets_tests.sandbox.asking import NOW, Asker


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The server as new: no rows, default settings, the clock frozen at NOW."""
    server.cloudcruise = CloudCruise(FixedHistory())
    server.productsup = Productsup(FixedHistory())
    server.clock = FrozenClock(NOW)
    server.requests.clear()
    for hooks in server.hooks.values():
        hooks.clear()
    return server


@pytest.fixture
def ask(sandbox: Sandbox, client: httpx.Client) -> Asker:
    return Asker(sandbox, client)
