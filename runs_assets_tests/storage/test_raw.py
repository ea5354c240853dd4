"""A day's raw file: merged by id, whole or not at all, its worth inside, its damage noticed."""

import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import orjson
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.errors import StorageError
from runs_assets.storage import raw
from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.raw import RawDay, blocks, stat_day, verify_raw
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets_tests.files_on_disk import folder_of, on_disk, stored_file

DAY = date(2026, 3, 17)
EARLY = datetime(2026, 3, 18, 1, tzinfo=UTC)
LATE = datetime(2026, 3, 18, 2, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def store(layout: Layout, *shown: dict[str, Any], at: datetime = EARLY, read: Read | None = None) -> None:
    """One reading of the day, each row in an answer of its own."""
    with closing(Spool(layout.scratch("s") / "spool")) as spool:
        for row in shown:
            spool.append(pa.array([row["id"]]), orjson.dumps(row) + b"\n", at)
        store_day(DayFiles(layout, "s", DAY), spool, read or Read(f"read at {at}", at, at), "id")


def path(layout: Layout) -> Path:
    return on_disk(layout.day_file("raw_runs", "s", DAY))


def stored(layout: Layout) -> dict[str, tuple[str, str]]:
    lines = [orjson.loads(line) for block in blocks(stored_file(path(layout))) for line in block.splitlines()]
    found = {line["run"]["id"]: (line["run"]["state"], line["observed_at"]) for line in lines}
    assert len(found) == len(lines)
    return found


@given(lengths=st.lists(st.integers(0, 300), max_size=8), block_bytes=st.integers(1, 500))
def test_blocks_are_of_whole_lines_and_none_is_empty(lengths: list[int], block_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        layout = Layout(Path(folder))
        store(layout, *({"id": str(number), "state": "x" * length} for number, length in enumerate(lengths)))
        patch.setattr(raw, "BLOCK_BYTES", block_bytes)
        found = [*blocks(stored_file(path(layout)))]
    assert all(block.endswith(b"\n") for block in found)
    assert [len(orjson.loads(line)["run"]["state"]) for block in found for line in block.splitlines()] == lengths


def test_the_latest_observation_wins_and_what_is_no_longer_shown_stays(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "running"}, {"id": "b", "state": "finished"})
    store(layout, {"id": "c", "state": "queued"}, {"id": "a", "state": "finished"}, at=LATE)
    assert stored(layout) == {
        "a": ("finished", "2026-03-18T02:00:00.500000Z"),
        "b": ("finished", "2026-03-18T01:00:00Z"),
        "c": ("queued", "2026-03-18T02:00:00.500000Z"),
    }
    assert (stat_day(stored_file(path(layout))).rows, stat_day(stored_file(path(layout))).retained) == (3, 1)


def test_within_one_reading_a_row_that_comes_again_replaces_itself(layout: Layout) -> None:
    store(
        layout,
        {"id": "a", "state": "1"},
        {"id": "b", "state": "1"},
        {"id": "a", "state": "2"},
        {"id": "a", "state": "3"},
    )
    assert {run: state for run, (state, _) in stored(layout).items()} == {"a": "3", "b": "1"}


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3)), max_size=12), max_size=4))
def test_any_sequence_of_readings_leaves_each_id_once_in_its_latest_state(
    readings: list[list[tuple[str, int]]],
) -> None:
    expected: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        store(layout)
        for reading in readings:
            store(layout, *[{"id": key, "state": str(state)} for key, state in reading])
            expected.update({key: str(state) for key, state in reading})
        assert {run: state for run, (state, _) in stored(layout).items()} == expected


def test_a_whole_day_stays_whole_when_a_later_reading_sees_only_a_part(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "x"}, read=Read("whole", EARLY, EARLY))
    store(layout, {"id": "b", "state": "x"}, read=Read("part", LATE, None))
    assert stat_day(stored_file(path(layout))).read == Read("part", LATE, EARLY)


def test_unicode_newlines_and_long_strings_survive(layout: Layout) -> None:
    states = ["line\nbreak", "\u2028\u0085", "\N{SNOWMAN}" * 10, "x" * 9_000_000, ""]
    store(layout, *[{"id": str(n), "state": state} for n, state in enumerate(states)])
    assert [state for state, _ in stored(layout).values()] == states


def test_pandas_and_duckdb_read_the_file_as_it_is(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "x"}, {"id": "b", "state": "y"})
    assert len(pd.read_json(path(layout), lines=True, compression="zstd")) == 2
    found = duckdb.connect().execute(
        f"select source, cast(date as varchar), run.id from read_json('{folder_of(layout)}/raw_runs/**/*.zst')"
    )
    assert sorted(found.fetchall()) == [("s", "2026-03-17", "a"), ("s", "2026-03-17", "b")]


def test_within_one_reading_the_later_verdict_holds_and_its_runs_count_as_shown(layout: Layout) -> None:
    store(layout, {"id": "gone", "state": "x"}, read=Read("before", EARLY, EARLY))
    store(layout, {"id": "a", "state": "x"}, read=Read("now", LATE, LATE))
    store(layout, {"id": "b", "state": "x"}, read=Read("now", LATE, None))
    found = stat_day(stored_file(path(layout)))
    assert (found.rows, found.retained, found.read) == (3, 1, Read("now", LATE, None))


