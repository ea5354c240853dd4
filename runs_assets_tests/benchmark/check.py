"""Whether stored days hold exactly the runs that were served: without that, a speed means nothing.

`python -m runs_assets_tests.benchmark.check SOURCE DATA DAYS` (DAYS as JSON: the expected number of runs by day) prints
JSON: `faults`, what is wrong with them in sentences.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import zstandard

from runs_assets.storage.layout import Layout
from runs_assets_tests.benchmark.history import numbers_of
from runs_assets_tests.files_on_disk import on_disk

BLOCK_BYTES = 64 * io.DEFAULT_BUFFER_SIZE


def faults_of(layout: Layout, source: str, day: date, rows: int) -> Iterator[str]:
    """What is wrong with a day that should hold the runs numbered from 0 to `rows` (not included), in sentences."""
    counts: dict[str, Callable[[Path], int]] = {
        "raw_runs": _lines,
        "runs": lambda file: _different_runs(file, day),
        "run_status_counts": _sum_of_runs,
        "failure_rates": _sum_of_runs,
    }
    for dataset, count in counts.items():
        if (found := count(on_disk(layout.day_file(dataset, source, day)))) != rows:
            yield f"{dataset} of {source} for {day} holds {found:,} of {rows:,} runs"


def _lines(file: Path) -> int:
    with zstandard.open(file, "rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(BLOCK_BYTES), b""))


def _different_runs(file: Path, day: date) -> int:
    """The number of runs if they are numbered without a gap or a repetition and all of this day; -1 otherwise."""
    with pq.ParquetFile(file) as parquet:
        table = parquet.read(columns=["run_id", "created_at"])
    days = table["created_at"].to_numpy().astype("datetime64[D]")
    numbers = np.sort(numbers_of(table["run_id"].to_pylist()))
    is_whole = np.array_equal(numbers, np.arange(len(numbers))) and bool((days == np.datetime64(day)).all())
    return len(numbers) if is_whole else -1


def _sum_of_runs(file: Path) -> int:
    with pq.ParquetFile(file) as parquet:
        return sum(parquet.read(columns=["runs"])["runs"].to_pylist())


def main() -> None:
    """Check each day."""
    source, data, days = sys.argv[1:]
    layout = Layout(Path(data))
    faults = [
        fault
        for day, rows in json.loads(days).items()
        for fault in faults_of(layout, source, date.fromisoformat(day), rows)
    ]
    print(json.dumps({"faults": faults}))  # noqa: T201


if __name__ == "__main__":
    main()
