"""Each normalizer, and each daily table, gives the rows that were worked out by hand for a small input."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.daily.failure_rates import FAILURE_RATES, failure_rates
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS, run_status_counts
from runs_assets.normalizing.columns import raw_rows
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.sources.source import Source
from runs_assets_tests.golden.files import check

INPUT = Path(__file__).parent / "input"


def runs_of_a_day() -> pa.Table:
    """Those columns of `runs` that a daily table needs; of three pipelines, one of them unknown."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in (INPUT / "runs.jsonl").read_text().splitlines()]
    for row in rows:
        row |= {name: row[name] and datetime.fromisoformat(row[name]) for name in row if name.endswith("_at")}
    return pa.Table.from_pylist(rows, pa.schema([RUNS_SCHEMA.field(name) for name in rows[0]]))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_normalizer(source: Source) -> None:
    lines = (INPUT / f"{source.platform}.jsonl").read_bytes()
    rows = source.normalize(raw_rows(lines, source.shape)).to_pylist()
    where = f"runs_assets/sources/{source.platform}/normalize.py (`VERSION`)"
    check(source.platform, source.normalizer_version, rows, where, by_hand=True)


def test_run_status_counts() -> None:
    rows = run_status_counts(runs_of_a_day().select(RUN_STATUS_COUNTS.needs)).to_pylist()
    check("run_status_counts", RUN_STATUS_COUNTS.version, rows, "runs_assets/daily/run_status_counts.py", by_hand=True)


def test_failure_rates() -> None:
    rows = failure_rates(runs_of_a_day().select(FAILURE_RATES.needs), is_final=True).to_pylist()
    check("failure_rates", FAILURE_RATES.version, rows, "runs_assets/daily/failure_rates.py", by_hand=True)
