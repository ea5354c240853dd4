"""Asking the sandbox as a bare HTTP client does."""

from collections.abc import Iterator

import httpx
import pytest

from runs_assets.sandbox import Sandbox
from runs_assets_tests.sandbox.asking import Asker


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def ask(sandbox: Sandbox, client: httpx.Client) -> Asker:
    return Asker(sandbox, client)
