"""File systems that lack something: locks, the flushing of folders, inode numbers that stay, plain names."""

import errno
import os
import signal
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runs_assets.errors import BusyError, StorageError
from runs_assets.storage.layout import Layout
from runs_assets.storage.lock import is_being_written, writing
from runs_assets_tests.files_on_disk import on_disk, stored_file

NO_FLOCK = """
import errno, fcntl, os, sys, time, warnings
warnings.simplefilter("ignore")
def no_flock(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = no_flock
from pathlib import Path
from runs_assets.storage.lock import writing
with writing(Path(sys.argv[1]), "s", patience=0):
    print("held", flush=True)
    time.sleep(60)
"""


def refusing(number: int) -> Any:
    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_without_flock_there_is_one_writer_at_a_time_and_a_killed_one_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".locks" / "s.lock"
    monkeypatch.setattr("fcntl.flock", refusing(errno.ENOSYS))
    for _ in range(2):
        with writing(lock, "s", patience=0):
            assert is_being_written(lock)
        assert not is_being_written(lock)
    with subprocess.Popen([sys.executable, "-c", NO_FLOCK, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError), writing(lock, "s", patience=0):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with writing(lock, "s", patience=5):
            assert is_being_written(lock)


def store(target: Path, content: bytes) -> None:
    stored_file(target).replace(content)


def sync_only_files(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_where_folders_cannot_be_flushed_files_are_stored_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sync_only_files(number, monkeypatch)
    target = on_disk(Layout(tmp_path).day_file("runs", "s", date(2026, 3, 1)))
    store(target, b"content")
    assert target.read_bytes() == b"content"


def test_a_disk_that_fails_to_flush_a_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = on_disk(Layout(tmp_path).day_file("runs", "s", date(2026, 3, 1)))
    store(target, b"old")
    sync_only_files(errno.EIO, monkeypatch)
    with pytest.raises(StorageError, match=r"was written, but .*: Input/output error"):
        store(target, b"content")
    assert target.read_bytes() == b"content"


def test_an_inode_number_that_changes_is_no_change_of_a_file(tmp_path: Path) -> None:
    file = Layout(tmp_path).day_file("failure_rates", "s", date(2026, 3, 1))
    path = on_disk(file)
    store(path, b"content")
    before, stamp = file.version(), path.stat()
    copy = path.with_name("copy")
    copy.write_bytes(b"content")
    os.utime(copy, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    copy.replace(path)
    assert path.stat().st_ino != stamp.st_ino
    assert file.version() == before
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert file.version() != before


def test_a_name_may_have_spaces_and_letters_of_any_language(tmp_path: Path) -> None:
    root = tmp_path / "Läufe der Woche 東京 #1 %41"
    target = on_disk(Layout(root).day_file("runs", "s", date(2026, 3, 1)))
    with Layout(root).lock_file("s").held("s", patience=0):
        store(target, b"content")
    assert Layout(root).stored_days("runs", "s") == [date(2026, 3, 1)]
