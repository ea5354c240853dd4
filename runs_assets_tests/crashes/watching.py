"""Looking at a data folder after a kill: every file is the old one, byte for byte, or a whole new one."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pandas as pd
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.storage.layout import QUARANTINE, RAW_RUNS, Layout
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.storage.raw import blocks, stat_day
from runs_assets.storage.tables import load_table
from runs_assets_tests.crashes.truth import DAYS, Counts, Stored, stored
from runs_assets_tests.files_on_disk import folder_of, on_disk, stored_file

SOURCE = "cloudcruise"
DATA_SETS = (RAW_RUNS, RUNS.name, RUN_STATUS_COUNTS.name, FAILURE_RATES.name, QUARANTINE)


@dataclass
class Watch:
    """What was seen of a data folder so far. `_readings` has each raw file's content by its day and reading."""

    layout: Layout
    _files: dict[Path, bytes] = field(default_factory=dict)
    _readings: dict[tuple[date, str], Stored] = field(default_factory=dict)

    def check(self, version: int) -> None:
        """Nothing but what was there before, or what follows from reading `version`; nothing else counts as data."""
        now = files(self.layout)
        expected = {on_disk(self.layout.day_file(dataset, SOURCE, day)) for dataset in DATA_SETS for day in DAYS}
        assert now.keys() <= expected
        assert self._files.keys() <= now.keys()
        changed = {path for path, content in now.items() if self._files.get(path) != content}
        for day in DAYS:
            self._check_raw(day, version, changed)
            self._check_tables(day)
            self._check_quarantine(day, version, changed)
        self._files = now

    def check_is_done(self, version: int) -> None:
        """Every day follows from reading `version`, and readers of the data sets find just that."""
        assert len(files(self.layout)) == len(DATA_SETS) * len(DAYS)
        for day in DAYS:
            reading = stat_day(self.layout.day_file(RAW_RUNS, SOURCE, day)).read.read_id
            assert self._readings[day, reading] == stored(version, day)
            for dataset in (RUNS.name, RUN_STATUS_COUNTS.name, FAILURE_RATES.name):
                _, lineage = load_table(self.layout, dataset, SOURCE, day, [])
                assert lineage.read.read_id == reading
            assert [line["run"]["session_id"] for line in load_quarantine(self.layout, SOURCE, day)] == [
                f"bad {version}"
            ]
        check_readers(self.layout, sum(len(stored(version, day)) for day in DAYS))

    def _check_raw(self, day: date, version: int, changed: set[Path]) -> None:
        path = on_disk(self.layout.day_file(RAW_RUNS, SOURCE, day))
        if not path.exists():
            return
        found = lines(path)
        if path in changed:
            assert found == stored(version, day)
        raw = stat_day(stored_file(path))
        assert raw.rows == len(found)
        self._readings[day, raw.read.read_id] = found

    def _check_tables(self, day: date) -> None:
        """Each follows from one reading, whichever."""
        for dataset in (RUNS.name, RUN_STATUS_COUNTS.name, FAILURE_RATES.name):
            if on_disk(self.layout.day_file(dataset, SOURCE, day)).exists():
                self._check_table(dataset, day)

    def _check_table(self, dataset: str, day: date) -> None:
        columns = {
            RUNS.name: ["run_id", "raw_status"],
            RUN_STATUS_COUNTS.name: ["runs", "raw_status"],
            FAILURE_RATES.name: ["runs", "failed", "succeeded"],
        }[dataset]
        table, lineage = load_table(self.layout, dataset, SOURCE, day, columns)
        raw = self._readings[day, lineage.read.read_id]
        if dataset == RUNS.name:
            found = dict(zip(*(table[name].to_pylist() for name in columns), strict=True))
            assert len(found) == table.num_rows
            assert found == {run: status for run, (status, _) in raw.items()}
        elif dataset == FAILURE_RATES.name:
            assert Counts(*(pc.sum(table[name]).as_py() for name in columns)) == Counts.of(raw)
        else:
            assert pc.sum(table["runs"]).as_py() == len(raw)

    def _check_quarantine(self, day: date, version: int, changed: set[Path]) -> None:
        found = [line["run"]["session_id"] for line in load_quarantine(self.layout, SOURCE, day)]
        if on_disk(self.layout.day_file(QUARANTINE, SOURCE, day)) in changed:
            assert found == [f"bad {version}"]


def files(layout: Layout) -> dict[Path, bytes]:
    """Every file below a folder that readers take for a data set."""
    return {path: path.read_bytes() for path in folder_of(layout).glob("[!.]*/**/*") if path.is_file()}


def lines(path: Path) -> Stored:
    """A raw file's content; its ids are unique."""
    found = [orjson.loads(line) for block in blocks(stored_file(path)) for line in block.splitlines()]
    by_id: dict[str, Any] = {line["run"]["session_id"]: (line["run"]["status"], line["observed_at"]) for line in found}
    assert len(by_id) == len(found)
    return by_id


def check_readers(layout: Layout, runs: int) -> None:
    """Pandas and DuckDB, pointed at the data sets, count as many runs as there are."""
    root = folder_of(layout)
    raw = f"select count(*) from read_json('{root}/raw_runs/**/*.jsonl.zst')"
    tables = f"select count(*) from read_parquet('{root}/runs/**/*.parquet', hive_partitioning = true)"
    counted = f"select sum(runs) from read_parquet('{root}/run_status_counts/**/*.parquet')"
    with duckdb.connect() as connection:
        for query in (raw, tables, counted):
            assert connection.execute(query).fetchall() == [(runs,)]
    assert len(pd.read_parquet(root / "runs")) == runs
    assert pd.read_parquet(root / "failure_rates")["runs"].sum() == runs
