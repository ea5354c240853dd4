"""Whenever a run is killed, each day is the old one or the new one, and the next run finishes the work."""

import os
from random import Random

import pytest

from runs_assets_tests.crashes.conftest import Account

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
"""How many versions are read, each killed three times on the way; more of them for a longer search."""


@pytest.mark.parametrize("where", ["runs_assets/storage/", "runs_assets/"])
def test_killed_anywhere_and_again_in_the_retry_no_day_is_mixed(account: Account, where: str) -> None:
    assert account.read(0).is_success
    lines = account.read(1, kill_in=where).lines
    chance = Random(f"kills in {where}")
    kills = 0
    for version in range(2, 2 + ROUNDS):
        for _ in range(3):
            before = chance.randrange(1, lines)
            kills += account.read(version, kill_in=where, kill_before=before).is_killed
        assert account.read(version).is_success
        account.watch.check_is_done(version)
    assert kills >= 2 * ROUNDS


def test_killed_at_its_first_write_there_is_nothing_and_the_next_run_begins(account: Account) -> None:
    assert account.read(0, kill_in="runs_assets/storage/files.py", kill_before=10).is_killed
    assert account.read(0).is_success
    account.watch.check_is_done(0)
