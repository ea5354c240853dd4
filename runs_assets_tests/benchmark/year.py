"""A year of stored days to judge: `python -m runs_assets_tests.benchmark.year FOLDER RUNS` (RUNS a day).

The days are written as the assets leave them, without an API: 200 pipelines of one Productsup source, some much busier
than others, of which 10 % of the runs fail, 2 % are cancelled and a few never end. Of the last day only the half was
read. Prints JSON: `seconds`, `rows` and `pipelines`.
"""

import json
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from runs_assets.days import end_of, start_of, to_us
from runs_assets.storage.layout import Layout
from runs_assets.tables import TIMESTAMP
from runs_assets_tests.benchmark.history import uuids
from runs_assets_tests.verdicts.storing import runs_table, store_runs

SOURCE = "productsup"
LAST_DAY, DAYS, PIPELINES, SITES = date(2025, 12, 31), 365, 200, 50
READ_AFTER, SETTLED_AFTER = timedelta(hours=12), timedelta(days=1)
NOW = start_of(LAST_DAY) + READ_AFTER
STATUSES, SHARES = ["succeeded", "failed", "cancelled", "running"], [0.878, 0.1, 0.02, 0.002]
SECOND_US = 1_000_000


def columns(day: date, count: int, rng: np.random.Generator, pipelines: list[str]) -> dict[str, Any]:
    """The runs of a day, in order of creation; those created after `NOW` are left out."""
    midnight = to_us(start_of(day))
    created = midnight + np.sort(rng.integers(0, 86_400, count)) * SECOND_US
    created = created[created < to_us(NOW)]
    many = len(created)
    of = np.minimum(rng.exponential(PIPELINES / 4, many).astype(int), PIPELINES - 1)
    took = (rng.lognormal(4, 1, many).astype(np.int64) + 1) * SECOND_US
    status = np.array(STATUSES)[rng.choice(len(STATUSES), many, p=SHARES)]
    status[created + took >= to_us(NOW)] = "running"
    exit_codes = np.where(status == "failed", rng.choice([1, 2, 66, 137], many), 0)
    return {
        "run_id": uuids(range(many), rng),
        "status": status,
        "created_at": pa.array(created).cast(TIMESTAMP),
        "finished_at": pa.array(created + took, mask=status == "running").cast(TIMESTAMP),
        "pipeline_id": [pipelines[number] for number in of.tolist()],
        "pipeline_version": [f"2.{(day - LAST_DAY).days // 20 + number % 7 + 20}.0" for number in of.tolist()],
        "site_id": rng.integers(1000, 1000 + SITES, many).astype(str),
        "exit_code": pa.array(exit_codes, pa.int32(), mask=status == "running"),
    }


def write(layout: Layout, count: int) -> int:
    """Store the year; returns how many runs it holds."""
    rng = np.random.default_rng(DAYS)
    pipelines, rows = uuids(range(PIPELINES), rng), 0
    for back in range(DAYS):
        day = LAST_DAY - timedelta(days=back)
        runs = runs_table(columns(day, count, rng, pipelines))
        store_runs(layout, SOURCE, day, runs, _read_at(day), settled=_read_at(day) >= end_of(day) + SETTLED_AFTER)
        rows += runs.num_rows
    return rows


def _read_at(day: date) -> datetime:
    return min(end_of(day) + SETTLED_AFTER, NOW)


def main() -> None:
    """Write it into the folder that the arguments name."""
    folder, count = sys.argv[1:]
    begun = time.perf_counter()
    rows = write(Layout(Path(folder)), int(count))
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "rows": rows, "pipelines": PIPELINES}))  # noqa: T201


if __name__ == "__main__":
    main()
