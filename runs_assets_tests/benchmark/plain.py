"""The loop that people write by hand, with httpx, json and pandas: pages, concat, drop_duplicates, to_parquet.

`python -m runs_assets_tests.benchmark.plain SOURCE URL DAY FIRST COUNT FILE` prints `{"rows": ...}`.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pandas as pd

from runs_assets_tests.benchmark.vendor_pages import cloudcruise_pages, productsup_pages

RUN_ID = {"cloudcruise": "session_id", "productsup": "id"}


def pages(source: str, http: httpx.Client, day: date, first: int, count: int) -> Iterator[list[Any]]:
    """The runs of a day as dictionaries, page by page."""
    if source == "cloudcruise":
        return cloudcruise_pages(http, day, json.loads, lambda run: run["created_at"])
    return productsup_pages(http, first, count, lambda body: json.loads(body)["data"])


def write(source: str, pages: Iterator[list[Any]], file: str) -> int:
    """One Parquet file of all pages; returns the number of rows."""
    runs = pd.concat([pd.DataFrame(page) for page in pages if page]).drop_duplicates(RUN_ID[source])
    runs.to_parquet(file)
    return len(runs)


def main() -> None:
    """Read a day and say how many rows it had."""
    source, url, day, first, count, file = sys.argv[1:]
    with httpx.Client(base_url=f"{url}/") as http:
        read = pages(source, http, date.fromisoformat(day), int(first), int(count))
        print(json.dumps({"rows": write(source, read, file)}))  # noqa: T201


if __name__ == "__main__":
    main()
