"""The floor: the fastest honest reader that can be written by hand, with httpx, msgspec and pyarrow.

It reads every page of one day and writes one Parquet file with the columns of `runs` that the platform has, times cast.
It has none of what this project is for: no retry, no check of any kind, no overlap (rows that share the second of a
CloudCruise page's edge are lost, as with the vendor's own recipe), no raw copy, no merging, no metrics. For Productsup
it is even told the offset at which the day begins.

`python -m runs_assets_tests.benchmark.floor SOURCE URL DAY FIRST COUNT FILE` prints `{"rows": ...}`.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import astuple

from runs_assets_tests.benchmark.vendor_pages import cloudcruise_pages, productsup_pages

INSTANT = pa.timestamp("us", "UTC")
UNIQUE = {"run_id", "process_id", "created_at", "started_at", "finished_at"}
"""Columns that a dictionary would only slow down."""


class CloudCruiseRun(msgspec.Struct, gc=False):
    """The fields that are read; all others are skipped."""

    session_id: str
    status: str
    created_at: str
    execution_start: str | None
    execution_end: str | None
    workflow_id: str
    workspace_id: str
    dry_run: bool


class ProductsupRun(msgspec.Struct, gc=False, rename="kebab"):
    """The fields that are read; all others are skipped, the sensitive ones too."""

    id: str
    state: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    connector_id: str
    connector_version: str
    account_id: int
    account_name: str
    project_id: int
    project_name: str
    site_id: int
    site_name: str
    process_id: str
    exit_code: int | None


class ProductsupPage(msgspec.Struct):
    """The envelope."""

    data: list[ProductsupRun]


COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "cloudcruise": {
        "run_id": pa.string(),
        "raw_status": pa.string(),
        "created_at": INSTANT,
        "started_at": INSTANT,
        "finished_at": INSTANT,
        "pipeline_id": pa.string(),
        "workspace_id": pa.string(),
        "dry_run": pa.bool_(),
    },
    "productsup": {
        "run_id": pa.string(),
        "raw_status": pa.string(),
        "created_at": INSTANT,
        "started_at": INSTANT,
        "finished_at": INSTANT,
        "pipeline_id": pa.string(),
        "pipeline_version": pa.string(),
        "workspace_id": pa.int64(),
        "workspace_name": pa.string(),
        "project_id": pa.int64(),
        "project_name": pa.string(),
        "site_id": pa.int64(),
        "site_name": pa.string(),
        "process_id": pa.string(),
        "exit_code": pa.int32(),
    },
}
"""In the order of the fields above."""


def pages(source: str, http: httpx.Client, day: date, first: int, count: int) -> Iterator[list[Any]]:
    """The runs of a day as structs, page by page."""
    if source == "cloudcruise":
        return cloudcruise_pages(
            http, day, msgspec.json.Decoder(list[CloudCruiseRun]).decode, lambda run: run.created_at
        )
    decode = msgspec.json.Decoder(ProductsupPage).decode
    return productsup_pages(http, first, count, lambda body: decode(body).data)


def write(source: str, pages: Iterator[list[Any]], file: Path) -> int:
    """One Parquet file of all pages; returns the number of rows."""
    schema = pa.schema(list(COLUMNS[source].items()))
    table = pa.concat_tables(_table(page, schema) for page in pages if page)
    pq.write_table(table, file, use_dictionary=[name for name in schema.names if name not in UNIQUE])
    rows: int = table.num_rows
    return rows


def _table(page: list[Any], schema: pa.Schema) -> pa.Table:
    columns = zip(*map(astuple, page), strict=True)
    arrays = [_column(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def _column(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.string()).cast(kind) if kind == INSTANT else pa.array(values, kind)


def main() -> None:
    """Read a day and say how many rows it had."""
    source, url, day, first, count, file = sys.argv[1:]
    with httpx.Client(base_url=f"{url}/") as http:
        read = pages(source, http, date.fromisoformat(day), int(first), int(count))
        print(json.dumps({"rows": write(source, read, Path(file))}))  # noqa: T201


if __name__ == "__main__":
    main()
