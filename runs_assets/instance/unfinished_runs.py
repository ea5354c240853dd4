"""The runs and backfills that are at work, judged so that a killed run does not hold its source."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from runs_assets.instance.dagster_internals import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from runs_assets.instance.project import ASSET_PAGE_JOB
from runs_assets.instance.run_records import run_records, source_records
from runs_assets.instance.run_tags import REFRESH_VERDICTS, days_of_keys
from runs_assets.sources.source import Source
from runs_assets.storage.layout import ALL_SOURCES, Layout
from runs_assets.storage.lock import is_being_written
from runs_assets.verdicts.tables import VERDICT_TABLES

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
UNFINISHED_BACKFILLS = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)
LOOK_BACK_AT_UNFINISHED = timedelta(days=7)
"""What was queued, or began, longer ago does not count: `dagster.yaml` ends runs after six hours, and a queue that has
not moved for a week is not waited for."""
MAX_BACKFILLS = 100
SILENCE = timedelta(minutes=5)
"""How long a run may write nothing to its log, without holding its source's lock, and still count as alive."""


def run_in_flight(
    instance: dg.DagsterInstance, source: Source, layout: Layout, now: datetime, label: str | None = None
) -> dg.DagsterRun | None:
    """A run of the source that is at work, whoever started it; None if there is none.

    `label` is that of the repository, where it is known: see `run_records`.
    """
    records = source_records(instance, source, UNFINISHED, now - LOOK_BACK_AT_UNFINISHED, label)
    return _first_at_work(instance, records, layout.lock_file(source.name), now)


def refresh_in_flight(
    instance: dg.DagsterInstance, layout: Layout, now: datetime, label: str | None = None
) -> dg.DagsterRun | None:
    """A run at work that builds the tables over all days; None if there is none."""
    since, table = now - LOOK_BACK_AT_UNFINISHED, dg.AssetKey(VERDICT_TABLES[0].name)
    records = run_records(instance, REFRESH_VERDICTS, UNFINISHED, since, label)
    from_pages = run_records(instance, ASSET_PAGE_JOB, UNFINISHED, since, label)
    records += [record for record in from_pages if table in (record.dagster_run.asset_selection or ())]
    return _first_at_work(instance, records, layout.lock_file(ALL_SOURCES), now)


def _first_at_work(
    instance: dg.DagsterInstance, unfinished: Iterable[dg.RunRecord], lock_file: Path, now: datetime
) -> dg.DagsterRun | None:
    """The first of some unfinished runs that is at work; None if there is none.

    Dagster keeps a killed run as started. So a run that has left the queue counts while some process holds the lock,
    which dies with its process, and for five minutes after the last line of its log.
    """
    is_held = is_being_written(lock_file)
    at_work = (record.dagster_run for record in unfinished if is_held or _is_alive(instance, record, now))
    return next(at_work, None)


def days_being_backfilled(instance: dg.DagsterInstance, source: Source, now: datetime) -> set[date]:
    """The days of the source's unfinished backfills, whoever asked for them, also those that they have done.

    Of all projects' backfills that began within a week and are not finished, the newest 100 are read.
    """
    filters = BulkActionsFilter(statuses=list(UNFINISHED_BACKFILLS), created_after=now - LOOK_BACK_AT_UNFINISHED)
    backfills = instance.get_backfills(filters=filters, limit=MAX_BACKFILLS)
    return set(days_of_keys(key for backfill in backfills for key in _keys_of(backfill, source)))


def _is_alive(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    if record.dagster_run.status == dg.DagsterRunStatus.QUEUED:
        return True
    lines = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    wrote_at = datetime.fromtimestamp(lines[0].timestamp, UTC) if lines else record.create_timestamp
    return now - wrote_at < SILENCE


def _keys_of(backfill: PartitionBackfill, source: Source) -> Iterator[str]:
    if backfill.job_name == source.job_name:
        yield from backfill.partition_names or ()
    elif backfill.asset_backfill_data is not None:
        for key in (key for key in backfill.asset_selection or () if key.path[0] == source.name):
            yield from backfill.asset_backfill_data.get_target_partitions_subset(key).get_partition_keys()
