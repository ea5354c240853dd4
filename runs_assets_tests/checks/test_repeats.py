"""Ids that occur more than once are found exactly, whatever their number, length and days."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.checks.inspection import hashes_of, repeated_runs
from runs_assets.storage.id_hashes import Hashes

DAYS = [date(2026, 3, day) for day in (1, 2, 3)]
IDS = st.lists(st.text(max_size=3), max_size=30)


def ids_of(stored: Mapping[date, list[str]], day: date) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(stored[day], pa.string())])


@given(st.fixed_dictionaries(dict.fromkeys(DAYS, IDS)))
def test_they_are_those_that_a_counter_finds(stored: dict[date, list[str]]) -> None:
    hashes = {day: hashes_of(ids_of(stored, day)) for day in DAYS}
    found = repeated_runs(hashes, lambda day: ids_of(stored, day)).to_pylist()
    every = [(run_id, day) for day, ids in stored.items() for run_id in ids]
    times = Counter(run_id for run_id, _ in every)
    assert {row["run_id"]: row["times"] for row in found} == {name: n for name, n in times.items() if n > 1}
    for row in found:
        days = [day for run_id, day in every if run_id == row["run_id"]]
        assert (row["first_day"], row["last_day"]) == (min(days), max(days))


def test_ids_that_merely_share_a_hash_are_not_repeated() -> None:
    stored = {DAYS[0]: ["a"], DAYS[1]: ["b"]}
    [of_a] = hashes_of(ids_of(stored, DAYS[0]))
    same: Hashes = np.array([of_a], np.uint64)
    assert repeated_runs(dict.fromkeys(stored, same), lambda day: ids_of(stored, day)).num_rows == 0
