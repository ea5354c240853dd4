"""The runs and backfills that are at work, judged so that a killed run does not hold its source."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from runs_assets.instance.dagster_internals import Backfill
from runs_assets.instance.project import Project, assets_of
from runs_assets.instance.run_records import Records, is_about
from runs_assets.instance.run_tags import days_of_keys
from runs_assets.sources.source import Source
from runs_assets.storage.layout import ALL_SOURCES, Layout
from runs_assets.storage.store import StoredFile
from runs_assets.verdicts.tables import VERDICT_TABLES

SILENCE = timedelta(minutes=5)
"""How long a run may write nothing to its log, without holding its source's lock, and still count as alive."""
BACKFILL_SILENCE = timedelta(hours=1)
"""How long nothing may happen in a backfill that still counts as alive."""


def run_in_flight(records: Records, source: Source, layout: Layout) -> dg.DagsterRun | None:
    """A run of the source that is at work, whoever started it; None if there is none."""
    unfinished = [record for record in records.unfinished(source.job_name) if is_about(record.dagster_run, source)]
    return _first_at_work(records, unfinished, layout.lock_file(source.name))


def refresh_in_flight(records: Records, project: Project, layout: Layout) -> dg.DagsterRun | None:
    """A run at work that builds the tables over all days; None if there is none."""
    table = project.verdict(VERDICT_TABLES[0].name)
    unfinished = (
        record
        for record in records.unfinished(project.refresh_job)
        if record.dagster_run.job_name == project.refresh_job or table in (record.dagster_run.asset_selection or ())
    )
    return _first_at_work(records, unfinished, layout.lock_file(ALL_SOURCES))


def days_being_backfilled(records: Records, source: Source) -> set[date]:
    """The days of the source's backfills that are at work, whoever asked for them, also those that they have done."""
    found = ((backfill, [*_keys_of(backfill, source)]) for backfill in records.unfinished_backfills)
    alive = (keys for backfill, keys in found if keys and _is_backfill_alive(records, backfill))
    return set(days_of_keys(key for keys in alive for key in keys))


def _first_at_work(records: Records, unfinished: Iterable[dg.RunRecord], lock_file: StoredFile) -> dg.DagsterRun | None:
    """The first of some unfinished runs that is at work; None if there is none.

    Dagster keeps a killed run as started. So a run that has left the queue counts while some process holds the lock,
    which dies with its process, and for five minutes after the last line of its log.
    """
    at_work = (record for record in unfinished if lock_file.is_held() or _is_alive(records, record))
    return next((record.dagster_run for record in at_work), None)


def _is_alive(records: Records, record: dg.RunRecord) -> bool:
    if record.dagster_run.status == dg.DagsterRunStatus.QUEUED:
        return True
    lines = records.instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    wrote_at = datetime.fromtimestamp(lines[0].timestamp, UTC) if lines else record.create_timestamp
    return records.now - wrote_at < SILENCE


def _is_backfill_alive(records: Records, backfill: Backfill) -> bool:
    """Whether it was asked for within an hour, or its newest run is at work or ended within an hour.

    A backfill whose daemon or code location went away stays requested, or canceling, for ever.
    """
    newest = records.newest_of_backfill(backfill.backfill_id)
    if newest and not newest.dagster_run.is_finished and _is_alive(records, newest):
        return True
    last_sign = max(backfill.backfill_timestamp, (newest and newest.end_time) or 0.0)
    return records.now.timestamp() - last_sign < BACKFILL_SILENCE.total_seconds()


def _keys_of(backfill: Backfill, source: Source) -> Iterator[str]:
    if backfill.job_name == source.job_name:
        yield from backfill.partition_names or ()
    elif backfill.asset_backfill_data is not None:
        for key in assets_of(source).intersection(backfill.asset_selection or ()):
            yield from backfill.asset_backfill_data.get_target_partitions_subset(key).get_partition_keys()
