"""Runs that are stored more than once, within a day or under two days, found without holding every id.

A run takes 8 bytes: a hash of its id. Only where a hash occurs twice are the ids themselves read again and compared, so
that what is found is exact.
"""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

REPEATED = pa.schema(
    [("run_id", pa.string()), ("times", pa.int64()), ("first_day", pa.date32()), ("last_day", pa.date32())]
)


def id_hashes(ids: pa.ChunkedArray) -> Hashes:
    """A hash of each id, the same in every process."""
    from pandas.util import hash_array  # noqa: PLC0415  (every process of Dagster would wait for it)

    hashes: Hashes = hash_array(ids.to_numpy(), categorize=False)
    return hashes


def repeated_runs(hashes: Mapping[date, Hashes], ids_of: Callable[[date], pa.ChunkedArray]) -> pa.Table:
    """Each run that occurs more than once, with schema `REPEATED`, sorted by id.

    `hashes` are those of each day's ids; `ids_of` gives the ids of a day whose hashes are suspicious.
    """
    suspects = _repeated(hashes)
    if not len(suspects):
        return REPEATED.empty_table()
    found = [_having(suspects, ids_of(day), day) for day, own in hashes.items() if np.isin(own, suspects).any()]
    grouped = pa.concat_tables(found).group_by("run_id").aggregate([("day", "count"), ("day", "min"), ("day", "max")])
    counted = pa.table([grouped[name] for name in ("run_id", "day_count", "day_min", "day_max")], schema=REPEATED)
    return counted.filter(pc.greater(counted["times"], 1)).sort_by("run_id")


def _repeated(hashes: Mapping[date, Hashes]) -> Hashes:
    every = np.concatenate([*hashes.values(), np.empty(0, np.uint64)])
    every.sort()
    return np.unique(every[1:][every[1:] == every[:-1]])


def _having(suspects: Hashes, ids: pa.ChunkedArray, day: date) -> pa.Table:
    chosen = ids.filter(pa.array(np.isin(id_hashes(ids), suspects)))
    return pa.table({"run_id": chosen, "day": pa.array([day] * len(chosen), pa.date32())})
