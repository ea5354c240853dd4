"""Stored raw lines by field: parsed straight into columns where every value has its documented JSON type.

Arrow's parser is several times faster than going through Python objects, but takes no value of another type; a block
that has one is decoded row by row instead, and nothing of it is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.json as pj

Values: TypeAlias = Sequence[Any] | pa.Array


@dataclass(frozen=True)
class RawRows:
    """Some raw rows. `rows["status"]` is that field of every row: JSON values, or an Arrow array; null where absent.

    `observed_at` is when the API showed each of them: ISO 8601, UTC.
    """

    observed_at: Values
    runs: list[dict[str, Any]] | pa.StructArray

    def __getitem__(self, field: str) -> Values:
        if isinstance(self.runs, list):
            return [run.get(field) for run in self.runs]
        values: Values = self.runs.field(field)
        return values

    def __len__(self) -> int:
        return len(self.runs)


def raw_rows(lines: bytes, fields: pa.Schema) -> RawRows:
    """Whole lines of a raw file; `fields` has the documented JSON types of the platform's fields."""
    schema = pa.schema([("observed_at", pa.string()), ("run", pa.struct(list(fields)))])
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        table = pj.read_json(pa.BufferReader(lines), parse_options=options).combine_chunks()
    except pa.ArrowInvalid:
        documents = orjson.loads(b"[" + lines.rstrip(b"\n").replace(b"\n", b",") + b"]")
        return RawRows([line["observed_at"] for line in documents], [line["run"] for line in documents])
    return RawRows(table["observed_at"].chunk(0), table["run"].chunk(0))
