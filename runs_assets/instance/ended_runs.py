"""How the runs that ended lately went: what those of a source tried, and the latest of each job."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import dagster as dg

from runs_assets.alerts.observation import JobFailure, JobRun
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.instance.project import ASSET_PAGE_JOB, Project
from runs_assets.instance.run_records import Records, is_about
from runs_assets.instance.run_tags import days_of_tags, step_name
from runs_assets.settling.attempts import ASKED_NOTHING, Attempt
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, RUNS_REPORT

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
MAX_RUNS_PER_JOB = 10
"""The newest runs of a job in which its outcome is looked for: some say nothing about the job."""
KILLED = "Killed"
UNKNOWN = "Unknown"
UNEXPLAINED = "It ended without an error: its process was killed, or never began. See the run in Dagster."


@dataclass(frozen=True)
class StepFailure:
    """Why a step failed: the error's class name and a sentence.

    And if they are known the fingerprint of the settings, and the instant until which the API asked to wait (UTC).
    """

    step: str
    kind: str
    settings: str | None
    description: str
    retry_at: datetime | None = None


def past_attempts(records: Records, source: Source) -> list[Attempt]:
    """What runs of the last two days tried with the source's assets, whoever started them, newest first."""
    ended = (record for record in records.ended(source.job_name) if is_about(record.dagster_run, source))
    return [attempt for record in ended for attempt in _attempts(records.instance, source, record)]


def latest_job_runs(instance: dg.DagsterInstance, project: Project, now: datetime) -> list[JobRun]:
    """The latest run of each job that succeeded or failed within two days; one for each source, whoever started it.

    A run from an asset page that is about no source is one of the job that builds the tables over all days. Left out
    are runs that failed because another run was at work or because their days cannot be read, checks from a page, and
    runs of the report alone, which say nothing about the tables.
    """
    by_job = Records(instance, now, project.label)
    records = [
        record for job in project.jobs for record in by_job.of_job(job, (SUCCESS, FAILURE), limit=MAX_RUNS_PER_JOB)
    ]
    found: dict[tuple[str, str | None], JobRun] = {}
    for record in sorted(records, key=lambda record: record.end_time or 0.0, reverse=True):
        run = record.dagster_run
        source = next((source for source in project.sources if is_about(run, source)), None)
        is_from_page = run.job_name == ASSET_PAGE_JOB
        own_job = project.refresh_job if is_from_page else run.job_name
        key = (source.job_name, source.name) if source else (own_job, None)
        is_of_checks = is_from_page and not run.asset_selection
        is_of_report = run.asset_selection == {project.verdict(RUNS_REPORT)}
        if key in found or not project.has(run) or is_of_checks or is_of_report:
            continue
        failure = _job_failure(instance, record) if run.status == FAILURE else None
        if failure is not None or run.status == SUCCESS:
            found[key] = JobRun(key[0], failure, key[1])
    return list(found.values())


def _attempts(instance: dg.DagsterInstance, source: Source, record: dg.RunRecord) -> Iterator[Attempt]:
    """A run tried to read, to build tables, or both; its failed steps show which of them failed."""
    run, days = record.dagster_run, days_of_tags(record.dagster_run.tags)
    if days is None or record.end_time is None:
        return
    ended_at = datetime.fromtimestamp(record.end_time, UTC)
    began_at = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else ended_at
    asked_the_api = not run.asset_selection or dg.AssetKey(source.path(RAW_RUNS)) in run.asset_selection
    tried = Attempt(began_at, ended_at, days, asked_the_api)
    if run.status == SUCCESS:
        yield tried
        return
    failures = {failure.step: failure for failure in _step_failures(instance, run.run_id)}
    reading = failures.pop(step_name(source.path(RAW_RUNS)), None)
    building = (failures.get(step_name(source.path(table.name))) for table in DAILY_TABLES)
    if failure := next(filter(None, building), None):
        yield replace(tried, asked_the_api=False, failure=failure.kind, settings=failure.settings)
    if asked_the_api and reading:
        yield replace(tried, failure=reading.kind, settings=reading.settings, retry_at=reading.retry_at)
    elif asked_the_api and failures:
        yield tried
    elif not failures:
        yield replace(tried, failure=KILLED)


def _job_failure(instance: dg.DagsterInstance, record: dg.RunRecord) -> JobFailure | None:
    """Why a run failed; None if that says nothing about the job."""
    run_id = record.dagster_run.run_id
    failures = _step_failures(instance, run_id)
    if failures and all(failure.kind in ASKED_NOTHING for failure in failures):
        return None
    ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    return JobFailure(
        run_id=run_id, ended_at=ended_at, description=failures[0].description if failures else UNEXPLAINED
    )


def _step_failures(instance: dg.DagsterInstance, run_id: str) -> list[StepFailure]:
    """The failures of a run's steps, in the order in which they failed."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    events = (record.event_log_entry.dagster_event for record in records)
    return [_step_failure(event) for event in events if event]


def _step_failure(event: dg.DagsterEvent) -> StepFailure:
    """Of an error that nobody foresaw, only the kind is shown: its text may hold a secret."""
    step, data = event.step_key or "", event.step_failure_data
    user_data, cause = data.user_failure_data, data.error and (data.error.cause or data.error)
    metadata = {name: str(value.value) for name, value in user_data.metadata.items()} if user_data else {}
    kind = metadata.get("kind") or (cause and cause.cls_name) or UNKNOWN
    unforeseen = f"{(cause and cause.cls_name) or 'An error'} in {step}. See the run in Dagster."
    retry_at = datetime.fromisoformat(metadata["retry_at"]) if "retry_at" in metadata else None
    description = (user_data and user_data.description) or unforeseen
    return StepFailure(step, kind, metadata.get("settings"), description, retry_at)
