"""The rates are those of all daily files, whatever is kept of older ones; and older files are read once."""

import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import EPOCH, end_of, start_of
from runs_assets.errors import DamagedFileError
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.stored_rates import DayCoverage, load_rates
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.verdicts.storing import runs_table, store_runs

SOURCE, FIRST, DAYS = "acc", date(2026, 1, 1), 50
LAST = FIRST + timedelta(days=DAYS - 1)
OLD, LAST_OLD, NEW = date(2026, 1, 10), LAST - timedelta(days=36), LAST - timedelta(days=35)
"""What is kept are the days more than 35 days before the last."""
WITHOUT_RUNS = date(2026, 1, 5)
Stored = tuple[Layout, dict[date, Mapping[str | None, str]]]


def outcomes_of(day: date) -> Mapping[str | None, str]:
    """Of each pipeline a letter per run: succeeded, failed, cancelled, or a dry run."""
    number = (day - FIRST).days
    if day == WITHOUT_RUNS:
        return {}
    return {"a": "s" * (number % 5 + 1) + "fd", None: "fc"} | ({"b": "sss"} if number % 2 else {})


def store(layout: Layout, day: date, outcomes: Mapping[str | None, str]) -> None:
    words = {"s": "succeeded", "f": "failed", "c": "cancelled", "d": "failed"}
    rows = [(pipeline, one) for pipeline, letters in outcomes.items() for one in letters]
    columns: dict[str, Any] = {
        "run_id": [f"{day}-{number}" for number in range(len(rows))],
        "status": [words[one] for _, one in rows],
        "dry_run": [one == "d" for _, one in rows],
        "pipeline_id": [pipeline for pipeline, _ in rows],
        "created_at": [start_of(day)] * len(rows),
    }
    read_at = end_of(day) - timedelta(hours=1) if day == LAST else end_of(day) + timedelta(hours=1)
    store_runs(layout, SOURCE, day, runs_table(columns), read_at, settled=day != LAST)


def expected(outcomes: Mapping[date, Mapping[str | None, str]]) -> set[tuple[Any, ...]]:
    return {
        (
            pipeline,
            (day - EPOCH).days,
            len(letters) - letters.count("d"),
            letters.count("s") + letters.count("f"),
            letters.count("f"),
        )
        for day, of_day in outcomes.items()
        for pipeline, letters in of_day.items()
    }


def rows_of(rates: pa.Table) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] for name in ("pipeline_id", "day", "runs", "completed", "failed")) for row in rates.to_pylist()
    ]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    layout = Layout(tmp_path)
    outcomes = {FIRST + timedelta(days=number): outcomes_of(FIRST + timedelta(days=number)) for number in range(DAYS)}
    for day, of_day in outcomes.items():
        store(layout, day, of_day)
    return layout, outcomes


def damage(layout: Layout, day: date, *, is_noticed: bool) -> None:
    """Change a daily file; its version stays the same unless that is to be noticed."""
    path = on_disk(layout.day_file(FAILURE_RATES.name, SOURCE, day))
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + is_noticed))


def test_they_are_the_same_at_each_time(stored: Stored) -> None:
    layout, outcomes = stored
    for _ in range(3):
        days, rates = load_rates(layout, SOURCE)
        assert [one.day for one in days] == list(outcomes)
        assert days[0] == DayCoverage(FIRST, is_whole=True, is_final=True, seen_until=end_of(FIRST))
        assert days[-1] == DayCoverage(LAST, False, False, end_of(LAST) - timedelta(hours=1))
        assert len(rates) == len(expected(outcomes))
        assert set(rows_of(rates)) == expected(outcomes)
        assert rates["day"].to_pylist() == sorted(rates["day"].to_pylist())


def test_nothing_stored_is_no_day(tmp_path: Path) -> None:
    days, rates = load_rates(Layout(tmp_path), SOURCE)
    assert (days, len(rates)) == ((), 0)


@pytest.mark.parametrize("day", [FIRST, LAST_OLD])
def test_the_file_of_an_older_day_is_read_once(stored: Stored, day: date) -> None:
    layout, outcomes = stored
    load_rates(layout, SOURCE)
    damage(layout, day, is_noticed=False)
    assert set(rows_of(load_rates(layout, SOURCE)[1])) == expected(outcomes)
    damage(layout, day, is_noticed=True)
    with pytest.raises(DamagedFileError):
        load_rates(layout, SOURCE)


@pytest.mark.parametrize("day", [NEW, LAST])
def test_the_file_of_a_newer_day_is_read_each_time(stored: Stored, day: date) -> None:
    layout, _ = stored
    load_rates(layout, SOURCE)
    damage(layout, day, is_noticed=False)
    with pytest.raises(DamagedFileError):
        load_rates(layout, SOURCE)


def test_a_day_that_is_built_again_or_is_gone_is_no_longer_as_it_was(stored: Stored) -> None:
    layout, outcomes = stored
    load_rates(layout, SOURCE)
    outcomes[OLD] = {"a": "f"}
    store(layout, OLD, outcomes[OLD])
    del outcomes[FIRST]
    layout.day_file(FAILURE_RATES.name, SOURCE, FIRST).remove()
    for _ in range(2):
        assert set(rows_of(load_rates(layout, SOURCE)[1])) == expected(outcomes)
    damage(layout, OLD, is_noticed=False)
    assert set(rows_of(load_rates(layout, SOURCE)[1])) == expected(outcomes)


def test_what_is_kept_may_be_damaged_or_impossible_to_write(stored: Stored) -> None:
    layout, outcomes = stored
    load_rates(layout, SOURCE)
    kept = on_disk(layout.rates_file(SOURCE))
    made = kept.read_bytes()
    kept.write_bytes(made[:-1])
    assert set(rows_of(load_rates(layout, SOURCE)[1])) == expected(outcomes)
    assert len(kept.read_bytes()) == len(made)
    kept.unlink()
    kept.mkdir()
    assert set(rows_of(load_rates(layout, SOURCE)[1])) == expected(outcomes)
