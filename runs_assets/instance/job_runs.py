"""How the project's own runs end: the latest run of each job."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from runs_assets.alerts.observation import JobFailure, JobRun
from runs_assets.instance.past_runs import LOOK_BACK
from runs_assets.instance.project import ASSET_PAGE_JOB, Project
from runs_assets.instance.run_records import is_about, run_records, step_failures
from runs_assets.settling.attempts import ASKED_NOTHING
from runs_assets.sources.source import Source

COMPLETED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
MAX_RUNS_PER_JOB = 20
"""The newest runs of a job in which its outcome is looked for: some say nothing about the job."""
UNEXPLAINED = "It ended without an error: its process was killed, or never began. See the run in Dagster."


def latest_job_runs(
    instance: dg.DagsterInstance, project: Project, sources: Sequence[Source], now: datetime
) -> list[JobRun]:
    """The latest run of each job that succeeded or failed within two days; one for each source, whoever started it.

    Left out are runs that failed because another run was at work or because their days cannot be read, and runs that
    were started from an asset page and are about no source: somebody watches those.
    """
    since = now - LOOK_BACK
    records = [
        record
        for job in project.jobs
        for record in run_records(instance, job, COMPLETED, since, project.label, MAX_RUNS_PER_JOB)
    ]
    found: dict[tuple[str, str | None], JobRun] = {}
    for record in sorted(records, key=lambda record: record.end_time or 0.0, reverse=True):
        run = record.dagster_run
        source = next((source for source in sources if is_about(run, source)), None)
        key = (source.job_name, source.name) if source else (run.job_name, None)
        if key in found or key[0] == ASSET_PAGE_JOB or not project.has(run):
            continue
        failure = _failure(instance, record) if run.status == dg.DagsterRunStatus.FAILURE else None
        if failure is not None or run.status == dg.DagsterRunStatus.SUCCESS:
            found[key] = JobRun(key[0], failure, key[1])
    return list(found.values())


def _failure(instance: dg.DagsterInstance, record: dg.RunRecord) -> JobFailure | None:
    """Why a run failed; None if that says nothing about the job."""
    run_id = record.dagster_run.run_id
    failures = step_failures(instance, run_id)
    if failures and all(failure.kind in ASKED_NOTHING for failure in failures):
        return None
    ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    return JobFailure(
        run_id=run_id, ended_at=ended_at, description=failures[0].description if failures else UNEXPLAINED
    )
