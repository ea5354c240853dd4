"""Which runs about a source there are: those still at work, judged so that a killed one does not hold its source."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill

from runs_assets.instance.run_tags import days_of_keys
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.storage.lock import is_being_written

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
UNFINISHED_BACKFILLS = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)
SILENCE = timedelta(minutes=5)
"""How long a run may write nothing to its log, without holding its source's lock, and still count as alive."""


def run_in_flight(instance: dg.DagsterInstance, source: Source, layout: Layout, now: datetime) -> dg.DagsterRun | None:
    """A run of the source, whoever started it, that has not ended; None if there is none. See `unfinished_run`."""
    return unfinished_run(instance, lambda run: is_about(run, source), layout.lock_file(source.name), now)


def unfinished_run(
    instance: dg.DagsterInstance, concerns: Callable[[dg.DagsterRun], bool], lock_file: Path, now: datetime
) -> dg.DagsterRun | None:
    """A run that `concerns` us and has not ended; None if there is none.

    Dagster keeps a killed run as started for ever. So a run that has left the queue counts while some process holds
    the lock, which dies with its process, and for five minutes after the last line of its log.
    """
    is_held = is_being_written(lock_file)
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED))):
        if concerns(record.dagster_run) and (is_held or _is_alive(instance, record, now)):
            return record.dagster_run
    return None


def days_being_backfilled(instance: dg.DagsterInstance, source: Source) -> set[date]:
    """The days of the unfinished backfills of the source, whoever asked for them, also those that they have done."""
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=list(UNFINISHED_BACKFILLS)))
    return set(days_of_keys(key for backfill in backfills for key in _keys_of(backfill, source)))


def is_about(run: dg.DagsterRun, source: Source) -> bool:
    """Whether a run is the source's job, or was started from a page with one of the source's assets."""
    return run.job_name == source.job_name or any(key.path[0] == source.name for key in run.asset_selection or ())


def _is_alive(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    if record.dagster_run.status == dg.DagsterRunStatus.QUEUED:
        return True
    lines = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    spoke_at = datetime.fromtimestamp(lines[0].timestamp, UTC) if lines else record.create_timestamp
    return now - spoke_at < SILENCE


def _keys_of(backfill: PartitionBackfill, source: Source) -> Iterator[str]:
    if backfill.job_name == source.job_name:
        yield from backfill.partition_names or ()
    elif backfill.asset_backfill_data is not None:
        for key in (key for key in backfill.asset_selection or () if key.path[0] == source.name):
            yield from backfill.asset_backfill_data.get_target_partitions_subset(key).get_partition_keys()
