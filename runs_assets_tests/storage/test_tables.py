"""A day's Parquet file says what it was built from, and is read as part of a hive-partitioned data set."""

from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runs_assets.errors import DamagedFileError, StorageError
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage, load_lineage, load_table, replacing_table
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.storage.tables_of_days import store_table

DAY = date(2026, 3, 17)
AT = datetime(2026, 3, 19, 1, 2, 3, 450_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "lineage",
    [
        Lineage(Read("r", AT, AT), open_runs=0, settled=True, code_version="1/2"),
        Lineage(Read("r", AT, None), open_runs=0, settled=False, code_version=""),
    ],
)
def test_the_lineage_comes_back(tmp_path: Path, lineage: Lineage) -> None:
    layout = Layout(tmp_path)
    store_table(layout, "runs", "s", DAY, pa.table({"a": [1, 2], "b": ["x", None]}), lineage)
    table, found = load_table(layout, "runs", "s", DAY, ["b"])
    assert found == lineage
    assert table.to_pydict() == {"b": ["x", None]}


def test_a_lineage_that_is_older_than_its_counts_has_none() -> None:
    lineage = Lineage(Read("r", AT, AT), open_runs=0, settled=True, code_version="1")
    counts = {"open_runs", "assumed_utc", "unreadable_times"}
    former = {name: value for name, value in lineage.to_metadata().items() if name not in counts}
    assert Lineage.of(pa.schema([], former)) == lineage


