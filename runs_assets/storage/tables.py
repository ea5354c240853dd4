"""Parquet files that are written atomically and sealed, so that no changed bit goes unnoticed.

Parquet has checksums for the data of its pages only; the footer, with the schema, the lineage and where the pages are,
has none. The seal is 12 bytes between the last page and the footer: a mark, the CRC-32 of what is before it and that of
the footer. The footer says where the pages are, counted from the file's beginning, so every Parquet reader passes over
the seal. The schema metadata of a day's file names the reading that it was built from.
"""

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from runs_assets.errors import DamagedFileError, NotStoredError
from runs_assets.storage.layout import Layout
from runs_assets.storage.reads import Read
from runs_assets.storage.store import StoredFile

ROW_GROUP_ROWS = 128 * 1024
SAMPLE_ROWS = 1000
FEW_ROWS = 100
"""Dictionaries of texts take longer to read than so few texts."""
BLOCK_BYTES = 1024 * 1024
_SEAL = struct.Struct("<4sII")
_MARK = b"SEAL"
_END = struct.Struct("<I4s")  # what Parquet ends with: the footer's length and its magic


@dataclass(frozen=True)
class Lineage:
    """What a day's table was built from: which reading, how many of its runs were open, and by which code.

    `settled` is whether the day was, by the rules of the time at which its `runs` were built. `assumed_utc` is how many
    times of its runs had no offset and were read as UTC, `unreadable_times` how many could not be read.
    """

    read: Read
    open_runs: int
    settled: bool
    code_version: str
    assumed_utc: int = 0
    unreadable_times: int = 0

    def to_metadata(self) -> dict[str, str]:
        """As strings, for a schema: times in ISO 8601 UTC, numbers and truths as in JSON, unknown as empty."""
        return {
            **{name: value or "" for name, value in self.read.to_json().items()},
            "complete": str(self.read.complete).lower(),
            "open_runs": str(self.open_runs),
            "settled": str(self.settled).lower(),
            "code_version": self.code_version,
            "assumed_utc": str(self.assumed_utc),
            "unreadable_times": str(self.unreadable_times),
        }

    @classmethod
    def of(cls, schema: pa.Schema) -> "Lineage":
        """The inverse of `to_metadata`."""
        found = {name.decode(): value.decode() for name, value in (schema.metadata or {}).items()}
        read = Read.from_json({**found, "complete_as_of": found["complete_as_of"] or None})
        return msgspec.convert({"open_runs": "0", **found, "read": read}, cls, strict=False)


def load_table(
    layout: Layout, dataset: str, source: str, day: date, columns: Sequence[str], *, repeating: Sequence[str] = ()
) -> tuple[pa.Table, Lineage]:
    """Some columns of a day's file, and its lineage.

    Of many rows, the texts that are `repeating` come as dictionaries, which are small.

    Raises `StorageError` if the file is missing or cannot be read, `DamagedFileError` if it lacks a column or any of it
    has changed since it was written.
    """
    with _opened(layout, dataset, source, day, repeating=repeating) as file:
        if lacking := set(columns) - set(file.schema_arrow.names):
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}, so other code wrote it")
        return file.read(columns=list(columns)).unify_dictionaries(), Lineage.of(file.schema_arrow)


def load_lineage(layout: Layout, dataset: str, source: str, day: date) -> Lineage:
    """The lineage of a day's file; raises as `load_table` does, but does not read the rows."""
    with _opened(layout, dataset, source, day, footer_only=True) as file:
        return Lineage.of(file.schema_arrow)


@contextmanager
def _opened(
    layout: Layout,
    dataset: str,
    source: str,
    day: date,
    *,
    footer_only: bool = False,
    repeating: Sequence[str] = (),
) -> Iterator[pq.ParquetFile]:
    file = layout.day_file(dataset, source, day)
    remedy = f"Materialize {source}/{dataset} for {day} again; it is rebuilt from the files before it, without the API."
    try:
        with opened_parquet(file, remedy, footer_only=footer_only, repeating=repeating) as parquet:
            yield parquet
    except NotStoredError:
        raise NotStoredError(
            f"There is no {dataset} of {source} for {day} ({file}). Materialize {source}/{dataset} for that day first."
        ) from None


