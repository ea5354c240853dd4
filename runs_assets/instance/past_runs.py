"""What the runs of a source that ended lately have tried."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.instance.run_records import ENDED, source_records, step_failures
from runs_assets.instance.run_tags import days_of_tags, step_name
from runs_assets.settling.attempts import Attempt
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS

LOOK_BACK = timedelta(days=2)
"""Longer than any wait after failures, all of its doublings included."""

KILLED = "Killed"


def past_attempts(
    instance: dg.DagsterInstance, source: Source, now: datetime, label: str | None = None
) -> list[Attempt]:
    """What runs of the last two days tried with the source's assets, whoever started them, newest first.

    `label` is that of the repository, where it is known: see `run_records`.
    """
    records = source_records(instance, source, ENDED, now - LOOK_BACK, label)
    return [attempt for record in records for attempt in _attempts(instance, source, record)]


def _attempts(instance: dg.DagsterInstance, source: Source, record: dg.RunRecord) -> Iterator[Attempt]:
    """A run tried to read, to build tables, or both; its failed steps show which of them failed."""
    run, days = record.dagster_run, days_of_tags(record.dagster_run.tags)
    if days is None or record.end_time is None:
        return
    ended_at = datetime.fromtimestamp(record.end_time, UTC)
    began_at = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else ended_at
    asked_the_api = not run.asset_selection or dg.AssetKey([source.name, RAW_RUNS]) in run.asset_selection
    tried = Attempt(began_at, ended_at, days, asked_the_api)
    if run.status == dg.DagsterRunStatus.SUCCESS:
        yield tried
        return
    failures = {failure.step: failure for failure in step_failures(instance, run.run_id)}
    reading = failures.pop(step_name(source.name, RAW_RUNS), None)
    building = (failures.get(step_name(source.name, table.name)) for table in DAILY_TABLES)
    if failure := next(filter(None, building), None):
        yield replace(tried, asked_the_api=False, failure=failure.kind, settings=failure.settings)
    if asked_the_api and reading:
        yield replace(tried, failure=reading.kind, settings=reading.settings)
    elif asked_the_api and failures:
        yield tried
    elif not failures:
        yield replace(tried, failure=KILLED)
