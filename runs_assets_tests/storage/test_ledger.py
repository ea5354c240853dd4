"""The ledger may lag behind the files, but then it says so; and whatever becomes of it, the files are looked at."""

import os
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.days import DayRange
from runs_assets.storage import ledger
from runs_assets.storage.layout import RAW_RUNS, DayFiles, Layout
from runs_assets.storage.ledger import VERSION, BuiltTable, Ledger, Rows, doubt
from runs_assets.storage.merging import store_day
from runs_assets.storage.raw import stat_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.storage.tables import Lineage
from runs_assets_tests.cluster.faulty import FaultyWay
from runs_assets_tests.files_on_disk import folder_of, on_disk
from runs_assets_tests.storage.tables_of_days import store_table

SOURCE, TABLES = "s", ("runs", "failure_rates")
DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
AT = datetime(2026, 3, 3, 1, tzinfo=UTC)
STEPS = 5
"""Of a write: the doubt, the raw file, two tables, and the look."""


@dataclass(frozen=True)
class Days:
    """Writes days as the product does."""

    layout: Layout
    scratch: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.layout, SOURCE, TABLES)

    def write(self, day: date, read_id: str, steps: int = STEPS) -> None:
        """All of a reading of a day, or its first `steps`, before the process is killed."""
        for step in [self._doubt, self.read, *map(self._build, TABLES), self._look][:steps]:
            step(day, read_id)

    def says(self, days: Sequence[date]) -> Rows:
        """What the files say, all of which are read."""
        return self.ledger.looked(days, {})

    def _doubt(self, day: date, _read_id: str) -> None:
        doubt(self.layout, SOURCE, DayRange(day, day))

    def read(self, day: date, read_id: str) -> None:
        with closing(Spool(self.scratch / f"{read_id}-{day}")) as spool:
            spool.append(pa.array([read_id]), b'{"id":"%b"}\n' % read_id.encode(), AT)
            store_day(DayFiles(self.layout, SOURCE, day), spool, Read(read_id, AT, AT), "id")

    def _build(self, name: str) -> Callable[[date, str], None]:
        def build(day: date, _read_id: str) -> None:
            read = stat_day(self.layout.day_file(RAW_RUNS, SOURCE, day)).read
            table = pa.table({"by": [read.read_id]})
            store_table(self.layout, name, SOURCE, day, table, Lineage(read, 0, True, "1"))

        return build

    def _look(self, day: date, _read_id: str) -> None:
        self.ledger.look_again([day])


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.cluster)])
def days(request: pytest.FixtureRequest, tmp_path: Path) -> Days:
    root = tmp_path / "data" if request.param == "folder" else request.getfixturevalue("bucket_url")
    return Days(Layout(root), tmp_path)


@pytest.fixture
def on_a_disk(tmp_path: Path) -> Days:
    return Days(Layout(tmp_path / "data"), tmp_path)


def test_a_row_says_what_the_files_do(days: Days) -> None:
    days.write(DAY, "a")
    read = Read("a", AT, AT)
    row = days.ledger.known()[DAY]
    assert row.raw is not None
    assert (row.raw.read, row.raw.rows, row.damage, row.in_doubt) == (read, 1, None, False)
    assert row.tables == dict.fromkeys(TABLES, BuiltTable("1", 0, True, 0, 0, None))
    versions = {name: days.layout.day_file(name, SOURCE, DAY).version() for name in (RAW_RUNS, *TABLES)}
    assert row.versions == versions
    assert days.ledger.rows([DAY], turn=0) == days.says([DAY]) == {DAY: row}


def test_a_table_that_does_not_follow_from_the_newest_reading_says_from_which_it_does(days: Days) -> None:
    days.write(DAY, "a")
    days.write(DAY, "b", steps=3)
    days.ledger.look_again([DAY])
    row = days.ledger.known()[DAY]
    assert [row.tables[name].read for name in TABLES] == [None, Read("a", AT, AT)]


