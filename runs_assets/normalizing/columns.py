"""From JSON values to typed columns: fast for what is documented, tolerant of what is not.

Each function takes the values of one field, one per row, as JSON values or as an Arrow array of their JSON type, and
returns a column of the same length. Values of the right JSON type are converted at once; only where some are not is
every value looked at, and one that has no sensible reading becomes null (the raw file keeps it).
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runs_assets.days import to_us
from runs_assets.normalizing.raw_rows import Values
from runs_assets.paging.page import NO_TIME
from runs_assets.tables import TIMESTAMP

END_OF_TIME_US = to_us(datetime(2200, 1, 1, tzinfo=UTC))
INT32 = range(-(2**31), 2**31)
MISFIT = (pa.ArrowTypeError, pa.ArrowInvalid, OverflowError)
"""What pyarrow raises when some value is not of the type asked for."""


def texts(values: Values) -> pa.Array:
    """Strings; numbers as their decimal spelling."""
    with suppress(*MISFIT):
        return _as(pa.string(), values)
    if (whole := _whole_numbers(values)) is not None:
        return whole.cast(pa.string())
    return pa.array([_text(value) for value in _listed(values)], pa.string())


def instants(values: Values) -> pa.Array:
    """timestamp[us, UTC] from ISO 8601 strings with any offset.

    A time without an offset has no sensible reading, nor has one before 1970 or after 2199, such as the year 1 that
    some languages print for "never".
    """
    with suppress(*MISFIT):
        return _of_our_time(pc.cast(_as(pa.string(), values), TIMESTAMP))
    return _of_our_time(pa.array([_instant_us(value) for value in _listed(values)], pa.int64()).cast(TIMESTAMP))


def instants_us(values: Values) -> NDArray[np.int64]:
    """Like `instants`, as microseconds since the epoch, with `NO_TIME` for null."""
    found: NDArray[np.int64] = instants(values).cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
    return found


def int32s(values: Values) -> pa.Array:
    """int32 from whole numbers and their spellings."""
    with suppress(*MISFIT):
        if (whole := _whole_numbers(values)) is not None:
            return whole.cast(pa.int32())
    return pa.array([_int32(value) for value in _listed(values)], pa.int32())


def booleans(values: Values) -> pa.Array:
    """Booleans, and the words true and false."""
    with suppress(*MISFIT):
        return _as(pa.bool_(), values)
    return pa.array([_boolean(value) for value in _listed(values)], pa.bool_())


def seconds_between(start: pa.Array, end: pa.Array) -> pa.Array:
    """End - start in seconds (float64), null where either is."""
    microseconds = pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))
    return pc.divide(microseconds.cast(pa.float64()), 1e6)


def _of_our_time(found: pa.Array) -> pa.Array:
    since_1970_us = found.cast(pa.int64())
    is_ours = pc.and_(pc.greater_equal(since_1970_us, 0), pc.less(since_1970_us, END_OF_TIME_US))
    return pc.if_else(is_ours, found, pa.scalar(None, TIMESTAMP))


def _as(kind: pa.DataType, values: Values) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _listed(values: Values) -> Sequence[Any]:
    listed: Sequence[Any] = values.to_pylist() if isinstance(values, pa.Array) else values
    return listed


def _whole_numbers(values: Values) -> pa.Array | None:
    """Integers and nulls as int64; None if there is anything else, which a conversion would quietly truncate."""
    with suppress(*MISFIT):
        found = values if isinstance(values, pa.Array) else pa.array(values)
        if pa.types.is_integer(found.type) or pa.types.is_null(found.type):
            return found.cast(pa.int64())
    return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _instant_us(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return None if moment.tzinfo is None else to_us(moment)


def _int32(value: Any) -> int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number == int(number) and int(number) in INT32 else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None
