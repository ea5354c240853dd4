"""The rates of all stored days of a source, as the judges need them: a row per pipeline and day.

A refresh needs years of days. So what the files of older days hold is kept in one file, with their versions. The files
of newer days are read, and those that have another version by now. It is a cache: without it, every day's file is read.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import EPOCH, end_of
from runs_assets.errors import NotStoredError, StorageError
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table, opened_parquet, replacing_table
from runs_assets.tables import TIMESTAMP

log = logging.getLogger(__name__)
COLUMNS = ("pipeline_id", "runs", "dry_runs", "succeeded", "failed")
COUNTS = ("runs", "completed", "failed")
NEWER = timedelta(days=35)
"""Days that are no older than this before the newest are not kept: they change."""
KEPT = pa.schema(
    [
        *(("day", pa.date32()), ("version", pa.string())),
        *(("is_whole", pa.bool_()), ("is_final", pa.bool_()), ("seen_until", TIMESTAMP)),
        ("pipeline_id", pa.list_(pa.string())),
        *((name, pa.list_(pa.int64())) for name in COUNTS),
    ]
)
"""A row per day, with a list of its pipelines' numbers."""


@dataclass(frozen=True)
class DayCoverage:
    """How much of a stored day is known.

    `is_whole` is whether it was read completely after it was over, `is_final` whether it was settled, `seen_until`
    (UTC) up to which creation time its runs are known.
    """

    day: date
    is_whole: bool
    is_final: bool
    seen_until: datetime


def load_rates(layout: Layout, source: str) -> tuple[tuple[DayCoverage, ...], pa.Table]:
    """The stored days in order; and `pipeline_id`, `day` (days since 1970-01-01) and `COUNTS`, without dry runs.

    Only for the holder of the right to build the verdicts. Raises `StorageError` if a file of a day cannot be read.
    """
    versions = {day: entry.version for day, entry in layout.entries(FAILURE_RATES.name, source).items()}
    kept = _kept(layout, source, versions)
    missing = versions.keys() - set(kept["day"].to_pylist())
    read = pa.Table.from_pylist([_read(layout, source, day, versions[day]) for day in missing], KEPT)
    days = pa.concat_tables([kept, read]).sort_by("day").combine_chunks()
    newest = max(versions, default=EPOCH)
    older = {day for day in versions if day + NEWER < newest}
    if missing & older:
        _keep(layout, source, days.slice(0, len(older)))
    coverage = days.select(["day", "is_whole", "is_final", "seen_until"]).to_pylist()
    return tuple(DayCoverage(**day) for day in coverage), _by_pipeline(days)


def _by_pipeline(days: pa.Table) -> pa.Table:
    places = pc.list_parent_indices(days["runs"])
    numbers = days["day"].cast(pa.int32()).cast(pa.int64()).take(places)
    lists = {name: pc.list_flatten(days[name]) for name in ("pipeline_id", *COUNTS)}
    return pa.table({**lists, "day": numbers})


def _read(layout: Layout, source: str, day: date, version: str) -> dict[str, Any]:
    table, lineage = load_table(layout, FAILURE_RATES.name, source, day, COLUMNS)
    is_whole, end = lineage.read.is_whole(day), end_of(day)
    return {
        "day": day,
        "version": version,
        "is_whole": is_whole,
        "is_final": lineage.settled,
        "seen_until": end if is_whole else min(end, lineage.read.read_started_at),
        "pipeline_id": table["pipeline_id"].to_pylist(),
        "runs": pc.subtract(table["runs"], table["dry_runs"]).to_pylist(),
        "completed": pc.add(table["succeeded"], table["failed"]).to_pylist(),
        "failed": table["failed"].to_pylist(),
    }


def _kept(layout: Layout, source: str, versions: Mapping[date, str]) -> pa.Table:
    """What is kept of the days whose files have the same versions still."""
    try:
        with opened_parquet(layout.rates_file(source), "It is made again.") as file:
            kept = file.read(columns=KEPT.names).cast(KEPT)
    except NotStoredError:
        return KEPT.empty_table()
    except StorageError as error:
        log.info("The rates of %s are read from all files. %s", source, error)
        return KEPT.empty_table()
    days = zip(kept["day"].to_pylist(), kept["version"].to_pylist(), strict=True)
    return kept.filter(pa.array([versions.get(day) == version for day, version in days], pa.bool_()))


def _keep(layout: Layout, source: str, days: pa.Table) -> None:
    try:
        with replacing_table(layout.rates_file(source), KEPT) as table:
            table.write(days)
            table.finish({})
    except StorageError as error:
        log.info("The rates of %s are not kept. %s", source, error)