@pytest.mark.parametrize("steps", range(1, STEPS))
def test_what_a_killed_process_leaves_is_in_doubt_and_looked_at(days: Days, steps: int) -> None:
    days.write(DAY, "a")
    days.write(NEXT, "a")
    days.write(DAY, "b", steps)
    known = days.ledger.known()
    assert [known[day].in_doubt for day in (DAY, NEXT)] == [True, False]
    assert days.ledger.rows([DAY, NEXT], turn=0) == days.says([DAY, NEXT]) == days.ledger.known()


@settings(max_examples=40)
@given(writes=st.lists(st.tuples(st.sampled_from([DAY, NEXT]), st.integers(1, STEPS)), max_size=6), looks=st.booleans())
def test_a_row_without_doubt_is_right_whenever_writers_are_killed(writes: list[tuple[date, int]], looks: bool) -> None:
    with TemporaryDirectory() as folder:
        days = Days(Layout(Path(folder, "data")), Path(folder))
        for number, (day, steps) in enumerate(writes):
            days.write(day, str(number), steps)
            known = days.ledger.known()
            sure = [day for day, row in known.items() if not row.in_doubt]
            assert {day: known[day] for day in sure} == days.says(sure)
            if looks:
                days.ledger.rows([DAY], turn=0)


def wrong(days: Days, version: int = VERSION) -> bytes:
    """A ledger in which a day that was written has no raw file, in the right version of all files, and one is extra."""
    row = days.ledger.known()[DAY]
    rows = dict.fromkeys([DAY, NEXT + timedelta(days=9)], (row.versions, None, None, 0, False))
    document = {"version": version, "tables": sorted(TABLES), "built": [row.tables], "rows": rows}
    return zstandard.compress(msgspec.json.encode(document))


@pytest.mark.parametrize("how", ["missing", "empty", "no ledger", "cut", "of another version"])
def test_a_ledger_that_is_of_no_use_is_made_again(days: Days, how: str) -> None:
    days.write(DAY, "a")
    days.write(NEXT, "a")
    file = days.layout.ledger_file(SOURCE)
    contents = {
        "empty": b"",
        "no ledger": zstandard.compress(b"[]"),
        "cut": (file.content() or b"")[:-10],
        "of another version": wrong(days, VERSION + 1),
    }
    if how == "missing":
        file.remove()
    else:
        file.replace(contents[how])
    assert days.ledger.rows([]) == days.says([DAY, NEXT]) == days.ledger.known()


def test_the_first_ledger_of_a_folder_knows_all_of_its_days(days: Days) -> None:
    """Those who come from a version without one ask for days that no run writes."""
    days.write(DAY, "a", steps=STEPS - 1)
    days.write(NEXT, "a")
    assert days.ledger.known()[DAY].in_doubt
    assert days.ledger.rows() == days.ledger.known() == days.says([DAY, NEXT])


