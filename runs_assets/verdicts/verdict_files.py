"""The files of the verdict tables, each with the state of the daily files that it was built from."""

import json
from collections.abc import Mapping

import pyarrow as pa

from runs_assets.errors import StorageError
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import ALL_SOURCES, Layout
from runs_assets.storage.tables import opened_parquet, write_parquet
from runs_assets.tables import Table

Fingerprints = Mapping[str, str]
"""By source, the state of the daily files from which its rows were built."""
_REMEDY = "Materialize it again, or run `runs-assets refresh`: it is rebuilt from the daily files."


def store_verdicts(layout: Layout, table: Table, rows: pa.Table, built_from: Fingerprints) -> None:
    """Replace a table's file atomically. Only for the holder of the lock of `ALL_SOURCES`."""
    metadata = {"built_from": json.dumps(dict(built_from), sort_keys=True), "code_version": table.version}
    write_parquet(layout.verdict_file(table.name), layout.scratch(ALL_SOURCES), rows.replace_schema_metadata(metadata))


def load_verdicts(layout: Layout, name: str) -> pa.Table:
    """The rows of all days and sources of a table.

    Raises `StorageError` if it was never built or cannot be read, `DamagedFileError` if it is not as it was written.
    """
    path = layout.verdict_file(name)
    if not is_stored(path):
        raise StorageError(f"There is no {name} yet ({path}). Materialize it, or run `runs-assets refresh`.")
    with opened_parquet(path, _REMEDY) as file:
        return file.read().replace_schema_metadata()


def built_from(layout: Layout, table: Table) -> Fingerprints | None:
    """What the file of a table was built from; None if it is missing, damaged, or of another version of the table."""
    path = layout.verdict_file(table.name)
    if not is_stored(path):
        return None
    try:
        with opened_parquet(path, _REMEDY, footer_only=True) as file:
            metadata = file.schema_arrow.metadata
    except StorageError:
        return None
    if metadata[b"code_version"].decode() != table.version:
        return None
    fingerprints: Fingerprints = json.loads(metadata[b"built_from"])
    return fingerprints
