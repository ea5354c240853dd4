"""Whether a source is being read at this moment, judged so that a killed run does not hold its source for long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

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
HEAD_START = timedelta(minutes=5)
"""How long a run counts as alive without holding its source's lock: between assets, or before the first one."""


def run_in_flight(instance: dg.DagsterInstance, source: Source, layout: Layout, now: datetime) -> dg.DagsterRun | None:
    """A run of the source, whoever started it, that has not ended; None if there is none.

    Dagster keeps a killed run as started for ever. So a run that has left the queue counts for five minutes, and after
    that only while some process holds the source's lock, which dies with its process.
    """
    is_held = is_being_written(layout.lock_file(source.name))
    for record in _unfinished(instance, source):
        is_queued = record.dagster_run.status == dg.DagsterRunStatus.QUEUED
        if is_held or is_queued or now - record.create_timestamp < HEAD_START:
            return record.dagster_run
    return None


def _unfinished(instance: dg.DagsterInstance, source: Source) -> Iterator[dg.RunRecord]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED))):
        run = record.dagster_run
        if run.job_name == source.job_name or any(key.path[0] == source.name for key in run.asset_selection or ()):
            yield record
