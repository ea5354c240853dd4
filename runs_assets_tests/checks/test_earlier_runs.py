"""A check run reads what has changed, and a part of the rest; what it does not read, it still knows."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from runs_assets.checks import earlier_runs
from runs_assets.daily.runs import RUNS
from runs_assets.storage.layout import RAW_RUNS
from runs_assets_tests.checks.stored import FIRST, TODAY, YESTERDAY, Stored, flip_a_byte, numbers, run, sample
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import on_disk

DAY = date(2026, 3, 12)
DAYS = 9
"""From the first to today."""


def damaged(stored: Stored, told_by: str = "days_in_reach_are_stored", *, minutes_later: int = 0) -> object:
    """How many damaged files the next run of the checks tells of."""
    return numbers(stored.judge(at=NOW + timedelta(minutes=minutes_later))[told_by])["damaged_files"]


def flip_unnoticed(path: Path) -> None:
    """Change one bit of a file, whose version stays."""
    before = path.stat()
    flip_a_byte(path, 20)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def month(stored: Stored, name: str = "2026-03") -> Path:
    return on_disk(stored.layout.checked_file("cloudcruise", name))


def test_damage_beneath_an_unchanged_version_is_found_in_turn(good: Stored) -> None:
    assert damaged(good) == 0
    flip_unnoticed(good.file(RAW_RUNS, DAY))
    # Each run reads one of the nine days, which is more than a 28th of them, the first one first; this is the third.
    assert [damaged(good, minutes_later=n) for n in range(1, DAYS)] == [0, 0] + [1] * 6


def test_of_many_days_a_28th_part_is_read_again(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TODAY - timedelta(days=30)
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(first))
    for ago in range(31):
        stored.store(TODAY - timedelta(days=ago))
    assert damaged(stored) == 0
    for day in (first + timedelta(days=2), first + timedelta(days=3)):
        flip_unnoticed(stored.file(RAW_RUNS, day))
    assert [damaged(stored, minutes_later=n) for n in (1, 2)] == [0, 2]  # two of 31 days in each


@pytest.mark.parametrize(
    ("data_set", "told_by"),
    [(RAW_RUNS, "days_in_reach_are_stored"), (RUNS.name, "metrics_follow_the_newest_read")],
)
def test_what_changes_with_its_version_is_found_at_once(good: Stored, data_set: str, told_by: str) -> None:
    assert damaged(good, told_by) == 0
    flip_a_byte(good.file(data_set, DAY), 20)
    assert damaged(good, told_by) == 1


def test_a_day_with_a_damaged_file_is_read_again_until_it_can_be_used(good: Stored) -> None:
    path = good.file(RAW_RUNS, YESTERDAY)
    flip_a_byte(path, 20)
    assert [damaged(good), damaged(good)] == [1, 1]
    flip_unnoticed(path)  # back again
    assert damaged(good) == 0


def test_all_is_still_known_of_days_that_are_not_read_again(good: Stored) -> None:
    still = [run(f"{n:02}", FIRST, "execution.start") for n in range(25)]
    good.store(FIRST, still)
    good.store(DAY, [run("a", DAY, "strange"), run("b", DAY) | {"execution_start": "in a moment"}])
    good.store(YESTERDAY, [run("a", YESTERDAY)])
    first = good.judge()
    found = good.judge()
    for name, verdict in found.items():
        assert (verdict.passed, numbers(verdict)) == (first[name].passed, numbers(first[name]))
        assert ("sample" in verdict.metadata) == ("sample" in first[name].metadata)
        if "sample" in verdict.metadata:
            assert sample(verdict) == sample(first[name])
    failing = {"every_run_is_stored_once", "every_status_is_known", "every_time_is_understood"}
    assert {name for name, verdict in found.items() if not verdict.passed} == {*failing, "open_runs_are_not_abandoned"}


def test_a_run_that_appears_under_another_day_is_found_though_the_first_is_not_read_again(good: Stored) -> None:
    good.judge()
    good.store(YESTERDAY, [run(f"{DAY}-1", YESTERDAY)])
    repeated = good.judge()["every_run_is_stored_once"]
    assert [(row["run_id"], row["first_day"], row["last_day"]) for row in sample(repeated)] == [
        ("2026-03-12-1", "2026-03-12", "2026-03-17")
    ]


def test_tables_are_behind_as_soon_as_the_code_is_newer_though_no_file_changes(
    good: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert numbers(good.judge()["metrics_follow_the_newest_read"])["days_behind"] == 0
    monkeypatch.setenv("RUNS_ASSETS_GRACE_HOURS", "36")
    # Read at noon on 2026-03-18, the 16th was settled by a grace of 24 hours, and is by one of 36; the 17th by none.
    assert numbers(good.judge()["metrics_follow_the_newest_read"])["days_behind"] == 0
    monkeypatch.setenv("RUNS_ASSETS_GRACE_HOURS", "48")
    assert numbers(good.judge()["metrics_follow_the_newest_read"])["days_behind"] == 1


def test_other_rules_judge_the_runs_of_unchanged_days_anew(good: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    good.store(DAY, [run("a", DAY, "execution.start")])  # open for six days
    assert numbers(good.judge()["open_runs_are_not_abandoned"])["abandoned_runs"] == 0
    monkeypatch.setenv("RUNS_ASSETS_GIVE_UP_DAYS", "5")
    assert numbers(good.judge()["open_runs_are_not_abandoned"])["abandoned_runs"] == 1


@pytest.mark.parametrize("how", ["missing", "cut", "of another format", "a folder"])
def test_what_cannot_be_remembered_is_read_again(good: Stored, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert damaged(good) == 0
    flip_unnoticed(good.file(RAW_RUNS, DAY))
    path = month(good)
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "of another format":
        monkeypatch.setattr(earlier_runs, "FORMAT", 0)
    else:
        path.unlink()
        if how == "a folder":
            path.mkdir()
    assert damaged(good) == 1


def test_while_another_run_keeps_what_it_found_nothing_is_kept(good: Stored) -> None:
    with good.layout.lock_file("cloudcruise-checks").held("the checks"):
        assert damaged(good) == 0
    assert not month(good).exists()


def test_days_that_are_no_longer_in_reach_are_forgotten(good: Stored) -> None:
    good.judge()
    assert month(good).exists()
    good.judge(at=NOW + timedelta(days=60))
    assert not month(good).exists()
