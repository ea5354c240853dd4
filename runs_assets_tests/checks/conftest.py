"""An empty data folder whose days begin on 2026-03-10; it is 2026-03-18, noon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runs_assets.days import DayRange
from runs_assets_tests.checks.stored import FIRST, TODAY, Stored


@pytest.fixture(scope="session")
def good_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of two runs on each day from the first to today, all seen and built at noon today."""
    root = tmp_path_factory.mktemp("good") / "data"
    with Stored.below(root) as stored:
        for day in DayRange(FIRST, TODAY).newest_first():
            stored.store(day)
    return root


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(FIRST))
    with Stored.below(tmp_path / "data") as found:
        yield found


@pytest.fixture
def good(stored: Stored, good_days: Path) -> Stored:
    """The data folder with good days in it."""
    stored.copy(good_days)
    return stored
