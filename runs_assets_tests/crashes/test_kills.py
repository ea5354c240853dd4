"""Whenever a run is killed, each day is the old one or the new one, and the next run finishes the work."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from runs_assets_tests.crashes.conftest import Account

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))
"""How many versions are read, each killed four times on the way; more of them for a longer search."""

FIRST_WRITE = 36  # lines of storage/folder.py: the first file of a new data folder is open, and empty


@pytest.mark.long
@pytest.mark.parametrize("windows", [1, 3])
def test_killed_anywhere_and_again_in_the_retry_no_day_is_mixed(account: Account, windows: int) -> None:
    account.windows = windows
    assert account.read(0, kill_in="runs_assets/storage/folder.py", kill_before=FIRST_WRITE).is_killed
    begun = account.layout.scratch("cloudcruise").glob("*.zst")
    assert [path.stat().st_size for path in begun] == [0]
    lines = {
        where: account.read(version, kill_in=where).lines
        for version, where in enumerate(["runs_assets/", "runs_assets/storage/"])
    }
    chance = Random("kills")
    kills = 0
    for version in range(2, 2 + ROUNDS):
        for where, count in [*lines.items(), *lines.items()]:
            before = chance.randrange(1, count)
            kills += account.read(version, kill_in=where, kill_before=before).is_killed
        assert account.read(version).is_success
        account.watch.check_is_done(version)
    assert kills >= 3 * ROUNDS


def test_killed_at_every_line_of_writing_a_day_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "runs_assets_tests.crashes.every_line", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) > 20
