"""How the project's own runs end: the latest of each job, as Dagster remembers it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from runs_assets.alerts.observation import JobFailure, JobRun
from runs_assets.instance.past_runs import LOOK_BACK
from runs_assets.instance.project import ASSET_PAGE_JOB, Project
from runs_assets.instance.unfinished_runs import is_about
from runs_assets.settling.attempts import ASKED_NOTHING
from runs_assets.sources.source import Source

DECIDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
UNEXPLAINED = "It ended without saying why: its process was killed, or never began. See the run in Dagster."


def latest_job_runs(
    instance: dg.DagsterInstance, project: Project, sources: Sequence[Source], now: datetime
) -> list[JobRun]:
    """The latest run of each job that succeeded or failed within two days; one for each source, whoever started it.

    Left out are runs that failed because another one was at work or the days asked for are not to be had, and those
    started from a page of assets that are of no source: somebody was looking.
    """
    filters = dg.RunsFilter(statuses=list(DECIDED), updated_after=now - LOOK_BACK)
    records = [record for record in instance.get_run_records(filters) if project.has(record.dagster_run)]
    found: dict[tuple[str, str | None], JobRun] = {}
    for record in sorted(records, key=lambda record: record.end_time or 0.0, reverse=True):
        run = record.dagster_run
        source = next((source for source in sources if is_about(run, source)), None)
        key = (source.job_name, source.name) if source else (run.job_name, None)
        if key in found or key[0].startswith(ASSET_PAGE_JOB):
            continue
        failure = _failure(instance, record) if run.status == dg.DagsterRunStatus.FAILURE else None
        if failure is None and run.status == dg.DagsterRunStatus.FAILURE:
            continue
        found[key] = JobRun(key[0], failure, key[1])
    return list(found.values())


def _failure(instance: dg.DagsterInstance, record: dg.RunRecord) -> JobFailure | None:
    """Why a run failed; None if that says nothing about the job."""
    run_id = record.dagster_run.run_id
    failures = list(_failures(instance, run_id))
    if failures and all(kind in ASKED_NOTHING for kind, _ in failures):
        return None
    ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    return JobFailure(run_id=run_id, ended_at=ended_at, description=failures[0][1] if failures else UNEXPLAINED)


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[str, str]]:
    """The kind and the description of each step's failure; of an error nobody foresaw, only its kind is shown."""
    for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        said, error = event.step_failure_data.user_failure_data, event.step_failure_data.error
        cause = error and (error.cause or error)
        if said is not None and said.description:
            kind = said.metadata.get("kind")
            yield str(kind.value) if kind else "", said.description
        else:
            yield "", f"{(cause and cause.cls_name) or 'An error'} in {event.step_key}. See the run in Dagster."