def test_pandas_and_duckdb_see_the_source_and_the_date(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for source, day in (("s", DAY), ("t", date(2026, 3, 18))):
        lineage = Lineage(Read("r", AT, AT), open_runs=0, settled=True, code_version="1")
        store_table(layout, "runs", source, day, pa.table({"a": [1, 2]}), lineage)
    frame = pd.read_parquet(tmp_path / "runs")
    assert frame.groupby(["source", "date"], observed=True).size().to_dict() == {
        ("s", "2026-03-17"): 2,
        ("t", "2026-03-18"): 2,
    }
    query = f"select source, cast(date as varchar), sum(a) from read_parquet('{tmp_path}/runs/**/*.parquet') group by all order by all"
    assert duckdb.connect().execute(query).fetchall() == [("s", "2026-03-17", 3), ("t", "2026-03-18", 3)]


def test_a_missing_file_names_what_to_materialize(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Materialize s/runs for that day first"):
        load_table(Layout(tmp_path), "runs", "s", DAY, ["a"])


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    file = store_table(
        layout,
        "runs",
        "s",
        DAY,
        pa.table({"a": [1]}),
        Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1"),
    )
    on_disk(file).write_bytes(on_disk(file).read_bytes()[:-5])
    with pytest.raises(StorageError, match=r"date=2026-03-17/part-0.parquet is damaged"):
        load_table(layout, "runs", "s", DAY, ["a"])


def test_a_file_of_somebody_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = on_disk(Layout(tmp_path).day_file("runs", "s", DAY))
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(StorageError, match="is damaged"):
        load_table(Layout(tmp_path), "runs", "s", DAY, ["a"])


def test_no_changed_byte_goes_unnoticed(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    lineage = Lineage(Read("r", AT, AT), open_runs=0, settled=True, code_version="1")
    path = on_disk(store_table(layout, "runs", "s", DAY, pa.table({"a": [1, 2, 3], "b": ["x", None, "zz"]}), lineage))
    whole = path.read_bytes()
    chance = Random(1)
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= chance.randint(1, 255)
        path.write_bytes(changed)
        with pytest.raises(
            DamagedFileError, match=r"date=2026-03-17/part-0.parquet is damaged: .* s/runs for 2026-03-17"
        ):
            load_table(layout, "runs", "s", DAY, ["a"])


def test_a_changed_footer_is_noticed_by_who_only_wants_the_lineage(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    lineage = Lineage(Read("r", AT, AT), open_runs=0, settled=True, code_version="1")
    path = on_disk(store_table(layout, "runs", "s", DAY, pa.table({"a": [1, 2, 3]}), lineage))
    assert load_lineage(layout, "runs", "s", DAY) == lineage
    path.write_bytes(path.read_bytes().replace(b"settled\x18\x04true", b"settled\x18\x04trux"))
    with pytest.raises(DamagedFileError, match="its footer has changed since it was written"):
        load_lineage(layout, "runs", "s", DAY)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"x" * 7, b"\xff" * 20, b"\0" * 5000])
def test_what_is_no_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = on_disk(Layout(tmp_path).day_file("runs", "s", DAY))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for load in (
        lambda: load_table(Layout(tmp_path), "runs", "s", DAY, []),
        lambda: load_lineage(Layout(tmp_path), "runs", "s", DAY),
    ):
        with pytest.raises(DamagedFileError, match=r"part-0.parquet is damaged"):
            load()


def test_the_pages_have_checksums_of_their_own_for_other_readers(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    lineage = Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1")
    rows = pa.table({"a": [f"{n * n:09d}" for n in range(3000)]})
    path = on_disk(store_table(layout, "runs", "s", DAY, rows, lineage))
    column = pq.read_metadata(path).row_group(0).column(0)
    middle = column.data_page_offset + column.total_compressed_size // 4
    content = bytearray(path.read_bytes())
    content[middle] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="could not verify page integrity, CRC checksum"):
        pq.read_table(path, page_checksum_verification=True)


def test_a_file_without_a_column_that_is_asked_for_is_named(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    lineage = Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1")
    store_table(layout, "runs", "s", DAY, pa.table({"a": [1]}), lineage)
    with pytest.raises(
        StorageError, match=r"part-0.parquet is damaged: it lacks b, c, .* Materialize s/runs for 2026-03-17 again"
    ):
        load_table(layout, "runs", "s", DAY, ["c", "a", "b"])


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    on_disk(Layout(tmp_path).day_file("runs", "s", DAY)).mkdir(parents=True)
    with pytest.raises(StorageError, match=r"Could not read .*part-0.parquet: Is a directory"):
        load_table(Layout(tmp_path), "runs", "s", DAY, ["a"])


def test_only_values_that_repeat_have_a_dictionary(tmp_path: Path) -> None:
    layout, lineage = Layout(tmp_path), Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1")
    rows = {"id": [f"{n:05d}" for n in range(3000)], "word": ["a", "b", None] * 1000, "list": [["a"], [], None] * 1000}
    path = store_table(layout, "runs", "s", DAY, pa.table(rows), lineage)
    group = pq.read_metadata(on_disk(path)).row_group(0)
    assert [group.column(n).has_dictionary_page for n in range(2)] == [False, True]
    assert load_table(layout, "runs", "s", DAY, list(rows))[0].to_pydict() == rows


def test_rows_that_arrive_in_pieces_become_whole_row_groups(tmp_path: Path) -> None:
    file = Layout(tmp_path).day_file("runs", "s", DAY)
    schema = pa.schema([pa.field("a", pa.int64(), metadata={"description": "a number"})])
    with replacing_table(file, schema) as out:
        for start, stop in ((0, 131_071), (131_071, 131_074), (131_074, 400_000)):
            out.write(pa.table({"a": range(start, stop)}, schema=schema))
        out.finish({"settled": "true"})
    found = pq.ParquetFile(on_disk(file))
    assert [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)] == [
        131_072,
        131_072,
        131_072,
        6_784,
    ]
    assert found.read()["a"].to_pylist() == list(range(400_000))
    assert found.schema_arrow.metadata == {b"settled": b"true"}
    assert found.schema_arrow.field("a").metadata == {b"description": b"a number"}
    assert (out.rows, out.first_rows.num_rows) == (400_000, 131_071)


def test_a_table_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    layout, lineage = Layout(tmp_path), Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1")
    file = store_table(layout, "runs", "s", DAY, pa.table({"a": [1]}), lineage)
    before = on_disk(file).read_bytes()
    two_groups = pa.table({"a": range(131_073)})
    with pytest.raises(pa.ArrowInvalid), replacing_table(file, two_groups.schema) as out:  # noqa: PT012
        out.write(two_groups)
        out.write(pa.table({"b": [1]}))
    assert on_disk(file).read_bytes() == before
