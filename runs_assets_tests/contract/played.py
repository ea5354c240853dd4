"""The parts of a project that a life is played with: transports that wait without waiting, and settings."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets.http.limits import Limits
from runs_assets.sandbox import CloudCruise, FrozenClock, Productsup, Sandbox
from runs_assets.sources.cloudcruise import client as cloudcruise_client
from runs_assets.sources.cloudcruise.client import CloudCruiseClient
from runs_assets.sources.productsup import client as productsup_client
from runs_assets.sources.productsup.client import ProductsupClient
from runs_assets.storage.layout import Layout
from runs_assets_tests import project as project_module
from runs_assets_tests.contract.history import WrittenHistory
from runs_assets_tests.project import Project, StoppedClock

LIMITS = Limits(read=0.3, body_bytes=4 * 1024 * 1024)
PAGE_SIZE_SETTINGS = {"cloudcruise": "CLOUDCRUISE_PAGE_SIZE", "productsup": "PRODUCTSUP_CDE_PAGE_SIZE"}


@dataclass
class PlayedTime:
    """Waits that take no time, but count against deadlines. `waits` are those asked for, in seconds."""

    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)

    def monotonic(self) -> float:
        """The time that would be if every wait had been waited."""
        return time.monotonic() + sum(self.waits)


@dataclass(frozen=True)
class Stage:
    """A project on an empty data folder, against a sandbox with the written histories."""

    project: Project
    clock: FrozenClock
    time: PlayedTime
    set_page_size: Callable[[str, int], None]

    @property
    def sandbox(self) -> Sandbox:
        """The platforms."""
        return self.project.sandbox


@contextmanager
def staged(
    server: Sandbox,
    instance: dg.DagsterInstance,
    folder: Path,
    *,
    data: Path | str | None = None,
    refreshes_tokens: bool = False,
) -> Iterator[Stage]:
    """Set the stage on a sandbox that runs; with `refreshes_tokens`, Productsup's are renewed by OAuth2.

    `data` is where the data is, if it is not in the working directory, which is `folder`.
    """
    data = data or folder / "data"
    clock = FrozenClock(datetime.min.replace(tzinfo=UTC))
    server.cloudcruise = CloudCruise(WrittenHistory("cloudcruise"))
    server.productsup = Productsup(WrittenHistory("productsup"))
    server.clock = clock
    server.requests.clear()
    played = PlayedTime()
    waits: dict[str, Any] = {"limits": LIMITS, "sleep": played.sleep, "monotonic": played.monotonic}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in _settings(server, data, refreshes_tokens=refreshes_tokens).items():
            patch.setenv(name, value)
        patch.setattr(cloudcruise_client, "CloudCruiseClient", partial(CloudCruiseClient, **waits))
        patch.setattr(productsup_client, "ProductsupClient", partial(ProductsupClient, **waits))
        patch.setattr(project_module, "definitions_of", lambda _sources, stopped: _definitions_at(stopped.at))
        project = Project(server, Layout(data), instance)
        yield Stage(project, clock, played, lambda source, size: patch.setenv(PAGE_SIZE_SETTINGS[source], str(size)))


@cache
def _definitions_at(time: str) -> dg.Definitions:
    """Building them takes a third of the time of a small run, and lives are read at the same few instants."""
    return definitions_of(SOURCES, StoppedClock(at=time))


def _settings(server: Sandbox, data: Path | str, *, refreshes_tokens: bool) -> dict[str, str]:
    tokens = server.productsup.tokens
    access = {
        "PRODUCTSUP_CDE_TOKEN_URL": server.token_url,
        "PRODUCTSUP_CDE_CLIENT_ID": tokens.client_id,
        "PRODUCTSUP_CDE_CLIENT_SECRET": tokens.client_secret,
        "PRODUCTSUP_CDE_REFRESH_TOKEN": tokens.refresh_token,
    }
    return {
        "CLOUDCRUISE_BASE_URL": server.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": server.api_key,
        "PRODUCTSUP_CDE_BASE_URL": server.productsup_url,
        **(access if refreshes_tokens else {"PRODUCTSUP_CDE_TOKEN": server.token}),
        "RUNS_ASSETS_DATA": str(data),
    }
