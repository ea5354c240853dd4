"""A disk that is full or may not be written ends a run with a sentence; what was stored before stays as it was."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runs_assets.sandbox import Sandbox
from runs_assets.storage.layout import Layout
from runs_assets_tests.crashes.conftest import Account, can_mount
from runs_assets_tests.crashes.runner import Runner
from runs_assets_tests.crashes.warm import NOBODY
from runs_assets_tests.crashes.watching import Watch, files
from runs_assets_tests.files_on_disk import folder_of

needs_mount = pytest.mark.skipif(not can_mount(), reason="this machine grants no mount namespace (unshare, tmpfs)")


def below(folder: Path, found: dict[Path, bytes]) -> dict[Path, bytes]:
    """Those of some files that are in a folder."""
    return {path: content for path, content in found.items() if path.is_relative_to(folder)}


def test_a_file_that_cannot_grow_is_named_and_nothing_is_lost(account: Account) -> None:
    assert account.read(0).is_success
    before = files(account.layout)
    for file_bytes, doing, data_set in ((2000, "reading", "raw_runs"), (5000, "building runs of", "runs")):
        failure = account.read(1, file_bytes=file_bytes).failure
        assert failure is not None
        assert (
            f"cloudcruise: {doing} 2026-03-15..2026-03-17 failed. Could not write {folder_of(account.layout)}"
            in failure
        )
        assert ": File too large. What was stored before is untouched. Free space" in failure
        folder = folder_of(account.layout) / data_set
        assert below(folder, files(account.layout)) == below(folder, before)
    assert account.read(1).is_success
    account.watch.check_is_done(1)


@needs_mount
def test_a_full_and_a_read_only_disk_are_told_and_nothing_is_lost(
    sandbox: Sandbox, other: tuple[Runner, Path], tmp_path: Path
) -> None:
    runner, disk = other
    pid = runner.process.pid
    account = Account(sandbox, runner, tmp_path, Watch(Layout(Path(f"/proc/{pid}/root{disk}"))), disk)
    assert account.read(0).is_success
    filler = folder_of(account.layout) / "filler"
    for free in (0, 4, 8):  # KiB: enough for nothing, for the quarantine, for raw_runs
        fill(filler, free * 1024)
        failure = account.read(1).failure
        assert failure is not None
        assert f"Could not write {disk}/" in failure
        assert ": No space left on device. What was stored before is untouched. Free space" in failure
    filler.unlink()
    assert account.read(1).is_success
    account.watch.check_is_done(1)

    before = files(account.layout)
    remount(pid, disk, "ro")
    failure = account.read(2).failure
    remount(pid, disk, "rw")
    assert failure is not None
    assert f"Could not write {disk}/.locks/cloudcruise.lock: Read-only file system." in failure
    assert files(account.layout) == before


def fill(filler: Path, free: int) -> None:
    """Take all of the disk but `free` bytes."""
    filler.unlink(missing_ok=True)
    disk = os.statvfs(filler.parent)
    filler.write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - free)))


def remount(pid: int, folder: Path, mode: str) -> None:
    inside = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", str(pid)]
    subprocess.run([*inside, "mount", "-o", f"remount,{mode}", str(folder)], check=True)


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder, with those inside, in which nothing can be made or removed."""
    inside = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in inside:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in inside:
            path.chmod(0o755)


def give_away(root: Path) -> None:
    """Root may do everything, so its runs here are made by nobody."""
    if os.geteuid() == 0:
        for path in [root, *root.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)


@pytest.fixture
def open_account(account: Account) -> Iterator[Account]:
    """An account in a folder that everybody may look into."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield Account(account.sandbox, account.runner, folder, Watch(Layout(folder / "data")))


def test_a_folder_that_may_not_be_written_is_named_and_nothing_is_lost(open_account: Account) -> None:
    account, root = open_account, folder_of(open_account.layout)
    assert account.read(0).is_success
    give_away(account.folder)
    before = files(account.layout)
    for name in (".locks", ".scratch", "raw_runs", "runs"):
        if name == ".locks":
            (root / ".locks/cloudcruise.lock").unlink()
        with closed(root / name):
            failure = account.read(1, is_nobody=True).failure
        assert failure is not None
        assert f"Could not write {root / name}/" in failure
        assert ": Permission denied. What was stored before is untouched." in failure
        assert below(root / name, files(account.layout)) == below(root / name, before)
    assert account.read(1, is_nobody=True).is_success
    account.watch.check_is_done(1)


def test_a_raw_file_that_may_not_be_read_is_named_and_stays(open_account: Account) -> None:
    account = open_account
    assert account.read(0).is_success
    give_away(account.folder)
    [path] = [path for path in files(account.layout) if "raw_runs" in str(path) and "03-16" in str(path)]
    path.chmod(0)
    outcome = account.runner.run(account.order(0, is_nobody=True))
    path.chmod(0o644)
    assert outcome.failure is not None
    assert f"Could not read {path}: Permission denied. Nothing was changed." in outcome.failure
    account.watch.check(0)
