"""How often the runs of each pipeline failed by version, site and workspace, and which versions are new."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.insight.runs import RunsQuery, SourceRuns, together
from runs_assets.insight.status import Row
from runs_assets.status import RunStatus
from runs_assets.tables import TIMESTAMP

PARTS = {"version": "pipeline_version", "site": "site_id", "workspace": "workspace_id"}
"""By what the completed runs are counted, and the column of each."""
VERSION = "version"
KEYS = ["pipeline_id", "dimension", "value"]
COUNTS = pa.schema(
    [
        *((name, pa.string()) for name in KEYS),
        *((name, pa.int64()) for name in ("completed", "failed")),
        *((name, TIMESTAMP) for name in ("first_at", "last_at")),
    ]
)
"""Completed and failed runs of a part, and when the first and the last of them were created."""


@dataclass(frozen=True)
class RecentRuns:
    """Of some runs the failed ones (columns `SHOWN`), and the `counts` of the completed ones (`COUNTS`)."""

    failed: pa.Table
    counts: pa.Table


class NewVersion(NamedTuple):
    """A part of the dimension `version` that ran for the first time, and the version that ran last before it did."""

    version: Row
    before: Row


def recent_runs(stored: SourceRuns, query: RunsQuery) -> RecentRuns:
    """The runs of a query, without holding them all; raises `StorageError` if a file cannot be read."""
    failed, counts = [], [COUNTS.empty_table()]
    for runs in stored.by_day(query):
        failed.append(runs.filter(pc.field("status") == RunStatus.FAILED))
        counts += _counted(runs)
    return RecentRuns(together(failed), _summed(pa.concat_tables(counts)))


def parts_by_pipeline(counts: pa.Table) -> Mapping[str | None, list[Row]]:
    """Of each pipeline `dimension`, `value`, `completed`, `failed`: in the order of `PARTS`, most failures first."""
    found: defaultdict[str | None, list[Row]] = defaultdict(list)
    places = {dimension: place for place, dimension in enumerate(PARTS)}
    for row in counts.select([*KEYS, "completed", "failed"]).to_pylist():
        found[row.pop("pipeline_id")].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (places[row["dimension"]], -row["failed"], row["value"]))
    return found


def new_versions(counts: pa.Table, since: datetime) -> Mapping[str | None, NewVersion]:
    """Of each pipeline the version that was first seen last, if that was after `since`, and others ran before."""
    versions: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in counts.filter(pc.field("dimension") == VERSION).to_pylist():
        versions[row["pipeline_id"]].append(row)
    return {pipeline: found for pipeline, rows in versions.items() if (found := _newest(rows, since))}


def _newest(rows: Iterable[Row], since: datetime) -> NewVersion | None:
    *others, newest = sorted(rows, key=lambda row: (row["first_at"], row["value"]))
    before = [row for row in others if row["first_at"] < newest["first_at"]]
    if newest["first_at"] < since or not before:
        return None
    return NewVersion(newest, max(before, key=lambda row: row["last_at"]))


def _counted(runs: pa.Table) -> Iterator[pa.Table]:
    is_completed = pc.field("status").isin([RunStatus.SUCCEEDED, RunStatus.FAILED])
    completed = runs.filter(is_completed)
    failed = pc.equal(completed["status"], RunStatus.FAILED).cast(pa.int64())
    for dimension, column in PARTS.items():
        rows = completed.num_rows
        columns = [completed["pipeline_id"], pa.repeat(pa.scalar(dimension), rows), completed[column]]
        columns += [pa.repeat(pa.scalar(1, pa.int64()), rows), failed, completed["created_at"], completed["created_at"]]
        yield _summed(pa.table(columns, schema=COUNTS).filter(pc.field("value").is_valid()))


def _summed(counts: pa.Table) -> pa.Table:
    aggregates = [("completed", "sum"), ("failed", "sum"), ("first_at", "min"), ("last_at", "max")]
    summed = counts.group_by(KEYS, use_threads=False).aggregate(aggregates)
    return summed.select([*KEYS, *("_".join(one) for one in aggregates)]).rename_columns(COUNTS.names)
