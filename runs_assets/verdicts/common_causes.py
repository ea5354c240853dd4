"""What the failing pipelines of a source have in common: one workspace, or one site.

In the spans of `source_health`, only the runs of a value are judged, by the same rule: how many pipelines fail beyond
chance. It is a matter of the value, and not of the source, if the pipelines beside it are not like that.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.statistics.significance import fisher_greater_p
from runs_assets.verdicts.columns import numbered
from runs_assets.verdicts.failure_concentrations import DIMENSIONS
from runs_assets.verdicts.source_health import (
    CHANCE,
    FAILING,
    LEAST_PIPELINES,
    OK,
    SCHEMA,
    SPANS_MINUTES,
    Affected,
    columns_of,
    ended_in,
    failing,
    runs_that_count,
)
from runs_assets.verdicts.source_history import SourceHistory

COMMON = ("workspace", "site")
LEAST_PART_PERCENT = 60
"""How many of the pipelines that ran for the value fail."""
REST_CHANCE = 0.001
"""How likely it may be that those that fail are of the value by chance."""
PART_OF_THE_SOURCE = 0.8
"""Where the source fails by its own rule, so many of its failing pipelines have to be of the value."""


def with_common_cause(health: pa.Table, history: SourceHistory) -> pa.Table:
    """The source's row of `source_health`, or that of a value that its failing pipelines have in common."""
    [row] = health.to_pylist()
    if row["state"] not in {OK, FAILING}:
        return health
    for dimension, value, found in _causes(history):
        mine = columns_of(found, history)
        known = row["pipeline_ids"] or ()
        if sum(pipeline in mine["pipeline_ids"] for pipeline in known) >= PART_OF_THE_SOURCE * len(known):
            common = {"common_dimension": dimension, "common_value": value}
            return pa.Table.from_pylist([{**row, **mine, **common}], schema=SCHEMA)
    return health


def _causes(history: SourceHistory) -> Sequence[tuple[str, str, Affected]]:
    """The values that hold in the shortest span in which one does, the least likely first."""
    recent, rates = runs_that_count(history)
    values = [it for dimension in COMMON for it in _values(recent, dimension)]
    pipelines, failed = recent["pipeline"].to_numpy(), recent["failed"].to_numpy()
    may_hold = [it for it in values if len(np.unique(pipelines[it[2] & failed])) >= LEAST_PIPELINES]
    shorter: list[tuple[str, str, Affected]] = []
    for span in SPANS_MINUTES:
        holding = []
        for dimension, value, is_of_it in may_hold:
            parts = (ended_in(span, recent.filter(those), history.until_us) for those in (is_of_it, ~is_of_it))
            found, others = (failing(part, rates) for part in parts)
            before = [one for name, same, one in shorter if (name, same) == (dimension, value)]
            if _holds(found, others, len(values)) and not any(map(found.is_over_by, before)):
                holding.append((dimension, value, found))
            shorter.append((dimension, value, found))
        if holding:
            return sorted(holding, key=lambda it: (it[2].chance, it[0], it[1]))
    return []


def _values(recent: pa.Table, dimension: str) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Those of enough pipelines, in order, and which runs are of them."""
    numbers, values = numbered(recent[DIMENSIONS[dimension]])
    pipelines = recent["pipeline"].to_numpy()
    for place in sorted(np.unique(numbers[numbers >= 0]), key=values.__getitem__):
        is_of_it = numbers == place
        if len(np.unique(pipelines[is_of_it])) >= LEAST_PIPELINES:
            yield dimension, values[place], is_of_it


def _holds(found: Affected, others: Affected, tested: int) -> bool:
    affected = len(found.pipelines)
    if affected < LEAST_PIPELINES or 100 * affected < LEAST_PART_PERCENT * found.active:
        return False
    counts = (affected, found.active, len(others.pipelines), others.active)
    is_of_it = fisher_greater_p(*(np.array([float(count)]) for count in counts))[0] <= REST_CHANCE
    return bool(is_of_it) and found.chance <= CHANCE / tested
