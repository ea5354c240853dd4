"""Several machines that read one day at once lose no run, and no table goes back; with object storage."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import orjson
import pyarrow as pa
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.daily.table import DailyTable, build_days
from runs_assets.days import DayRange, utc_now
from runs_assets.errors import BusyError
from runs_assets.settings import ProjectSettings
from runs_assets.settling.rules import Rules
from runs_assets.storage import lease
from runs_assets.storage.layout import RAW_RUNS, DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.quarantine import load_quarantine, store_quarantine
from runs_assets.storage.raw import blocks, stat_day, verified
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.storage.store import StoredFile
from runs_assets.storage.tables import Lineage, load_table
from runs_assets_tests.cluster.faulty import FaultyWay, Hold, ObjectFault

pytestmark = pytest.mark.cluster
DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAYS, SOURCE, RULES = DayRange(DAY, DAY), SOURCES[0], Rules.of(ProjectSettings())
READERS = 3


@pytest.fixture
def layout(bucket_url: str) -> Layout:
    return Layout(bucket_url)


def read_day(layout: Layout, folder: Path, read_id: str, ids: list[str], at: datetime = AT) -> None:
    with closing(Spool(folder / read_id)) as spool:
        spool.append(pa.array(ids), b"".join(orjson.dumps({"id": one, "by": read_id}) + b"\n" for one in ids), at)
        store_day(DayFiles(layout, SOURCE.name, DAY), spool, Read(read_id, at, at), "id", clock=utc_now)


def stored(layout: Layout) -> dict[str, str]:
    runs = [orjson.loads(line)["run"] for block in blocks(raw(layout)) for line in block.splitlines()]
    assert len({run["id"] for run in runs}) == len(runs)
    return {run["id"]: run["by"] for run in runs}


def raw(layout: Layout) -> StoredFile:
    return layout.day_file(RAW_RUNS, SOURCE.name, DAY)


def test_readers_of_one_day_at_once_lose_nothing(layout: Layout, tmp_path: Path) -> None:
    together = Barrier(READERS)
    own = {f"r{reader}": [f"{reader}-{number}" for number in range(50)] for reader in range(READERS)}

    def read(read_id: str) -> None:
        together.wait()
        read_day(layout, tmp_path, read_id, ["shared", *own[read_id]])

    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(read, own))
    found = stored(layout)
    assert found.keys() == {"shared", *(run for runs in own.values() for run in runs)}
    assert verified(raw(layout)).rows == READERS * 50 + 1
    assert found["shared"] == stat_day(raw(layout)).read.read_id


def test_a_reader_that_is_overtaken_in_the_middle_of_its_write_takes_nothing_back(
    layout: Layout, tmp_path: Path, way: FaultyWay
) -> None:
    way.hold = hold = Hold(f"date={DAY}/part-0.jsonl")
    with ThreadPoolExecutor(1) as pool:
        overtaken = pool.submit(read_day, layout, tmp_path, "old", ["a", "b"])
        assert hold.reached.wait(10)
        read_day(layout, tmp_path, "new", ["a", "c"], AT + timedelta(hours=1))
        hold.release(carry_out=True)
        overtaken.result()
    assert stored(layout) == {"a": "new", "b": "old", "c": "new"}
    assert verified(raw(layout)).read.read_id == "new"


@pytest.mark.parametrize("fault", list(ObjectFault))
def test_a_day_whose_write_goes_wrong_is_stored_once(
    fault: ObjectFault, layout: Layout, tmp_path: Path, way: FaultyWay
) -> None:
    read_day(layout, tmp_path, "first", ["a", "b"])
    way.faults.append(("PUT", fault))
    read_day(layout, tmp_path, "second", ["b", "c"], AT + timedelta(hours=1))
    assert not way.faults
    assert stored(layout) == {"a": "first", "b": "second", "c": "second"}
    day = verified(raw(layout))
    assert (day.read.read_id, day.rows, day.retained) == ("second", 3, 1)


def test_quarantined_rows_that_are_added_at_once_are_all_kept(layout: Layout) -> None:
    together = Barrier(READERS)

    def add(number: int) -> None:
        together.wait()
        line = {"reason": "no id", "row": number}
        store_quarantine(DayFiles(layout, SOURCE.name, DAY), [line], read_id=str(number), add=True, report=print)

    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(add, range(READERS)))
    assert {line["row"] for line in load_quarantine(layout, SOURCE.name, DAY)} == set(range(READERS))


def test_a_table_that_follows_from_an_older_reading_is_not_written(layout: Layout, tmp_path: Path) -> None:
    """Between its input and its output, another machine reads the day again and builds the table from that."""
    read_day(layout, tmp_path, "old", ["a"])
    seen: list[str] = []

    def build(then: Callable[[], None]) -> DailyTable:
        def rows(*day: Any) -> tuple[Lineage, dict[str, float]]:
            read = stat_day(raw(layout)).read
            seen.append(read.read_id)
            then()
            write = day[-1]
            write(pa.table({"by": [read.read_id]}))
            return Lineage(read, 0, settled=True, code_version=""), {}

        schema = pa.schema([("by", pa.string())])
        return DailyTable(name="runs", description="", schema=schema, version="1", built_from=RAW_RUNS, build=rows)

    def overtake() -> None:
        if seen == ["old"]:
            read_day(layout, tmp_path, "new", ["a"], AT + timedelta(hours=1))
            list(build_days(build(lambda: None), SOURCE, DAYS, layout, RULES))

    [built] = build_days(build(overtake), SOURCE, DAYS, layout, RULES)
    assert seen == ["old", "new", "new"]
    assert built.first_rows["by"].to_pylist() == ["new"]
    table, lineage = load_table(layout, "runs", SOURCE.name, DAY, ["by"])
    assert (table["by"].to_pylist(), lineage.read.read_id) == (["new"], "new")


def test_a_lease_is_kept_while_its_holder_works_and_taken_over_when_it_stands_still(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE", timedelta(seconds=6))
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.1)
    right = layout.lock_file("s")
    with right.held("s", patience=0):
        with pytest.raises(BusyError), right.held("s", patience=9):
            pass
        monkeypatch.setattr(lease, "_renew", lambda *_: True)  # as a machine that stands still does not
        with right.held("s", patience=30):
            assert right.is_held()
