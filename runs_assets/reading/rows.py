"""From an answer's JSON rows to a page: what may be stored of each row, and which rows are bad and why.

A page whose rows have just the documented fields and types is taken apart by Arrow, without a Python object for every
value, and its text is stored as it came. Any other page is read row by row, with the same result.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from runs_assets.days import iso
from runs_assets.normalizing.columns import RowShape, instants_us
from runs_assets.paging.page import NO_TIME, Page
from runs_assets.plain_text.redaction import SCALARS, without_secrets


@dataclass(frozen=True)
class RunPage(Page):
    """A page with its rows: `rows[i]` is what may be stored of row i as JSON, None if it is bad (then `bad` has it).

    `observed_at` is when the answer arrived, UTC.
    """

    rows: list[bytes | None] = field(default_factory=list, kw_only=True)
    bad: dict[int, dict[str, Any]] = field(default_factory=dict, kw_only=True)
    observed_at: datetime = field(kw_only=True)

    def good_rows(self, indexes: NDArray[np.int64]) -> tuple[list[str], list[bytes]]:
        """The ids and rows at ascending positions, bad ones left out."""
        if len(indexes) and indexes[-1] - indexes[0] == len(indexes) - 1:
            chosen = slice(int(indexes[0]), int(indexes[-1]) + 1)
            keys, rows = self.keys[chosen], self.rows[chosen]
        else:
            keys, rows = [self.keys[index] for index in indexes], [self.rows[index] for index in indexes]
        if not self.bad:
            return keys, cast("list[bytes]", rows)
        good = [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]
        return [key for key, _ in good], [row for _, row in good]


def array_page(array: bytes, shape: RowShape, observed_at: datetime) -> RunPage | None:
    """The page of a JSON array whose rows have none but known fields of their documented types, and are all good.

    None if anything is otherwise, be it only the white space; `run_page` takes any rows.
    """
    if not (array.startswith(b"[{") and array.endswith(b"}]") and b"\r" not in array):
        return None
    if b"://" in array or b"\\" in array:  # a URL, plain or escaped, may carry credentials
        return None
    lines = array[1:-1].replace(b'},{"', b'}\n{"')
    rows = lines.split(b"\n")
    options = pj.ParseOptions(explicit_schema=shape.fields, unexpected_field_behavior="error")
    try:
        array.decode()  # Arrow's parser does not check; what is stored must be readable by others
        table = pj.read_json(pa.BufferReader(lines), parse_options=options).combine_chunks()
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    keys = table[shape.id_field].to_pylist()
    if table.num_rows != len(rows) or not all(keys):
        return None
    created_us = instants_us(table[shape.created_field].chunk(0), are_utc=shape.times_are_utc)
    if (created_us == NO_TIME).any():
        return None
    return RunPage(keys, created_us, rows=cast("list[bytes | None]", rows), observed_at=observed_at)


def run_page(
    documents: list[Any],
    shape: RowShape,
    observed_at: datetime,
    *,
    offset: int = 0,
    total: int | None = None,
    refusal: str | None = None,
) -> RunPage:
    """A page of an answer's decoded rows, whatever they are; the other values are those of `Page`.

    A row without an id, that is not an object, or without a usable creation time is bad: it is described for the
    quarantine, and stops nothing.
    """
    storable = _storable([document if type(document) is dict else {} for document in documents], shape.known)
    ids = _ids_of([row.get(shape.id_field) for row in storable])
    created_us = instants_us([row.get(shape.created_field) for row in storable], are_utc=shape.times_are_utc)
    rows: list[bytes | None] = list(map(orjson.dumps, storable))
    bad = {}
    has_no_id = np.array([key is None for key in ids], np.bool_)
    for index in np.flatnonzero(has_no_id | (created_us == NO_TIME)).tolist():
        missing = shape.id_field if has_no_id[index] else shape.created_field
        bad[index] = {"observed_at": iso(observed_at), **_trace_of(documents[index], storable[index], missing)}
        rows[index] = None
    keys = [key or f"digest:{_digest(document)}" for key, document in zip(ids, documents, strict=True)]
    return RunPage(keys, created_us, offset, total, refusal, rows=rows, bad=bad, observed_at=observed_at)


def _ids_of(values: list[Any]) -> list[str | None]:
    """Non-empty strings and whole numbers, as strings."""
    if set(map(type, values)) == {str} and all(values):
        return values
    return [(str(value) if type(value) in {str, int} else "") or None for value in values]


def _storable(objects: list[dict[str, Any]], known: frozenset[str]) -> list[dict[str, Any]]:
    """Each row as it may be stored; the rows themselves where nothing in any of them has to go."""
    names = chain.from_iterable(objects)
    values = list(chain.from_iterable(map(dict.values, objects)))
    is_plain = known.issuperset(names) and SCALARS.issuperset(map(type, values))
    if is_plain and not any(type(value) is str and "://" in value for value in values):
        return objects
    return [without_secrets(row, known) for row in objects]


def _trace_of(document: Any, storable: dict[str, Any], missing: str) -> dict[str, Any]:
    """Why a row is bad, and what may be kept of it."""
    if isinstance(document, dict):
        return {"reason": f"no usable {missing}", "run": storable}
    kind, size = type(document).__name__, len(_encoded(document))
    return {"reason": "not an object", "type": kind, "bytes": size, "sha256": _digest(document)}


def _digest(document: Any) -> str:
    return hashlib.sha256(_encoded(document)).hexdigest()


def _encoded(document: Any) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return b"nested too deeply"
