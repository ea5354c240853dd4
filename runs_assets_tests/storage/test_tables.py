"""A day's Parquet file says what it was built from, and is read as part of a hive-partitioned data set."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runs_assets.errors import StorageError
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.tables import Lineage, load_table, store_table

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
    path = store_table(
        layout,
        "runs",
        "s",
        DAY,
        pa.table({"a": [1]}),
        Lineage(Read("r", AT), open_runs=0, settled=False, code_version="1"),
    )
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(StorageError, match=r"date=2026-03-17/part-0.parquet is damaged"):
        load_table(layout, "runs", "s", DAY, ["a"])


def test_a_file_of_somebody_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = Layout(tmp_path).day_file("runs", "s", DAY)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(StorageError, match="is damaged"):
        load_table(Layout(tmp_path), "runs", "s", DAY, ["a"])
