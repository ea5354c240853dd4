"""The two sources as a good engineer would write them with dlt: its REST API source, its paginators, a merge by id.

Nothing is left out that dlt offers for this: the creation time is an incremental cursor with an attribution window
(`lag`), times of any offset are compared as instants, rows without a creation time are kept, answers are retried, and
fields that can carry credentials are dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.sources.helpers.requests import Client
from dlt.sources.rest_api import rest_api_resources

from runs_assets.sandbox import Sandbox
from runs_assets_tests.comparison.outcome import Held, to_the_second

PAGE_SIZE = 25
SENSITIVE = ("cli-command", "registered-secrets", "authentications", "connector-setup-config")
TABLE = "runs"
WAITS_SECONDS = 0.01
"""The waits between tries: dlt's defaults are 1 to 8 seconds, or what `Retry-After` says. Their number is dlt's, five."""


@dataclass(frozen=True)
class DltPipeline:
    """A pipeline into a DuckDB file of its own; `lag` is how far behind the newest run it begins to read again."""

    sandbox: Sandbox
    source: str
    folder: Path
    since: datetime
    lag: timedelta

    def run(self) -> bool:
        """Load what is new; returns whether dlt reports success."""
        try:
            self._pipeline().run(rest_api_resources(self._config()))
        except PipelineStepFailed:
            self._pipeline().abort_packages()
            return False
        return True

    def held(self) -> list[Held]:
        """What the table holds; nothing if there is none yet."""
        columns = {"cloudcruise": "session_id, status, execution_end", "productsup": "id, state, finished_at"}
        with duckdb.connect(str(self._file)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            try:
                rows = connection.execute(f"SELECT {columns[self.source]} FROM loaded.{TABLE}").fetchall()
            except duckdb.CatalogException:
                return []
        return [Held(str(run_id), word, ended and to_the_second(ended)) for run_id, word, ended in rows]

    @property
    def _file(self) -> Path:
        return self.folder / "platforms.duckdb"

    def _pipeline(self) -> dlt.Pipeline:
        return dlt.pipeline(
            self.source,
            pipelines_dir=str(self.folder / "pipelines"),
            destination=dlt.destinations.duckdb(str(self._file)),
            dataset_name="loaded",
        )

    def _config(self) -> Any:
        session = Client(
            raise_for_status=False, request_backoff_factor=WAITS_SECONDS, request_max_retry_delay=WAITS_SECONDS
        ).session
        config = _cloudcruise(self.sandbox) if self.source == "cloudcruise" else _productsup(self.sandbox)
        incremental = {
            "initial_value": self.since,
            "lag": self.lag.total_seconds(),
            "on_cursor_value_missing": "include",
        }
        endpoint = config["endpoint"]
        endpoint["incremental"] = {**endpoint["incremental"], **incremental}
        resource = {
            "name": TABLE,
            "write_disposition": "merge",
            "max_table_nesting": 0,
            "processing_steps": [{"map": _with_instants}],
            **config,
        }
        return {"client": {**resource.pop("client"), "session": session}, "resources": [resource]}


def _cloudcruise(sandbox: Sandbox) -> dict[str, Any]:
    """The cursor is the creation time of a page's last row, until a page is empty."""
    return {
        "client": {
            "base_url": sandbox.cloudcruise_url,
            "auth": {"type": "api_key", "name": "cc-key", "api_key": sandbox.api_key, "location": "header"},
        },
        "primary_key": "session_id",
        "endpoint": {
            "path": "runs",
            "params": {"limit": PAGE_SIZE},
            "data_selector": "$",
            "paginator": {"type": "cursor", "cursor_path": "$[-1].created_at", "cursor_param": "cursor"},
            "incremental": {"cursor_path": "created_at", "start_param": "start_time", "convert": _iso},
        },
    }


def _productsup(sandbox: Sandbox) -> dict[str, Any]:
    """The list has no filter by time: it is read from its head until a page has older runs."""
    return {
        "client": {
            "base_url": sandbox.productsup_url,
            "auth": {"type": "bearer", "token": sandbox.token},
        },
        "primary_key": "id",
        "endpoint": {
            "path": "runs",
            "data_selector": "data",
            "paginator": {
                "type": "offset",
                "limit": PAGE_SIZE,
                "offset_param": "from",
                "limit_param": "limit",
                "total_path": "metadata.total",
            },
            "incremental": {"cursor_path": "['created-at']", "row_order": "desc"},
        },
    }


def _with_instants(row: dict[str, Any]) -> Mapping[str, Any]:
    """Compared as texts, times of different offsets would be in a wrong order."""
    created = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "created-at") if row.get(name)}
    return {name: value for name, value in row.items() if name not in SENSITIVE} | created


def _iso(instant: datetime) -> str:
    return instant.isoformat()
