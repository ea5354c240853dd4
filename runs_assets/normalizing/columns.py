"""From stored raw lines to typed columns: fast for what is documented, tolerant of what is not.

Lines are parsed straight into columns where every value has its documented JSON type. Arrow's parser is several times
faster than going through Python objects, but takes no value of another type; a block that has one is decoded row by
row instead, and nothing of it is lost.

Each conversion takes the values of one field, one per row, and returns a column of the same length. Values of the right
JSON type are converted at once; only where some are not is every value looked at, and one that has no sensible reading
becomes null (the raw file keeps it).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.days import to_us
from runs_assets.normalizing.row_shape import RowShape
from runs_assets.paging.page import NO_TIME
from runs_assets.tables import TIMESTAMP

END_OF_TIME_US = to_us(datetime(2200, 1, 1, tzinfo=UTC))
INT32 = range(-(2**31), 2**31)
MISFIT = (pa.ArrowTypeError, pa.ArrowInvalid, OverflowError)
"""What pyarrow raises when some value is not of the type asked for."""

Values: TypeAlias = Sequence[Any] | pa.Array
"""JSON values, or an Arrow array of their JSON type."""


@dataclass
class RawRows:
    """Some raw rows. `rows["status"]` is that field of every row: JSON values, or an Arrow array; null where absent.

    `observed_at` is when the API showed each of them: ISO 8601, UTC. Of the times that were read, `assumed_utc` had no
    offset, and `unreadable_times` had no sensible reading.
    """

    observed_at: Values
    runs: list[dict[str, Any]] | pa.StructArray
    times_are_utc: bool
    assumed_utc: int = 0
    unreadable_times: int = 0

    def __getitem__(self, field: str) -> Values:
        if isinstance(self.runs, list):
            return [run.get(field) for run in self.runs]
        values: Values = self.runs.field(field)
        return values

    def times(self, field: str) -> pa.Array:
        """A field's values as `instants`; those that are not as they should be are counted."""
        values = self[field]
        found, assumed_utc = instants(values, are_utc=self.times_are_utc)
        nulls = values.null_count if isinstance(values, pa.Array) else values.count(None)
        self.assumed_utc += assumed_utc
        self.unreadable_times += found.null_count - nulls
        return found

    def column(self, field: str, kind: pa.DataType) -> pa.Array:
        """A field's values as a column of the type: `times` or `converted`."""
        return self.times(field) if kind == TIMESTAMP else converted(self[field], kind)


def raw_rows(lines: bytes, shape: RowShape) -> RawRows:
    """Whole lines of a raw file."""
    schema = pa.schema([("observed_at", pa.string()), ("run", pa.struct(list(shape.columns)))])
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        whole = pj.ReadOptions(use_threads=False, block_size=len(lines) + 1)
        table = pj.read_json(pa.BufferReader(lines), whole, options).combine_chunks()
    except pa.ArrowInvalid:
        documents = msgspec.json.Decoder().decode_lines(lines)
        observed_at, runs = ([line[name] for line in documents] for name in schema.names)
        return RawRows(observed_at, runs, shape.times_are_utc)
    return RawRows(table["observed_at"].chunk(0), table["run"].chunk(0), shape.times_are_utc)


def converted(values: Values, kind: pa.DataType) -> pa.Array:
    """Strings, or int32 or booleans, also from their spellings; a number among strings is spelled decimally."""
    at_once, one_by_one = _CONVERSIONS[kind]
    with suppress(*MISFIT):
        found = pa.array(values)
        if found.type in at_once:
            return found.cast(kind)
    return pa.array([one_by_one(value) for value in _listed(values)], kind)


def instants(values: Values, *, are_utc: bool = False) -> tuple[pa.Array, int]:
    """timestamp[us, UTC] from ISO 8601 strings with any offset; and how many of them had none.

    A time without an offset has no sensible reading unless the platform's times `are_utc`, nor has one before 1970 or
    after 2199, such as the year 1 that some languages print for "never".
    """
    with suppress(*MISFIT):
        return _of_our_time(pc.cast(pa.array(values, pa.string()), TIMESTAMP)), 0
    moments = [_moment(value, are_utc=are_utc) for value in _listed(values)]
    found_us = [None if moment is None else to_us(moment.replace(tzinfo=moment.tzinfo or UTC)) for moment in moments]
    found = _of_our_time(pa.array(found_us, pa.int64()).cast(TIMESTAMP))
    has_no_offset = pa.array([moment is not None and moment.tzinfo is None for moment in moments], pa.bool_())
    return found, len(found.filter(has_no_offset).drop_null())


def instants_us(values: Values, *, are_utc: bool = False) -> NDArray[np.int64]:
    """Like `instants`, as microseconds since the epoch, with `NO_TIME` for null."""
    found, _ = instants(values, are_utc=are_utc)
    us: NDArray[np.int64] = found.cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
    return us


def seconds_between(start: pa.Array, end: pa.Array) -> pa.Array:
    """End - start in seconds (float64), null where either is."""
    microseconds = pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))
    return pc.divide(microseconds.cast(pa.float64()), 1e6)


def _of_our_time(found: pa.Array) -> pa.Array:
    since_1970_us = found.cast(pa.int64())
    first, last = pc.min_max(since_1970_us).as_py().values()
    if first is None or (first >= 0 and last < END_OF_TIME_US):
        return found
    is_ours = pc.and_(pc.greater_equal(since_1970_us, 0), pc.less(since_1970_us, END_OF_TIME_US))
    return pc.if_else(is_ours, found, pa.scalar(None, TIMESTAMP))


def _listed(values: Values) -> Sequence[Any]:
    listed: Sequence[Any] = values.to_pylist() if isinstance(values, pa.Array) else values
    return listed


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(value: Any, *, are_utc: bool) -> datetime | None:
    """Without a zone only if it is UTC for want of an offset."""
    try:
        moment = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError:
        return None
    return moment if are_utc or moment.tzinfo else None


def _int32(value: Any) -> int | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and int(number) in INT32 else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


_CONVERSIONS: Mapping[pa.DataType, tuple[Collection[pa.DataType], Callable[[Any], Any]]] = {
    pa.string(): ((pa.string(), pa.int64(), pa.null()), _text),
    pa.int32(): ((pa.int64(), pa.null()), _int32),
    pa.bool_(): ((pa.bool_(), pa.null()), _boolean),
}
"""Of each type, those that are converted at once, and how any value is: a cast from others truncates, or takes more."""