class TableFile:
    """A Parquet file under way, whose rows arrive in tables of any size: at most a row group of them is in memory.

    `rows` is how many there are, `first_rows` the first table that had any.
    """

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self.rows = 0
        self.first_rows = self._waiting = schema.empty_table()
        self._file, self._schema = file, schema
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        if not self.rows:
            self.first_rows = rows
        self.rows += rows.num_rows
        self._waiting = pa.concat_tables([self._waiting, rows])
        while self._waiting.num_rows > ROW_GROUP_ROWS:
            self._write_group(ROW_GROUP_ROWS)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write what is left and the footer, with the metadata of the schema."""
        writer = self._write_group(self._waiting.num_rows)
        # The writer would take it from the schema at its beginning, when it is not known yet.
        schema = base64.b64encode(self._schema.with_metadata(metadata).serialize())
        writer.add_key_value_metadata({**metadata, "ARROW:schema": schema})
        writer.close()

    def close(self) -> None:
        """Have nothing more written."""
        if self._writer:
            self._writer.close()

    def _write_group(self, size: int) -> pq.ParquetWriter:
        group, self._waiting = self._waiting.slice(0, size), self._waiting.slice(size)
        self._writer = self._writer or pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            use_dictionary=_repeating(group),
            write_page_checksum=True,
            store_schema=False,
        )
        self._writer.write_table(group, ROW_GROUP_ROWS)
        return self._writer


@contextmanager
def replacing_table(stored: StoredFile, schema: pa.Schema, version: str | None = None) -> Iterator[TableFile]:
    """A new file that takes a table's place, sealed, when it is finished and the block ends without an error.

    Raises `ConflictError` if a `version` of the old one is given and is no longer the stored one.
    """
    with stored.replacing(version=version) as file:
        with closing(TableFile(file, schema)) as table:
            yield table
        _seal(file)


@contextmanager
def opened_parquet(
    stored: StoredFile, remedy: str, *, footer_only: bool = False, repeating: Sequence[str] = ()
) -> Iterator[pq.ParquetFile]:
    """A sealed Parquet file, open for reading; of many rows, the texts that are `repeating` are read as dictionaries.

    Raises `StorageError` if it cannot be read, `DamagedFileError` with `remedy` if any of it (with `footer_only`, of
    its footer) has changed since it was written.
    """
    with stored.opened(end_only=footer_only) as file:
        if why := _broken_seal(file, footer_only=footer_only):
            raise DamagedFileError(stored, why, remedy)
        try:
            metadata = pq.read_metadata(file)
            schema = metadata.schema.to_arrow_schema() if repeating and metadata.num_rows > FEW_ROWS else ()
            texts = [field.name for field in schema if field.name in repeating and field.type == pa.string()]
            with pq.ParquetFile(
                file, metadata=metadata, read_dictionary=texts, page_checksum_verification=True
            ) as parquet:
                yield parquet
        except (ValueError, KeyError) as error:
            raise DamagedFileError(stored, str(error), remedy) from error


def _repeating(table: pa.Table) -> list[str]:
    """The columns whose values repeat, by their first rows: a dictionary of ids or times would only add to them."""
    head = table.slice(0, SAMPLE_ROWS)
    plain = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    return [name for name in plain if 2 * len(head[name].unique()) <= head.num_rows]


def _seal(file: BinaryIO) -> None:
    """Put a seal into a finished Parquet file, open for reading and writing."""
    footer_at, _size = _footer(file)
    pages = _crc(file, 0, footer_at)
    footer = file.read()
    file.seek(footer_at)
    file.write(_SEAL.pack(_MARK, pages, zlib.crc32(footer)) + footer)


def _broken_seal(file: BinaryIO, *, footer_only: bool = False) -> str | None:
    """Why an open Parquet file is not as it was sealed, or None if it is; with `footer_only`, without its pages."""
    footer_at, size = _footer(file)
    pages_end = footer_at - _SEAL.size
    if pages_end < 0:
        return "its end is missing"
    file.seek(pages_end)
    mark, pages, footer = _SEAL.unpack(file.read(_SEAL.size))
    if mark != _MARK:
        return "its end is missing, or it was not written by this program"
    if footer != _crc(file, footer_at, size):
        return "its footer has changed since it was written"
    if not footer_only and pages != _crc(file, 0, pages_end):
        return "its pages have changed since they were written"
    return None


def _footer(file: BinaryIO) -> tuple[int, int]:
    """Where the footer begins (below 0 if there cannot be one) and where the file ends."""
    size = file.seek(0, 2)
    if size < _END.size:
        return -1, size
    file.seek(size - _END.size)
    length, _magic = _END.unpack(file.read(_END.size))
    return size - _END.size - length, size


def _crc(file: BinaryIO, start: int, stop: int) -> int:
    """The CRC-32 of the bytes from `start` to before `stop`."""
    file.seek(start)
    crc = 0
    while start < stop and (block := file.read(min(BLOCK_BYTES, stop - start))):
        crc = zlib.crc32(block, crc)
        start += len(block)
    return crc
