"""The quarantined rows of a day: replaced, added to, removed, and begun again when it is damaged."""

from datetime import date
from pathlib import Path

import pytest

from runs_assets.errors import DamagedFileError
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.quarantine import load_quarantine, store_quarantine
from runs_assets_tests.files_on_disk import folder_of, on_disk

DAY = date(2026, 3, 17)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def store(layout: Layout, *reasons: str, add: bool = False) -> list[str]:
    told: list[str] = []
    lines = [{"reason": reason} for reason in reasons]
    store_quarantine(DayFiles(layout, "s", DAY), lines, read_id="this-read", add=add, report=told.append)
    return told


def reasons(layout: Layout) -> list[str]:
    return [line["reason"] for line in load_quarantine(layout, "s", DAY)]


def test_a_clipped_reading_adds_to_the_quarantine(layout: Layout) -> None:
    for reason in ("a", "b", "b"):
        assert store(layout, reason, add=True) == []
    assert reasons(layout) == ["a", "b"]


def test_the_quarantine_is_replaced_and_removed_when_empty(layout: Layout) -> None:
    store(layout, "no id", "not an object")
    store(layout, "no id")
    assert reasons(layout) == ["no id"]
    store(layout)
    assert not on_disk(layout.day_file("quarantine", "s", DAY)).exists()
    assert reasons(layout) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another"])
def test_a_damaged_quarantine_is_kept_aside_when_it_is_added_to(layout: Layout, damage: str) -> None:
    store(layout, "a", "b")
    file = on_disk(layout.day_file("quarantine", "s", DAY))
    whole = file.read_bytes()
    flipped = bytes([*whole[:12], whole[12] ^ 1, *whole[13:]])
    damaged = {"cut": whole[:-2], "flipped": flipped, "empty": b"", "another": b'{"reason": "a"}'}[damage]
    file.write_bytes(damaged)
    with pytest.raises(DamagedFileError, match=r"quarantine/source=s/date=2026-03-17/part-0.jsonl.zst is damaged"):
        load_quarantine(layout, "s", DAY)
    kept = folder_of(layout) / ".damaged/quarantine/source=s/date=2026-03-17/this-read.jsonl.zst"
    [sentence] = store(layout, "c", add=True)
    assert str(kept) in sentence
    assert kept.read_bytes() == damaged
    assert reasons(layout) == ["c"]


def test_a_damaged_quarantine_is_replaced(layout: Layout) -> None:
    store(layout, "a")
    on_disk(layout.day_file("quarantine", "s", DAY)).write_bytes(b"")
    assert store(layout, "c") == []
    assert reasons(layout) == ["c"]
