"""From an answer's JSON rows to a page: what may be stored of each row, and which rows are bad and why.

Rows with just the documented fields and types are stored as they are, less what is never stored; any other is looked at
value by value, with the same result.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.days import iso
from runs_assets.normalizing.columns import instants_us
from runs_assets.normalizing.row_shape import RowShape
from runs_assets.paging.page import NO_TIME, Page
from runs_assets.plain_text.redaction import without_secrets

encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True, kw_only=True)
class RunPage(Page):
    """A page with its rows: `lines` has a line of JSON for each, which is what may be stored of it.

    Bad rows are described in `bad`, by their index; their lines mean nothing. `observed_at` is when they were asked
    for, UTC: the state that an answer shows is not older.
    """

    lines: bytes
    bad: dict[int, dict[str, Any]]
    observed_at: datetime

    @cached_property
    def rows(self) -> list[bytes | None]:
        """Each row's line, with its end; None if the row is bad."""
        lines = self.lines.splitlines(keepends=True)
        return [None if index in self.bad else line for index, line in enumerate(lines)]

    def good_rows(self, indexes: Sequence[int]) -> tuple[pa.StringArray, bytes]:
        """The ids and lines at ascending positions, bad ones left out."""
        if len(indexes) == len(self) and not self.bad:
            return self.ids, self.lines
        good = {index: row for index in indexes if (row := self.rows[index]) is not None}
        return self.ids.take(pa.array([*good], pa.int64())), b"".join(good.values())


def run_page(decoded: Sequence[Any], shape: RowShape, observed_at: datetime) -> RunPage:
    """A page of an answer's rows, decoded by `shape`, whatever they are.

    A row without an id, that is not an object, or without a usable creation time is bad: it is described for the
    quarantine, and stops nothing.
    """
    rows, odd = shape.rows(decoded)
    storable, lines = _storable(rows, odd, shape)
    ids = _ids_of(shape.values(storable, shape.id_field))
    created_us = instants_us(shape.values(storable, shape.created_field), are_utc=shape.times_are_utc)
    has_no_id = pc.equal(ids, "").to_numpy(zero_copy_only=False)
    bad = {}
    for index in np.flatnonzero(has_no_id | (created_us == NO_TIME)).tolist():
        missing = shape.id_field if has_no_id[index] else shape.created_field
        bad[index] = {"observed_at": iso(observed_at), **_trace_of(rows[index], storable[index], missing)}
    if has_no_id.any():
        digests = [f"digest:{_digest(rows[index])}" for index in np.flatnonzero(has_no_id).tolist()]
        ids = pc.replace_with_mask(ids, has_no_id, pa.array(digests))
    return RunPage(ids, created_us, lines=lines, bad=bad, observed_at=observed_at)


def _ids_of(values: list[Any]) -> pa.StringArray:
    """Strings and whole numbers, as strings; all others as the empty one."""
    if not {*map(type, values)} <= {str}:
        values = [str(value) if type(value) in {str, int} else "" for value in values]
    return pa.array(values, pa.string())


def _storable(rows: Sequence[Any], odd: list[int], shape: RowShape) -> tuple[list[Any], bytes]:
    """Each row as it may be stored, empty for what is no object; and their lines.

    A row that is not `odd` holds nothing that has to go, unless there is a URL, which may carry credentials.
    """
    storable = [*rows]
    for index in odd:
        storable[index] = _without_secrets(rows[index], shape)
    lines = encode_lines(storable)
    if _has_url(lines):
        for index, line in enumerate(lines.splitlines()):
            if _has_url(line):
                storable[index] = _without_secrets(msgspec.json.decode(line), shape)
        lines = encode_lines(storable)
    return storable, lines


def _has_url(lines: bytes) -> bool:
    """Whether there is a URL, its slashes escaped or not; their escapes are escaped here."""
    return b"/" in lines and (b"://" in lines or rb":\\/\\/" in lines)  # one byte is found much faster


def _without_secrets(row: Any, shape: RowShape) -> dict[str, Any]:
    fields = row.items() if type(row) is dict else ()
    return without_secrets({name: value for name, value in fields if name not in shape.never_stored}, shape.known)


def _trace_of(row: Any, storable: Any, missing: str) -> dict[str, Any]:
    """Why a row is bad, and what may be kept of it."""
    if isinstance(row, dict | msgspec.Struct):
        return {"reason": f"no usable {missing}", "run": msgspec.to_builtins(storable)}
    kind, size = type(row).__name__, len(msgspec.json.encode(row))
    return {"reason": "not an object", "type": kind, "bytes": size, "sha256": _digest(row)}


def _digest(row: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(row, order="sorted")).hexdigest()
