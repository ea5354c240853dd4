"""A sandbox with the changing past, a warm process, and orders for runs that read it."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runs_assets.sandbox import CloudCruise, FixedHistory, FrozenClock, Sandbox
from runs_assets.storage.layout import Layout
from runs_assets_tests.crashes.runner import Outcome, Runner
from runs_assets_tests.crashes.truth import DAYS, clock, rows
from runs_assets_tests.crashes.warm import Order
from runs_assets_tests.crashes.watching import SOURCE, Watch
from runs_assets_tests.files_on_disk import folder_of

UNSHARE = ["unshare", "--map-root-user", "--user", "--mount"]
DISK_BYTES = 512 * 1024


def can_mount() -> bool:
    """Whether this machine lets us have a disk of our own, in a mount namespace."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


def order(sandbox: Sandbox, data: Path, outcome: Path, version: int, **more: Any) -> Order:
    """A run of all days, as of the version's time."""
    env = {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": sandbox.api_key,
        "CLOUDCRUISE_PAGE_SIZE": "5",
        "RUNS_ASSETS_DATA": str(data),
    }
    return Order(SOURCE, str(DAYS[0]), str(DAYS[-1]), clock(version).isoformat(), str(outcome), env, **more)


def show(sandbox: Sandbox, version: int) -> None:
    """Let the API show a version of the past."""
    sandbox.cloudcruise.history = FixedHistory(rows(version))
    sandbox.clock = FrozenClock(clock(version))


@contextmanager
def runner_at(sandbox: Sandbox, folder: Path, prefix: Sequence[str] = ()) -> Iterator[Runner]:
    """A warm process that has made a run of version 0 into a folder that nobody looks at."""
    show(sandbox, 0)
    first = order(sandbox, folder / "data", folder / "outcome.json", 0)
    with Runner.started(folder, first, prefix) as runner:
        yield runner


@pytest.fixture(scope="session")
def runner(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    server.cloudcruise = CloudCruise(FixedHistory())
    with runner_at(server, tmp_path_factory.mktemp("warm")) as runner:
        yield runner


@pytest.fixture(scope="session")
def other(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runner, Path]]:
    """Another warm process, and a folder that is a small disk of its own where the machine grants such a thing."""
    server.cloudcruise = CloudCruise(FixedHistory())
    folder = tmp_path_factory.mktemp("other")
    disk = folder / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size={DISK_BYTES} none {disk} && exec "$@"'
    prefix = [*UNSHARE, "sh", "-c", mount, "sh"] if can_mount() else []
    with runner_at(server, folder, prefix) as runner:
        yield runner, disk


@dataclass
class Account:
    """CloudCruise with the changing past, and a data folder that follows it.

    `data` is the data folder as the runs see it, if they see it elsewhere than the test; `windows` is how many are read
    side by side.
    """

    sandbox: Sandbox
    runner: Runner
    folder: Path
    watch: Watch
    data: Path | None = None
    windows: int = 1

    @property
    def layout(self) -> Layout:
        return self.watch.layout

    def order(self, version: int, **more: Any) -> Order:
        data = self.data or folder_of(self.layout)
        found = order(self.sandbox, data, self.folder / "outcome.json", version, **more)
        found.env["CLOUDCRUISE_PARALLEL"] = str(self.windows)
        return found

    def read(self, version: int, **more: Any) -> Outcome:
        """Have a version read, or killed while it is; then look at the files."""
        show(self.sandbox, version)
        outcome = self.runner.run(self.order(version, **more))
        self.watch.check(version)
        return outcome


@pytest.fixture
def account(runner: Runner, sandbox: Sandbox, tmp_path: Path) -> Account:
    return Account(sandbox, runner, tmp_path, Watch(Layout(tmp_path / "data")))