def cut(content: bytes) -> Iterator[bytes]:
    yield content[: len(content) // 2]
    yield content[:-1]
    yield b""
    flipped = bytearray(content)
    flipped[30] ^= 0xFF
    yield bytes(flipped)
    yield content.replace(b'"complete_as_of":"2026', b'"complete_as_of":"2036')


def test_damage_is_noticed_and_named(layout: Layout) -> None:
    store(layout, *[{"id": str(n), "state": "x" * n} for n in range(50)])
    whole = path(layout).read_bytes()
    for damaged in cut(whole):
        path(layout).write_bytes(damaged)
        with pytest.raises(StorageError, match=r"date=2026-03-17/part-0.jsonl.zst is damaged"):
            stored(layout)


def test_a_failure_while_writing_leaves_the_old_day_and_no_leftover(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "x"})
    before = path(layout).read_bytes()
    spool = Spool(layout.scratch("s") / "spool")
    spool.append(pa.array(["b"]), b"{}\n", LATE)
    spool._file.close()
    with pytest.raises(ValueError, match="closed file"):
        store_day(DayFiles(layout, "s", DAY), spool, Read("r", LATE, LATE), "id")
    assert path(layout).read_bytes() == before
    assert [file.name for file in layout.scratch("s").iterdir()] == ["spool"]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    layout = Layout(tmp_path / "file")
    with pytest.raises(StorageError, match=r"Could not write .* What was stored before is untouched"):
        store(layout, {"id": "a", "state": "x"})


def test_a_file_of_which_only_the_trailer_is_left_is_damaged(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "x"})
    path(layout).write_bytes(path(layout).read_bytes()[-1024:])
    with pytest.raises(StorageError, match="its content has changed since it was written"):
        stored(layout)


def test_no_changed_byte_goes_unnoticed(layout: Layout) -> None:
    store(layout, {"id": "a", "state": "finished"}, {"id": "b", "state": "failed"})
    whole = path(layout).read_bytes()
    chance = Random(1)
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= chance.randint(1, 255)
        path(layout).write_bytes(changed)
        assert verify_raw(stored_file(path(layout))) is not None, position
    path(layout).write_bytes(whole)
    assert verify_raw(stored_file(path(layout))) is None


def older(frame: bytes, read: Read, rows: int) -> bytes:
    """A raw file as it was written before its trailer had a checksum of the frame: those of its pieces came before."""
    crcs = b"".join(struct.pack("<I", zlib.crc32(frame[at : at + 4096])) for at in range(0, len(frame), 4096))
    payload = orjson.dumps({**read.to_json(), "rows": rows, "retained": 0, "frame_bytes": len(frame)}).ljust(1012)
    pieces = struct.pack("<II", 0x184D2A51, len(crcs)) + crcs
    return frame + pieces + struct.pack("<II", 0x184D2A50, 1016) + payload + struct.pack("<I", zlib.crc32(payload))


def test_a_file_of_an_older_version_is_read_merged_and_its_damage_noticed(layout: Layout) -> None:
    lines = [b'{"observed_at":"2026-03-18T01:00:00Z","run":{"id":"%d","state":"x"}}\n' % n for n in range(3)]
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    frame = compressor.compress(b"".join(lines)) + compressor.flush()
    whole = older(frame, Read("old", EARLY, EARLY), 3)
    path(layout).parent.mkdir(parents=True)
    for position in range(6, len(frame)):
        path(layout).write_bytes(bytes([*whole[:position], whole[position] ^ 0x10, *whole[position + 1 :]]))
        # A few bits of a frame mean nothing: then the lines are as they were.
        assert verify_raw(stored_file(path(layout))) is not None or b"".join(
            blocks(stored_file(path(layout)))
        ) == b"".join(lines), position
    path(layout).write_bytes(whole)
    assert verify_raw(stored_file(path(layout))) is None
    assert stat_day(stored_file(path(layout))) == RawDay(Read("old", EARLY, EARLY), 3, 0)
    store(layout, {"id": "0", "state": "y"}, at=LATE, read=Read("new", LATE, None))
    assert {key: state for key, (state, _) in stored(layout).items()} == {"0": "y", "1": "x", "2": "x"}
    assert stat_day(stored_file(path(layout))) == RawDay(Read("new", LATE, EARLY), 3, 2)
    assert verify_raw(stored_file(path(layout))) is None


def test_a_raw_file_that_is_a_folder_or_gone_is_named(layout: Layout) -> None:
    with pytest.raises(StorageError, match=r"Could not read .*part-0.jsonl.zst: No such file"):
        stat_day(stored_file(path(layout)))
    path(layout).mkdir(parents=True)
    for read in (stat_day, verify_raw):
        with pytest.raises(StorageError, match=r"Could not read .*part-0.jsonl.zst: Is a directory"):
            read(stored_file(path(layout)))
    with pytest.raises(StorageError, match=r"Could not read .*part-0.jsonl.zst: Is a directory"):
        store(layout, {"id": "a", "state": "x"})
