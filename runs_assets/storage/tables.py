"""A day's Parquet file, whose schema metadata names the reading it was built from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from runs_assets.errors import StorageError
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import Layout
from runs_assets.storage.parquet import opened_parquet, write_parquet
from runs_assets.storage.reads import Read


@dataclass(frozen=True)
class Lineage:
    """What a day's table was built from: which reading, how many of its runs were open, and by which code.

    `settled` is whether the day was, by the rules of the time at which its `runs` were built.
    """

    read: Read
    open_runs: int
    settled: bool
    code_version: str

    def to_metadata(self) -> dict[str, str]:
        """As strings, for a schema: times in ISO 8601 UTC, numbers and truths as in JSON, unknown as empty."""
        return {
            **{name: value or "" for name, value in self.read.to_json().items()},
            "complete": str(self.read.complete).lower(),
            "open_runs": str(self.open_runs),
            "settled": str(self.settled).lower(),
            "code_version": self.code_version,
        }

    @classmethod
    def of(cls, schema: pa.Schema) -> "Lineage":
        """The inverse of `to_metadata`."""
        found = {name.decode(): value.decode() for name, value in (schema.metadata or {}).items()}
        return cls(Read.from_json(found), int(found["open_runs"]), found["settled"] == "true", found["code_version"])


def store_table(layout: Layout, dataset: str, source: str, day: date, table: pa.Table, lineage: Lineage) -> Path:
    """Replace a day's file atomically; returns its path."""
    path = layout.day_file(dataset, source, day)
    write_parquet(path, layout.scratch(source), table.replace_schema_metadata(lineage.to_metadata()))
    return path


def load_table(
    layout: Layout, dataset: str, source: str, day: date, columns: Sequence[str]
) -> tuple[pa.Table, Lineage]:
    """Some columns of a day's file, and its lineage.

    Raises `StorageError` if the file is missing or cannot be read, `DamagedFileError` if it lacks a column or any of it
    has changed since it was written.
    """
    with _opened(layout, dataset, source, day) as file:
        if lacking := set(columns) - set(file.schema_arrow.names):
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}, so other code wrote it")
        return file.read(columns=list(columns)), Lineage.of(file.schema_arrow)


def load_lineage(layout: Layout, dataset: str, source: str, day: date) -> Lineage:
    """The lineage of a day's file; raises as `load_table` does, but does not read the rows."""
    with _opened(layout, dataset, source, day, footer_only=True) as file:
        return Lineage.of(file.schema_arrow)


@contextmanager
def _opened(
    layout: Layout, dataset: str, source: str, day: date, *, footer_only: bool = False
) -> Iterator[pq.ParquetFile]:
    path = layout.day_file(dataset, source, day)
    if not is_stored(path):
        raise StorageError(
            f"There is no {dataset} of {source} for {day} ({path}). Materialize {source}/{dataset} for that day first."
        )
    remedy = f"Materialize {source}/{dataset} for {day} again; it is rebuilt from the files before it, without the API."
    with opened_parquet(path, remedy, footer_only=footer_only) as parquet:
        yield parquet
