"""The runs about a source that have ended lately, as Dagster remembers them."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from runs_assets.automation.in_flight import is_about
from runs_assets.automation.run_days import days_of_run
from runs_assets.settling.attempts import Attempt
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS

LOOK_BACK = timedelta(days=2)
"""Longer than any wait after failures, all of its doublings included."""

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
KILLED = "Killed"


def past_attempts(instance: dg.DagsterInstance, source: Source, now: datetime) -> list[Attempt]:
    """Runs of the last two days that materialized the source's assets, whoever started them, newest first."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(ENDED), created_after=now - LOOK_BACK))
    found = [_attempt(instance, source, record) for record in records if is_about(record.dagster_run, source)]
    return [attempt for attempt in found if attempt is not None]


def _attempt(instance: dg.DagsterInstance, source: Source, record: dg.RunRecord) -> Attempt | None:
    run = record.dagster_run
    days = days_of_run(run)
    if days is None or record.end_time is None:
        return None
    ended_at = datetime.fromtimestamp(record.end_time, UTC)
    began_at = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else ended_at
    asked_the_api = not run.asset_selection or dg.AssetKey([source.name, RAW_RUNS]) in run.asset_selection
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return Attempt(began_at, ended_at, days, asked_the_api)
    failure, settings = _failure(instance, run.run_id)
    return Attempt(began_at, ended_at, days, asked_the_api, failure, settings)


def _failure(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str | None]:
    """The kind of a run's failure, and the fingerprint of its settings, from what its step said before it ended."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    data = event.step_failure_data.user_failure_data if event else None
    said = {name: str(value.value) for name, value in data.metadata.items()} if data else {}
    return said.get("kind", KILLED), said.get("settings")
