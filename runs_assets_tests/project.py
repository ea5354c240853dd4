"""Materializing the project's assets in a test as its users do, and reading what the files then hold."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import dagster as dg
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from runs_assets.accounts import SOURCES
from runs_assets.days import DayRange
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_tags import range_tags
from runs_assets.resources import Clock
from runs_assets.sandbox import Sandbox
from runs_assets.sources.source import Source
from runs_assets.storage.layout import ERROR_GROUPS, QUARANTINE, Layout
from runs_assets.storage.store import StoredFile

ALL = ("raw_runs", "runs", "run_status_counts", "failure_rates")
DATA_SETS = (*ALL, QUARANTINE, ERROR_GROUPS)


class StoppedClock(Clock):
    """A clock that shows one time, ISO 8601."""

    at: str

    def now(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass
class Project:
    """The assets of some sources, a data folder, and a Dagster instance that remembers what was materialized."""

    sandbox: Sandbox
    layout: Layout
    instance: dg.DagsterInstance
    sources: Sequence[Source] = SOURCES

    @classmethod
    @contextmanager
    def on(cls, sandbox: Sandbox, data: Path) -> Iterator[Self]:
        with dg.DagsterInstance.ephemeral() as instance:
            yield cls(sandbox, Layout(data), instance)

    def materialize(
        self,
        source: str,
        first: date,
        last: date | None = None,
        assets: Sequence[str] = ALL,
        run_config: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialize assets of a source for one day, or for a range of days in one run; failures are in the result."""
        clock = StoppedClock(at=self.sandbox.clock().isoformat())
        job = definitions_of(self.sources, clock).resolve_job_def(f"{source}_daily")
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[self.asset_key(source, asset) for asset in assets],
            partition_key=str(first) if last is None else None,
            tags=range_tags(DayRange(first, last)) if last else None,
            run_config=run_config,
            raise_on_error=False,
        )

    def asset_key(self, source: str, asset: str) -> dg.AssetKey:
        return dg.AssetKey([source, asset])

    def table(self, dataset: str, source: str, day: date) -> list[dict[str, Any]]:
        """The rows of a day's Parquet file."""
        rows: list[dict[str, Any]] = pq.ParquetFile(self._file(dataset, source, day)).read().to_pylist()
        return rows

    def metadata(self, dataset: str, source: str, day: date) -> Mapping[str, str]:
        """What a day's Parquet file says of itself in its schema's metadata."""
        found = self.schema(dataset, source, day).metadata
        return {name.decode(): value.decode() for name, value in found.items()}

    def schema(self, dataset: str, source: str, day: date) -> pa.Schema:
        """The schema of a day's Parquet file."""
        return pq.read_schema(self._file(dataset, source, day))

    def raw(self, source: str, day: date, dataset: str = "raw_runs") -> list[dict[str, Any]]:
        """The lines of a day's raw (or quarantine) file."""
        with zstandard.open(self._file(dataset, source, day), "rb") as file:
            return [orjson.loads(line) for line in file.read().splitlines()]

    def files(self) -> dict[str, bytes]:
        """Every data file's content by its path below the data folder (locks are not data)."""
        entries = (entry for dataset in DATA_SETS for entry in self.layout.store.listed(f"{dataset}/"))
        files = {entry.key: StoredFile(self.layout.store, entry.key, "tests").content() for entry in entries}
        return {key: content for key, content in sorted(files.items()) if content is not None}

    def _file(self, dataset: str, source: str, day: date) -> BytesIO:
        content = self.layout.day_file(dataset, source, day).content()
        assert content is not None
        return BytesIO(content)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The sentence with which a run failed."""
    assert not result.success
    data = result.get_step_failure_events()[0].step_failure_data
    assert data.user_failure_data is not None, data.error
    return data.user_failure_data.description or ""


def days_between(first: date, last: date) -> list[date]:
    """Both ends inside."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
