"""The files of the tables over all days and sources, and what each source's part of them was built from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from runs_assets.errors import StorageError
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import ALL_SOURCES, Layout
from runs_assets.storage.parquet import opened_parquet, write_parquet

_REMEDY = "Materialize it again, or run `runs-assets refresh`: it is rebuilt from the daily files."


@dataclass(frozen=True)
class BuiltFrom:
    """The state of the daily files from which each source's rows were built; `code_version` is that of all rows."""

    fingerprints: Mapping[str, str]
    code_version: str

    def to_metadata(self) -> dict[str, str]:
        """As strings, for a schema."""
        return {"built_from": json.dumps(dict(self.fingerprints), sort_keys=True), "code_version": self.code_version}


def store_verdicts(layout: Layout, name: str, table: pa.Table, built_from: BuiltFrom) -> None:
    """Replace a table's file atomically. Only for the holder of the lock of `ALL_SOURCES`."""
    stamped = table.replace_schema_metadata(built_from.to_metadata())
    write_parquet(layout.verdict_file(name), layout.scratch(ALL_SOURCES), stamped)


def load_verdicts(layout: Layout, name: str) -> pa.Table:
    """A table over all days and sources.

    Raises `StorageError` if it was never built or cannot be read, `DamagedFileError` if it is not as it was written.
    """
    path = layout.verdict_file(name)
    if not is_stored(path):
        raise StorageError(f"There is no {name} yet ({path}). Materialize it, or run `runs-assets refresh`.")
    with opened_parquet(path, _REMEDY) as file:
        return file.read().replace_schema_metadata()


def built_from(layout: Layout, name: str) -> BuiltFrom | None:
    """What a table says it was built from; None if it was never built, or has to be built again anyway."""
    path = layout.verdict_file(name)
    if not is_stored(path):
        return None
    try:
        with opened_parquet(path, _REMEDY, footer_only=True) as file:
            found = file.schema_arrow.metadata
        return BuiltFrom(json.loads(found[b"built_from"]), found[b"code_version"].decode())
    except StorageError:
        return None
