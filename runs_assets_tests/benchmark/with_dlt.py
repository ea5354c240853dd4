"""The same day with dlt's REST API source and its paginators, into Parquet files; it needs the extra `comparison`.

`python -m runs_assets_tests.benchmark.with_dlt SOURCE URL DAY FIRST COUNT FOLDER` prints `{"rows": ...}`.
"""

import json
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dlt
import pyarrow.dataset as ds
from dlt.sources.rest_api import rest_api_resources

from runs_assets_tests.benchmark.vendor_pages import PAGE_ROWS

SENSITIVE = ("cli-command", "registered-secrets", "authentications", "connector-setup-config")


def load(config: Any, folder: Path) -> int:
    """Load a resource into Parquet files; returns the number of rows."""
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.filesystem((folder / "loaded").as_uri()),
        dataset_name="platform",
    )
    pipeline.run(rest_api_resources(config), loader_file_format="parquet")
    rows: int = ds.dataset(folder / "loaded" / "platform" / "runs", format="parquet").count_rows()
    return rows


def configuration(source: str, url: str, day: date, first: int, count: int) -> Any:
    """The list of runs as a resource."""
    endpoint = _cloudcruise(day) if source == "cloudcruise" else _productsup(first, count)
    resource = {
        "name": "runs",
        "write_disposition": "append",
        "max_table_nesting": 0,
        "processing_steps": [{"map": _without_secrets}],
        "endpoint": {"path": "runs", **endpoint},
    }
    return {"client": {"base_url": f"{url}/"}, "resources": [resource]}


def _cloudcruise(day: date) -> dict[str, Any]:
    return {
        "params": {
            "start_time": f"{day}T00:00:00Z",
            "cursor": f"{day + timedelta(days=1)}T00:00:00Z",
            "limit": PAGE_ROWS["cloudcruise"],
        },
        "data_selector": "$",
        "paginator": {"type": "cursor", "cursor_path": "$[-1].created_at", "cursor_param": "cursor"},
    }


def _productsup(first: int, count: int) -> dict[str, Any]:
    return {
        "data_selector": "data",
        "paginator": {
            "type": "offset",
            "offset": first,
            "maximum_offset": first + count,
            "limit": PAGE_ROWS["productsup"],
            "offset_param": "from",
            "limit_param": "limit",
            "total_path": None,
        },
    }


def _without_secrets(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in SENSITIVE}


def main() -> None:
    """Read a day and say how many rows it had."""
    source, url, day, first, count, folder = sys.argv[1:]
    config = configuration(source, url, date.fromisoformat(day), int(first), int(count))
    print(json.dumps({"rows": load(config, Path(folder))}))  # noqa: T201


if __name__ == "__main__":
    main()
