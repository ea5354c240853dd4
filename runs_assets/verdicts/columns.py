"""Columns of runs as numpy's arrays, together or of each pipeline."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.status import RunStatus


def have_status(runs: pa.Table, *statuses: RunStatus) -> NDArray[np.bool_]:
    """Whether runs have one of these."""
    found: NDArray[np.bool_] = pc.is_in(runs["status"], value_set=pa.array(statuses, pa.string())).to_numpy()
    return found


def numbered(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """For each text the place where it is among the different ones, -1 for null; and these."""
    encoded = column.combine_chunks().dictionary_encode()
    places = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    return places, encoded.dictionary.to_numpy(zero_copy_only=False)


def newest(numbers: NDArray[np.int64], instants_us: NDArray[np.int64], pipelines: int) -> NDArray[np.int64]:
    """The last instant of each pipeline, by its number, given those of some `numbers`; -1 where there is none."""
    found = np.full(pipelines, -1, np.int64)
    np.maximum.at(found, numbers, instants_us)
    return found


def by_pipeline(
    runs: pa.Table, column: str, pipelines: int, chosen: NDArray[np.bool_] | slice = slice(None)
) -> list[NDArray[Any]]:
    """The values of a column, ascending, of each pipeline's chosen runs; the pipelines by number."""
    numbers, values = runs["pipeline"].to_numpy()[chosen], runs[column].to_numpy()[chosen]
    order = np.lexsort((values, numbers))
    return np.split(values[order], np.searchsorted(numbers[order], np.arange(1, pipelines)))


def split_by_pipeline(numbers: NDArray[np.int64], *columns: NDArray[Any]) -> Iterator[tuple[NDArray[Any], ...]]:
    """The parts of some columns of each pipeline, with its `numbers` first; they are sorted, as in `completed`."""
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    return zip(*(np.split(column, begins)[1:] for column in (numbers, *columns)), strict=True)
