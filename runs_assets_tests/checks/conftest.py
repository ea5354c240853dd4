"""An empty data folder whose days begin on 2026-03-10; it is 2026-03-18, noon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runs_assets_tests.checks.stored import FIRST, Stored


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(FIRST))
    with Stored.below(tmp_path / "data") as found:
        yield found
