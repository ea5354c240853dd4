"""The runs about a source that have ended lately, as Dagster remembers them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.instance.run_tags import days_of_tags
from runs_assets.instance.unfinished_runs import is_about
from runs_assets.settling.attempts import Attempt
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS

LOOK_BACK = timedelta(days=2)
"""Longer than any wait after failures, all of its doublings included."""

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
KILLED, UNKNOWN = "Killed", "Unknown"


def past_attempts(instance: dg.DagsterInstance, source: Source, now: datetime) -> list[Attempt]:
    """What runs of the last two days tried with the source's assets, whoever started them, newest first."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(ENDED), created_after=now - LOOK_BACK))
    about = (record for record in records if is_about(record.dagster_run, source))
    return [attempt for record in about for attempt in _attempts(instance, source, record)]


def _attempts(instance: dg.DagsterInstance, source: Source, record: dg.RunRecord) -> Iterator[Attempt]:
    """A run tried to read, to build tables, or both; what failed in it tells at which."""
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
    failures = dict(_failures(instance, run.run_id))
    reading = failures.pop(f"{source.name}__{RAW_RUNS}", None)
    building = [failures[step] for table in DAILY_TABLES if (step := f"{source.name}__{table.name}") in failures]
    for failure, settings in building[:1]:
        yield replace(tried, asked_the_api=False, failure=failure, settings=settings)
    if asked_the_api:
        came_of_it = reading or ((None, None) if failures else (KILLED, None))
        yield replace(tried, failure=came_of_it[0], settings=came_of_it[1])
    elif not failures:
        yield replace(tried, failure=KILLED)


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """The steps of a run that failed, with the kind of failure and the fingerprint of the settings, if it said so."""
    for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
        event = record.event_log_entry.dagster_event
        if event is not None and event.step_key:
            said = event.step_failure_data.user_failure_data
            metadata = {name: str(value.value) for name, value in said.metadata.items()} if said else {}
            error = event.step_failure_data.error
            cause = error and (error.cause or error)
            kind = metadata.get("kind") or (cause and cause.cls_name) or UNKNOWN
            yield event.step_key, (kind, metadata.get("settings"))
