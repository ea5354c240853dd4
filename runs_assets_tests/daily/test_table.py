"""Daily tables of days with few runs and with many."""

from pathlib import Path

import pyarrow as pa
import pytest

from runs_assets.daily.table import DailyTable, build_days
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.days import DayRange
from runs_assets.settings import project_settings
from runs_assets.settling.rules import Rules
from runs_assets.storage import tables
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table
from runs_assets_tests.checks.stored import CLOUDCRUISE, YESTERDAY, Stored, two_runs


def test_texts_that_are_read_as_dictionaries_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def built(folder: str) -> list[pa.Table]:
        with Stored.below(tmp_path / folder) as stored:
            stored.read(YESTERDAY, two_runs(YESTERDAY))
            return [loaded(stored.layout, table) for table in DAILY_TABLES]

    def loaded(layout: Layout, table: DailyTable) -> pa.Table:
        [_] = build_days(table, CLOUDCRUISE, DayRange(YESTERDAY, YESTERDAY), layout, Rules.of(project_settings()))
        names = table.schema.names
        return load_table(layout, table.name, CLOUDCRUISE.name, YESTERDAY, names, repeating=names)[0]

    few = built("few")
    monkeypatch.setattr(tables, "FEW_ROWS", 0)
    many = built("many")
    assert [table.to_pydict() for table in few] == [table.to_pydict() for table in many]
    assert [pa.types.is_dictionary(table[0]["run_id"].type) for table in (few, many)] == [False, True]
