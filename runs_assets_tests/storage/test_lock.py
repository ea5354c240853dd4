"""One writer per source, by a lock that dies with its process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runs_assets.errors import BusyError
from runs_assets.storage.lock import is_being_written, writing

HOLDER = """
import sys, time
from pathlib import Path
from runs_assets.storage.lock import writing
with writing(Path(sys.argv[1]), "s"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_gives_up_with_a_sentence_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "s.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_being_written(lock)
        with pytest.raises(BusyError, match="still writing the files of s"), writing(lock, "s", patience=0):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert not is_being_written(lock)
        with writing(lock, "s", patience=0):
            assert is_being_written(lock)
    assert not is_being_written(lock)


def test_no_lock_file_means_that_nobody_writes(tmp_path: Path) -> None:
    assert not is_being_written(tmp_path / "none.lock")
