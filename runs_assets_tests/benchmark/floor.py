"""The floor: the least that any reader of these APIs does, written by hand with httpx, orjson and pyarrow.

It reads every page of one day and writes one Parquet file with the columns of `runs` that the platform has, times cast.
It has none of what this project is for: no retry, no check of any kind, no overlap (rows that share the second of a
CloudCruise page's edge are lost, as with the vendor's own recipe), no raw copy, no merging, no metrics. For Productsup
it is even told the offset at which the day begins.

`python -m runs_assets_tests.benchmark.floor SOURCE URL DAY FIRST COUNT FILE` prints `{"seconds": ..., "rows": ...}`.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

PAGE_ROWS = {"cloudcruise": 10_000, "productsup": 1_000}
INSTANT = pa.timestamp("us", "UTC")
COLUMNS: dict[str, dict[str, tuple[str, pa.DataType]]] = {
    "cloudcruise": {
        "run_id": ("session_id", pa.string()),
        "raw_status": ("status", pa.string()),
        "created_at": ("created_at", INSTANT),
        "started_at": ("execution_start", INSTANT),
        "finished_at": ("execution_end", INSTANT),
        "pipeline_id": ("workflow_id", pa.string()),
        "workspace_id": ("workspace_id", pa.string()),
        "dry_run": ("dry_run", pa.bool_()),
    },
    "productsup": {
        "run_id": ("id", pa.string()),
        "raw_status": ("state", pa.string()),
        "created_at": ("created-at", INSTANT),
        "started_at": ("started-at", INSTANT),
        "finished_at": ("finished-at", INSTANT),
        "pipeline_id": ("connector-id", pa.string()),
        "pipeline_version": ("connector-version", pa.string()),
        "workspace_id": ("account-id", pa.int64()),
        "workspace_name": ("account-name", pa.string()),
        "project_id": ("project-id", pa.int64()),
        "project_name": ("project-name", pa.string()),
        "site_id": ("site-id", pa.int64()),
        "site_name": ("site-name", pa.string()),
        "process_id": ("process-id", pa.string()),
        "exit_code": ("exit-code", pa.int32()),
    },
}


def cloudcruise_pages(http: httpx.Client, day: date) -> Iterator[list[dict[str, Any]]]:
    """The vendor's recipe: the next cursor is the last row's time, and a short page is the end."""
    limit = PAGE_ROWS["cloudcruise"]
    params: dict[str, str | int] = {"start_time": f"{day}T00:00:00Z", "limit": limit}
    cursor = f"{day + timedelta(days=1)}T00:00:00Z"
    while True:
        rows = orjson.loads(http.get("runs", params={**params, "cursor": cursor}).raise_for_status().content)
        yield rows
        if len(rows) < limit:
            return
        cursor = rows[-1]["created_at"]


def productsup_pages(http: httpx.Client, first: int, count: int) -> Iterator[list[dict[str, Any]]]:
    """Offset after offset, from `first` on, until `count` rows were asked for."""
    limit = PAGE_ROWS["productsup"]
    for offset in range(first, first + count, limit):
        params = {"from": offset, "limit": min(limit, first + count - offset)}
        yield orjson.loads(http.get("runs", params=params).raise_for_status().content)["data"]


def write(pages: Iterator[list[dict[str, Any]]], source: str, file: Path) -> int:
    """One Parquet file of all pages; returns the number of rows."""
    columns = COLUMNS[source]
    schema = pa.schema([(name, kind) for name, (_, kind) in columns.items()])
    tables = [
        pa.table([_column([row[name] for row in rows], kind) for name, kind in columns.values()], schema=schema)
        for rows in pages
    ]
    table = pa.concat_tables(tables)
    pq.write_table(table, file, compression="zstd")
    rows: int = table.num_rows
    return rows


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.string()).cast(kind) if kind == INSTANT else pa.array(values, kind)


def main() -> None:
    """Read a day and say how long it took."""
    source, url, day, first, count, file = sys.argv[1:]
    begun = time.perf_counter()
    with httpx.Client(base_url=f"{url}/") as http:
        pages = (
            cloudcruise_pages(http, date.fromisoformat(day))
            if source == "cloudcruise"
            else productsup_pages(http, int(first), int(count))
        )
        rows = write(pages, source, Path(file))
    print(json.dumps({"seconds": time.perf_counter() - begun, "rows": rows}))  # noqa: T201


if __name__ == "__main__":
    main()
