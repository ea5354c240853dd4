"""The queries for runs: of one job and a limited time, so that no tick reads the whole of a shared instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from runs_assets.instance.project import ASSET_PAGE_JOB, REPOSITORY_TAG
from runs_assets.sources.source import Source

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
NEWEST = 20
UNKNOWN = "Unknown"


@dataclass(frozen=True)
class StepFailure:
    """Why a step failed: the error's class name, the fingerprint of the settings if it is known, and a sentence."""

    step: str
    kind: str
    settings: str | None
    description: str


def run_records(
    instance: dg.DagsterInstance,
    job_name: str,
    statuses: Sequence[dg.DagsterRunStatus],
    changed_after: datetime,
    label: str | None,
    limit: int | None = None,
) -> list[dg.RunRecord]:
    """The newest `limit` runs of a job, or all, that came to one of `statuses` after `changed_after`, newest first.

    All projects of an instance share the job of the asset pages, and Dagster cannot be asked for runs by their assets.
    Of that job, these are the runs with the repository's `label`, and the newest 20, for those without any label.
    """
    is_shared = job_name == ASSET_PAGE_JOB
    wanted = dg.RunsFilter(job_name=job_name, statuses=statuses, updated_after=changed_after)
    found = list(instance.get_run_records(wanted, limit=NEWEST if is_shared else limit))
    if not is_shared or label is None:
        return found
    tags = {REPOSITORY_TAG: label}
    ours = dg.RunsFilter(job_name=job_name, statuses=statuses, updated_after=changed_after, tags=tags)
    by_id = {record.storage_id: record for record in [*found, *instance.get_run_records(ours, limit=limit)]}
    return [by_id[number] for number in sorted(by_id, reverse=True)]


def source_records(
    instance: dg.DagsterInstance,
    source: Source,
    statuses: Sequence[dg.DagsterRunStatus],
    changed_after: datetime,
    label: str | None,
) -> list[dg.RunRecord]:
    """The runs of a source's job and those started from a page with its assets, newest first; see `run_records`."""
    jobs = (source.job_name, ASSET_PAGE_JOB)
    records = [record for job in jobs for record in run_records(instance, job, statuses, changed_after, label)]
    about = [record for record in records if is_about(record.dagster_run, source)]
    return sorted(about, key=lambda record: record.storage_id, reverse=True)


def is_about(run: dg.DagsterRun, source: Source) -> bool:
    """Whether a run is of the source's job, or was started from a page with one of the source's assets."""
    return run.job_name == source.job_name or any(key.path[0] == source.name for key in run.asset_selection or ())


def step_failures(instance: dg.DagsterInstance, run_id: str) -> list[StepFailure]:
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
    return StepFailure(step, kind, metadata.get("settings"), (user_data and user_data.description) or unforeseen)
