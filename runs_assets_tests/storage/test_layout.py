"""What lies beside the day's files and is not theirs is passed over."""

from datetime import date
from pathlib import Path

import pytest

from runs_assets.errors import StorageError
from runs_assets.storage.layout import Layout
from runs_assets_tests.files_on_disk import on_disk

DAY = date(2026, 3, 17)


def test_only_what_looks_like_a_days_file_is_a_stored_day(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for day in (DAY, date(2025, 1, 1)):
        on_disk(layout.day_file("runs", "s", day)).parent.mkdir(parents=True)
        on_disk(layout.day_file("runs", "s", day)).touch()
    folder = tmp_path / "runs/source=s"
    for stray in (
        ".DS_Store",
        "date=garbage/part-0.parquet",
        "date=20260318/part-0.parquet",
        "2026-03-19/part-0.parquet",
    ):
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).touch()
    (folder / "date=2026-03-20").touch()
    (folder / "date=2026-03-21/part-0.parquet").mkdir(parents=True)
    (folder / "date=2026-03-22").mkdir()
    assert layout.stored_days("runs", "s") == [date(2025, 1, 1), DAY]
    assert layout.stored_days("runs", "t") == []


def test_a_file_in_the_place_of_a_data_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(StorageError, match=r"Could not read .*runs/source=s: Not a directory"):
        Layout(tmp_path).stored_days("runs", "s")
