"""The jobs, with the schedules of those that run by the clock: reading, checking, judging and pruning.

`prune_runs` keeps Dagster's own history small, as the README here says: a run that holds the newest materialization of
any partition of any asset, or the newest evaluation of any check, stays however old it is, and so do others' runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import chain, islice

import dagster as dg

from runs_assets.automation.switches import schedule, why_off
from runs_assets.days import DayRange
from runs_assets.instance.dagster_internals import (
    AssetCheckExecutionRecordStatus,
    AssetJob,
    database_files,
    delete_evaluations,
)
from runs_assets.instance.project import Project, label_of
from runs_assets.instance.run_records import ENDED, LOOK_BACK, Records
from runs_assets.instance.run_tags import range_tags
from runs_assets.instance.unfinished_runs import run_in_flight
from runs_assets.names import Names
from runs_assets.resources import Clock, DataFolder, keys_of_shared, shared_resources
from runs_assets.sources.source import Source

DAYS = 3
MAX_RUNS, PAGE_ROWS = 10_000, 500
"""At a time: the runs that some hundred accounts have in a day, which take ten minutes."""
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}

What = tuple[dg.AssetKey | dg.AssetCheckKey, str | None]
"""What a run materialized or evaluated: an asset or a check, and a partition if it has any."""


def daily_job(source: Source, assets: list[dg.AssetsDefinition]) -> AssetJob:
    """The job of the source's four daily assets."""
    description = f"Reads days of {source.name} and rebuilds everything that follows from them."
    return _asset_job(source.job_name, dg.AssetSelection.assets(*assets), description, source.run_tags)


def daily_schedule(source: Source, job: AssetJob) -> dg.ScheduleDefinition:
    """At 00:15 UTC: yesterday and the two days before it, as one run.

    On by default if the source is configured and Dagster's history is kept.
    """
    description = f"Every night: the last {DAYS} whole UTC days of {source.name}, read again in one run."

    @schedule(source.names, job, "15 0 * * *", description, why_off(source))
    def last_days(context: dg.ScheduleEvaluationContext, data_folder: DataFolder, clock: Clock) -> dg.RunRequest | str:
        records = Records(context.instance, clock.now())
        if (run := run_in_flight(records, source, data_folder.layout)) is not None:
            return f"{source.name} is being read by run {run.run_id}; the sensor asks for the rest."
        yesterday = context.scheduled_execution_time.date() - timedelta(days=1)
        if yesterday < data_folder.first_day:
            return f"The first day to be kept, {data_folder.first_day}, is not over yet."
        days = DayRange(max(yesterday - timedelta(days=DAYS - 1), data_folder.first_day), yesterday)
        return dg.RunRequest(run_key=f"{source.job_name}:{days}", tags=range_tags(days))

    return last_days


def checks_job(source: Source, checks: dg.AssetChecksDefinition) -> AssetJob:
    """`<source>_checks`: the source's checks on their own, also while reading fails; no request to the API."""
    description = f"Checks the stored files of all days of {source.name} that can still be read, without the API."
    return _asset_job(source.checks_job_name, dg.AssetSelection.checks(checks), description)


def checks_schedule(source: Source, job: AssetJob) -> dg.ScheduleDefinition:
    """At 05:30 UTC, when the night's readings have ended or failed; on by default as the daily schedule is."""
    description = f"Every morning: checks the stored days of {source.name}, even if they could not be read."

    @schedule(source.names, job, "30 5 * * *", description, why_off(source))
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"{job.name}:{context.scheduled_execution_time.date()}")

    return every_morning


def verdicts_job(project: Project, assets: Sequence[dg.AssetsDefinition]) -> AssetJob:
    """The job of the verdict tables and the report; a run's tag `runs_assets/sources` lists the sources to judge."""
    description = "Judges all stored days of all sources, from the files, and writes the report."
    return _asset_job(project.refresh_job, dg.AssetSelection.assets(*assets), description)


def _asset_job(
    name: str, selection: dg.AssetSelection, description: str, run_tags: Mapping[str, str] | None = None
) -> AssetJob:
    executor = dg.in_process_executor
    return dg.define_asset_job(name, selection, executor_def=executor, description=description, run_tags=run_tags)