def test_a_look_at_many_days_that_is_killed_has_kept_a_part(on_a_disk: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(Ledger):
        def looked(self, days: Collection[date] | None, known: Rows) -> Rows:
            if days and DAY in days:
                raise KeyboardInterrupt
            return super().looked(days, known)

    many = [DAY + timedelta(days=number) for number in range(5)]
    for day in many:
        on_a_disk.read(day, "a")
    monkeypatch.setattr(ledger, "KEPT_AT_ONCE", 2)
    with pytest.raises(KeyboardInterrupt):
        Killed(on_a_disk.layout, SOURCE, TABLES).rows()
    kept = on_a_disk.ledger.known()
    assert [kept[day].in_doubt for day in many] == [True, False, False, False, False]
    assert on_a_disk.ledger.rows() == on_a_disk.says(many) == on_a_disk.ledger.known()


def test_all_differences_are_found_by_a_comparison_and_put_right(days: Days) -> None:
    many = [DAY + timedelta(days=number) for number in range(4)]
    for day in many:
        days.write(day, "a")
    days.write(many[0], "b", steps=2)  # in doubt, and so not wrong
    days.layout.day_file("runs", SOURCE, many[1]).remove()
    days.read(many[2], "b")
    days.read(NEXT + timedelta(days=40), "a")  # not known at all
    rows, wrong = days.ledger.compared()
    assert wrong == {many[1], many[2]}
    assert rows == days.says([*many, NEXT + timedelta(days=40)]) == days.ledger.known()
    assert days.ledger.compared() == (rows, set())


def test_a_rebuilt_ledger_is_made_of_the_files_alone(days: Days) -> None:
    days.write(DAY, "a")
    days.layout.ledger_file(SOURCE).replace(wrong(days))
    assert days.ledger.rows([DAY], turn=0)[DAY].raw is None
    assert days.ledger.rebuild() == days.says([DAY]) == days.ledger.known()


@pytest.mark.parametrize("is_damaged", [True, False])
def test_what_another_version_knows_is_forgotten_before_a_day_changes(days: Days, is_damaged: bool) -> None:
    """Its rows cannot be put in doubt, and it must not find them as they were."""
    days.write(DAY, "a")
    content = b"" if is_damaged else wrong(days, VERSION + 1)
    days.layout.ledger_file(SOURCE).replace(content)
    days.write(DAY, "b", steps=1)
    assert days.layout.ledger_file(SOURCE).content() != content
    assert days.ledger.known() == {}


def test_a_ledger_of_other_tables_is_not_used(days: Days) -> None:
    days.write(DAY, "a")
    other = Ledger(days.layout, SOURCE, ["runs"])
    assert other.known() == {}
    assert other.rows([DAY], turn=0)[DAY].tables.keys() == {"runs"}


@pytest.mark.parametrize("bit", [4, 128])
def test_a_bit_that_changes_in_the_ledger_is_noticed(on_a_disk: Days, bit: int) -> None:
    """One of them says how long the size of the content is; that is too large for any memory then."""
    on_a_disk.write(DAY, "a")
    path = on_disk(on_a_disk.layout.ledger_file(SOURCE))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
        assert on_a_disk.ledger.known() in ({}, on_a_disk.says([DAY]))


def test_files_of_a_backup_are_noticed(on_a_disk: Days, tmp_path: Path) -> None:
    """They are older than the ledger says, and one is gone."""
    on_a_disk.write(DAY, "a")
    on_a_disk.write(NEXT, "a")
    data, backup = folder_of(on_a_disk.layout), tmp_path / "backup"
    shutil.copytree(data, backup)
    on_a_disk.write(DAY, "b")
    for name in (RAW_RUNS, *TABLES):
        shutil.rmtree(data / name)
        shutil.copytree(backup / name, data / name)
    on_disk(on_a_disk.layout.day_file("runs", SOURCE, NEXT)).unlink()
    rows = on_a_disk.ledger.rows([DAY, NEXT], turn=0)
    assert rows == on_a_disk.says([DAY, NEXT]) == on_a_disk.ledger.known()
    assert rows[DAY].raw == stat_day(on_a_disk.layout.day_file(RAW_RUNS, SOURCE, DAY))
    assert rows[NEXT].tables.keys() == {"failure_rates"}


def test_what_cannot_be_read_for_a_while_is_looked_at_again(on_a_disk: Days) -> None:
    on_a_disk.write(DAY, "a")
    path = on_disk(on_a_disk.layout.day_file(RAW_RUNS, SOURCE, DAY))
    kept = path.rename(path.with_name("kept"))
    path.mkdir()
    row = on_a_disk.ledger.rows([DAY], turn=0)[DAY]
    assert (row.raw, row.in_doubt) == (None, True)
    assert "Could not read" in (row.damage or "")
    path.rmdir()
    kept.rename(path)
    assert on_a_disk.ledger.rows([DAY], turn=0) == on_a_disk.says([DAY])
    assert not on_a_disk.ledger.known()[DAY].in_doubt


def test_a_damaged_raw_file_is_known_as_such(on_a_disk: Days) -> None:
    on_a_disk.write(DAY, "a")
    path = on_disk(on_a_disk.layout.day_file(RAW_RUNS, SOURCE, DAY))
    path.write_bytes(path.read_bytes()[:-1])
    row = on_a_disk.ledger.rows([DAY], turn=0)[DAY]
    assert (row.raw, row.in_doubt) == (None, False)
    assert str(path) in (row.damage or "")


def test_a_damaged_raw_file_that_is_mended_is_noticed_by_a_comparison(on_a_disk: Days) -> None:
    """Both the damage and the restoration leave it its time."""
    on_a_disk.write(DAY, "a")
    path = on_disk(on_a_disk.layout.day_file(RAW_RUNS, SOURCE, DAY))
    whole, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(bytes(len(whole)))
    os.utime(path, ns=times)
    assert on_a_disk.ledger.rebuild()[DAY].damage
    path.write_bytes(whole)
    os.utime(path, ns=times)
    assert on_a_disk.ledger.compared() == (on_a_disk.says([DAY]), set())
    assert on_a_disk.ledger.known()[DAY].raw is not None


def test_days_take_turns_in_their_order(on_a_disk: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a part of them is one span, and none is left out by processes that hold them in another order."""
    many = [DAY + timedelta(days=number) for number in range(12)]
    for day in many:
        on_a_disk.read(day, "a")
    on_a_disk.ledger.rows()
    for day in many:
        on_a_disk.layout.day_file(RAW_RUNS, SOURCE, day).remove()
    monkeypatch.setattr(ledger, "DAYS_ON_A_DISK", 4)
    rows = on_a_disk.ledger.rows(turn=1)
    assert [day for day in many if not rows[day].versions] == many[4:8]


def test_while_another_process_writes_nothing_is_kept(days: Days) -> None:
    days.write(DAY, "a")
    days.write(DAY, "b", steps=2)
    with days.layout.lock_file(SOURCE).held(SOURCE):
        assert days.ledger.rows([DAY], turn=0) == days.says([DAY])
    assert days.ledger.known()[DAY].in_doubt


def test_a_look_that_another_writer_overtakes_is_done_again(days: Days) -> None:
    """As it happens to a machine that stood still, in a bucket."""

    class Overtaken(Ledger):
        def looked(self, days: Collection[date] | None, known: Rows) -> Rows:
            seen = super().looked(days, known)
            if others:
                write(DAY, others.pop())
            return seen

    others, write = ["b"], days.write
    days.write(DAY, "a", steps=STEPS - 1)
    Overtaken(days.layout, SOURCE, TABLES).look_again([DAY])
    row = days.ledger.known()[DAY]
    assert row.raw is not None
    assert row.raw.read.read_id == "b"
    assert {DAY: row} == days.says([DAY])


@pytest.mark.cluster
def test_rows_that_are_known_take_two_requests(bucket_url: str, tmp_path: Path, way: FaultyWay) -> None:
    days = Days(Layout(bucket_url), tmp_path)
    many = [DAY + timedelta(days=number) for number in range(12)]
    for day in many:
        days.write(day, "a")
    for turn in range(6):
        way.asked.clear()
        assert days.ledger.rows(many, turn).keys() == {*many}
        assert way.asked == ["GET", "GET"]


@pytest.mark.cluster
def test_an_object_that_was_put_without_the_ledger_is_found_in_turn(bucket_url: str, tmp_path: Path) -> None:
    days = Days(Layout(bucket_url), tmp_path)
    days.write(DAY, "a")
    days.layout.day_file("failure_rates", SOURCE, DAY).remove()
    found = [days.ledger.rows([DAY], turn)[DAY].tables.keys() for turn in range(4)]
    assert found == [{*TABLES}] * 3 + [{"runs"}]
