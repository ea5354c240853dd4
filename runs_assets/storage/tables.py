"""A day's Parquet file, and what it says in its schema metadata about the reading it was built from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from runs_assets.errors import StorageError
from runs_assets.storage.files import replacing
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read

ROW_GROUP_ROWS = 128 * 1024


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
        read = self.read.to_json()
        return {
            "read_id": read["read_id"],
            "read_started_at": read["read_started_at"],
            "complete": str(self.read.complete).lower(),
            "complete_as_of": read["complete_as_of"] or "",
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
    stamped = table.replace_schema_metadata(lineage.to_metadata())
    with replacing(path, layout.scratch(source)) as file:
        pq.write_table(stamped, file, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    return path


def load_table(
    layout: Layout, dataset: str, source: str, day: date, columns: Sequence[str]
) -> tuple[pa.Table, Lineage]:
    """Some columns of a day's file, and its lineage.

    Raises `StorageError` if the file is missing or damaged.
    """
    path = layout.day_file(dataset, source, day)
    if not path.exists():
        raise StorageError(
            f"There is no {dataset} of {source} for {day} ({path}). Materialize {source}/{dataset} for that day first."
        )
    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns=list(columns)), Lineage.of(file.schema_arrow)
    except (ValueError, KeyError, OSError) as error:
        raise StorageError(
            f"The file {path} is damaged: {error}. Materialize {source}/{dataset} for {day} again; it is rebuilt "
            "from the files before it, without asking the API."
        ) from error
