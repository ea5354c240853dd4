"""A day whose stored file is damaged is read anew: what can be trusted of the file is merged, the file is kept."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from runs_assets.storage.layout import DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.raw import RawDay, blocks, stat_day, verify_raw
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets_tests.files_on_disk import folder_of, on_disk, stored_file

DAY = date(2026, 3, 17)
EARLY = datetime(2026, 3, 18, 1, tzinfo=UTC)
LATE = datetime(2026, 3, 18, 2, tzinfo=UTC)
MANY = 6000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def store(
    layout: Layout, read: Read, states: dict[str, str], *, is_part: bool = False, now: datetime = EARLY
) -> tuple[RawDay, list[str]]:
    told: list[str] = []
    lines = [orjson.dumps({"id": key, "state": state}) + b"\n" for key, state in states.items()]
    with closing(Spool(layout.scratch("s") / "spool")) as spool:
        if lines:
            spool.append(pa.array([*states]), b"".join(lines), read.read_started_at)
        raw = store_day(
            DayFiles(layout, "s", DAY), spool, read, "id", is_part=is_part, clock=lambda: now, report=told.append
        )
    return raw, told


def path(layout: Layout) -> Path:
    return on_disk(layout.day_file("raw_runs", "s", DAY))


def states(layout: Layout) -> dict[str, str]:
    runs = [orjson.loads(line)["run"] for block in blocks(stored_file(path(layout))) for line in block.splitlines()]
    found = {run["id"]: run["state"] for run in runs}
    assert len(found) == len(runs)
    return found


def incompressible(count: int) -> dict[str, str]:
    """Runs whose states zstd cannot shorten much, so that the file has many pieces."""
    return {f"{n:06d}": f"{pow(7, n + 400, 10**40):040d}" for n in range(count)}


def flip(position: int) -> Callable[[bytes], bytes]:
    return lambda whole: bytes([*whole[:position], whole[position] ^ 0x10, *whole[position + 1 :]])


def damage(layout: Layout, how: Callable[[bytes], bytes]) -> bytes:
    damaged = how(path(layout).read_bytes())
    path(layout).write_bytes(damaged)
    return damaged


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": lambda _whole: b"",
    "not zstd": lambda _whole: b"not zstd" * 1000,
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "its last byte gone": lambda whole: whole[:-1],
    "a bit of its middle": lambda whole: flip(len(whole) // 2)(whole),
    "a bit of its trailer": lambda whole: flip(len(whole) - 500)(whole),
    "a sector of zeros": lambda whole: whole[:8192] + bytes(512) + whole[8704:],
    "only the trailer": lambda whole: whole[-1024:],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_day_is_rebuilt_from_the_new_reading_and_what_can_be_recovered(layout: Layout, name: str) -> None:
    before = incompressible(MANY)
    store(layout, Read("first", EARLY, EARLY), before)
    damaged = damage(layout, DAMAGES[name])
    why = verify_raw(stored_file(path(layout)))
    assert why is not None

    fresh = {"000000": "fresh", "new": "fresh"}
    raw, [note] = store(layout, Read("second", LATE, None), fresh)
    found = states(layout)
    kept = folder_of(layout) / ".damaged/raw_runs/source=s/date=2026-03-17/second.jsonl.zst"
    assert kept.read_bytes() == damaged
    assert note.startswith(f"The stored file was damaged ({why}) and is kept as {kept}; ")
    assert {key: found[key] for key in fresh} == fresh
    assert found.items() <= {**before, **fresh}.items()  # nothing that was not stored
    assert stat_day(stored_file(path(layout))) == raw == RawDay(Read("second", LATE, None), len(found), len(found) - 2)
    assert verify_raw(stored_file(path(layout))) is None


@pytest.mark.parametrize(
    ("name", "at_least", "at_most"),
    [
        ("nothing left", 0, 0),
        ("not zstd", 0, 0),
        ("only the trailer", 0, 0),
        ("its last byte gone", MANY, MANY),
        ("a bit of its trailer", MANY, MANY),
        ("cut in half", MANY * 0.2, MANY * 0.6),
        ("a bit of its middle", MANY * 0.2, MANY * 0.6),
    ],
)
def test_everything_before_the_damage_is_recovered(layout: Layout, name: str, at_least: float, at_most: float) -> None:
    store(layout, Read("first", EARLY, EARLY), incompressible(MANY))
    damage(layout, DAMAGES[name])
    raw, [note] = store(layout, Read("second", LATE, LATE), {})
    assert at_least <= raw.rows <= at_most
    assert f"; {raw.rows} of its lines were recovered." in note


def test_a_changed_character_makes_no_run_that_never_was(layout: Layout) -> None:
    """zstd stores what it cannot shorten as it is, where a flipped bit still decodes, to another id."""
    store(layout, Read("first", EARLY, EARLY), {"a": "finished"})
    where = path(layout).read_bytes().index(b'"id":"a"') + 6
    damage(layout, flip(where))
    store(layout, Read("second", LATE, LATE), {"b": "failed"})
    assert states(layout) == {"b": "failed"}


def test_a_damaged_part_is_not_complete_until_it_is_read_whole(layout: Layout) -> None:
    store(layout, Read("first", EARLY, EARLY), {"a": "finished"})
    damage(layout, DAMAGES["its last byte gone"])
    store(layout, Read("second", LATE, None), {"b": "failed"}, is_part=True)
    assert stat_day(stored_file(path(layout))).read == Read("second", LATE, None)
    assert states(layout) == {"a": "finished", "b": "failed"}


def test_what_is_kept_aside_is_no_data(layout: Layout) -> None:
    store(layout, Read("first", EARLY, EARLY), {"a": "finished"})
    damage(layout, DAMAGES["its last byte gone"])
    store(layout, Read("second", LATE, None), {"b": "failed"})
    assert [file.name for file in folder_of(layout).glob("[!.]*/**/*") if file.is_file()] == ["part-0.jsonl.zst"]
    assert layout.stored_days("raw_runs", "s") == [DAY]


@pytest.mark.parametrize(("as_of", "expected"), [(LATE, LATE), (None, EARLY)])
def test_a_reading_that_another_one_overtook_only_adds(
    layout: Layout, as_of: datetime | None, expected: datetime
) -> None:
    store(layout, Read("late", LATE, as_of), {"a": "new", "b": "new"})
    raw, _ = store(layout, Read("early", EARLY, EARLY), {"c": "old", "a": "old"}, now=LATE)
    assert states(layout) == {"a": "new", "b": "new", "c": "old"}
    assert raw == stat_day(stored_file(path(layout))) == RawDay(Read("late", LATE, expected), rows=3, retained=1)
    raw, _ = store(layout, Read("early", EARLY, EARLY), {"d": "old"}, now=LATE)
    assert (states(layout)["d"], raw.rows, raw.retained) == ("old", 4, 2)


def test_a_reading_from_the_future_is_one_by_a_wrong_clock_and_overtakes_nothing(layout: Layout) -> None:
    store(layout, Read("ahead", LATE), {"a": "old", "b": "old"})
    raw, _ = store(layout, Read("now", EARLY), {"a": "new"}, now=LATE - timedelta(seconds=1))
    assert states(layout) == {"a": "new", "b": "old"}
    assert raw == RawDay(Read("now", EARLY), rows=2, retained=1)