def prune_job(project: Project, keep_days: int) -> dg.JobDefinition:
    """The job `prune_runs`: deletes superseded runs that ended more than `keep_days` days ago.

    At most 10,000 at a time. Raises `ValueError` if `keep_days` is shorter than the time for which the sensors look
    back at runs.
    """
    names = project.names
    if timedelta(days=keep_days) < LOOK_BACK:
        raise ValueError(
            f"Runs cannot be deleted {keep_days} days after their end: the sensors look back for {LOOK_BACK.days} days."
        )

    @dg.op(name=names.of("delete_superseded_runs"), required_resource_keys=keys_of_shared(names))
    def delete_superseded_runs(context: dg.OpExecutionContext) -> None:
        """Delete old superseded runs, and log how many they were and how many bytes they took."""
        _, clock = shared_resources(context.resources, names)
        ours, checks = replace(project, label=label_of(context.run)), project.checks_in(context.repository_def)
        deleted, freed = delete_superseded(context.instance, ours, checks, clock.now() - timedelta(days=keep_days))
        context.log.info(
            "Deleted %d superseded runs that ended more than %d days ago: %.1f MB of files.",
            deleted,
            keep_days,
            freed / 1e6,
        )
        if deleted == MAX_RUNS:
            context.log.info("No more than %d are deleted at a time; the next run of this job goes on.", MAX_RUNS)

    @dg.job(
        name=project.prune_job,
        executor_def=dg.in_process_executor,
        description=(
            f"Deletes from Dagster's history the runs of this project that ended more than {keep_days} days ago and "
            "whose work newer runs have done again. The last run of every day, asset and check stays, and so does "
            "every data file."
        ),
    )
    def job() -> None:
        delete_superseded_runs()

    return job


def prune_schedule(names: Names, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """At 03:40 UTC, once a day; on by default if Dagster's history is kept."""

    @schedule(names, job, "40 3 * * *", "Every night: keeps Dagster's own history small.", why_off())
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:  # noqa: ARG001  (Dagster passes it by name)
        return dg.RunRequest()

    return every_night


def superseded_runs(ended: Iterable[str], newest_first: Iterable[tuple[What, str]]) -> Iterator[str]:
    """Those of the runs `ended` that hold no newest record, in the order given.

    `newest_first` are the records of all runs: what was done, and the run's id; of each asset and check the newest
    first.
    """
    newest: dict[What, str] = {}
    for what, run_id in newest_first:
        newest.setdefault(what, run_id)
    needed = set(newest.values())
    return (run_id for run_id in ended if run_id not in needed)


def delete_superseded(
    instance: dg.DagsterInstance, project: Project, checks: Iterable[dg.AssetCheckKey], before: datetime
) -> tuple[int, int]:
    """Delete the project's superseded runs that ended before `before`, the oldest first, at most 10,000.

    `checks` are all checks of its assets. Returns how many they were, and how many bytes of files went with them.
    """
    by_job = (_ended_runs(instance, project, job, before) for job in project.jobs)
    ended = (run_id for _, run_id in merge(*by_job))
    materialized = (_materializations(instance, asset) for asset in project.assets)
    evaluated = (_evaluations(instance, check) for check in checks)
    records = chain.from_iterable(chain(materialized, evaluated))
    doomed = list(islice(superseded_runs(ended, records), MAX_RUNS))
    return len(doomed), sum(_delete(instance, run_id) for run_id in doomed)


def _ended_runs(
    instance: dg.DagsterInstance, project: Project, job: str, before: datetime
) -> Iterator[tuple[int, str]]:
    """The number in Dagster's storage and the id of each ended run of a job, the oldest first."""
    filters = dg.RunsFilter(job_name=job, statuses=ENDED, updated_before=before)
    cursor = None
    while page := instance.get_run_records(filters, limit=PAGE_ROWS, ascending=True, cursor=cursor):
        ours = (record for record in page if project.has(record.dagster_run))
        yield from ((record.storage_id, record.dagster_run.run_id) for record in ours)
        cursor = page[-1].dagster_run.run_id


def _materializations(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[tuple[What, str]]:
    cursor, has_more = None, True
    while has_more:
        page = instance.fetch_materializations(asset, limit=PAGE_ROWS, cursor=cursor)
        yield from (((asset, record.partition_key), record.run_id) for record in page.records)
        cursor, has_more = page.cursor, page.has_more


def _evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[tuple[What, str]]:
    storage, cursor = instance.event_log_storage, None
    while page := storage.get_asset_check_execution_history(check, PAGE_ROWS, cursor, EVALUATED):
        yield from (((check, record.partition), record.run_id) for record in page)
        cursor = page[-1].id


def _delete(instance: dg.DagsterInstance, run_id: str) -> int:
    """Delete a run and what `delete_run` leaves behind; returns the bytes of the files that are gone.

    Measured: of a run's 180 KB and more in SQLite, `delete_run` frees none, since it empties the run's own file and
    keeps it; rows of check evaluations and captured output stay too.
    """
    delete_evaluations(instance, run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    files = [file for file in database_files(instance, run_id) if file.exists()]
    freed = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink(missing_ok=True)
    return freed
