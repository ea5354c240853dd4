"""Retention of Dagster's own history, which would otherwise grow by gigabytes a year.

A run writes a database file of its own and rows in a shared one, and Dagster never deletes any of it. But most runs
only repeat what an earlier one did: today is read every hour. So once a day the runs that ended long ago are deleted,
except those that something still refers to: a run that holds the newest materialization of any partition of any asset,
or the newest evaluation of any check, stays for as long as it is the newest, however old. So no day turns "missing".

Only runs of this project's jobs and assets are touched. The data files know nothing of runs, and stay as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from runs_assets.automation.switches import IS_TEMPORARY, is_kept, is_temporary
from runs_assets.instance.past_runs import ENDED, LOOK_BACK
from runs_assets.instance.project import REPOSITORY_TAG, Project
from runs_assets.resources import Clock

KEEP_DAYS = 7
MAX_RUNS = 500
PAGE_ROWS = 500
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
SIDE_FILES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Record:
    """That a run materialized, or evaluated, something: a partition of an asset, or a check."""

    of: dg.AssetKey | dg.AssetCheckKey
    partition: str | None
    run_id: str


def superseded_runs(ended: Iterable[str], newest_first: Iterable[Record]) -> Iterator[str]:
    """Those of the runs `ended` that hold no newest record, in the order given.

    `newest_first` are the records of all runs, of each asset and of each check the newest first. A run without any
    record holds none.
    """
    newest: dict[tuple[dg.AssetKey | dg.AssetCheckKey, str | None], str] = {}
    for record in newest_first:
        newest.setdefault((record.of, record.partition), record.run_id)
    needed = set(newest.values())
    return (run_id for run_id in ended if run_id not in needed)


def prune_job(keep_days: int = KEEP_DAYS) -> dg.JobDefinition:
    """The job `prune_runs`: deletes superseded runs that ended more than `keep_days` days ago, at most 500 at a time.

    Raises `ValueError` if `keep_days` is shorter than the time for which the sensors look back at runs.
    """
    if timedelta(days=keep_days) < LOOK_BACK:
        raise ValueError(
            f"Runs cannot be deleted {keep_days} days after their end: the sensors look back for {LOOK_BACK.days} days."
        )

    @dg.op(required_resource_keys={"clock"})
    def delete_superseded_runs(context: dg.OpExecutionContext) -> None:
        """Delete what is old and superseded, and say how much that was."""
        clock: Clock = context.resources.clock
        project = Project.of(context.repository_def, context.run.tags.get(REPOSITORY_TAG))
        deleted, freed = prune(context.instance, project, clock.now() - timedelta(days=keep_days))
        context.log.info(
            "Deleted %d superseded runs that ended more than %d days ago: %.1f MB of files.",
            deleted,
            keep_days,
            freed / 1e6,
        )
        if deleted == MAX_RUNS:
            context.log.info("No more than %d are deleted at a time; the next run of this job goes on.", MAX_RUNS)

    @dg.job(
        name="prune_runs",
        description=(
            f"Deletes from Dagster's history the runs of this project that ended more than {keep_days} days ago and "
            "whose work newer runs have done again. The last run of every day, asset and check stays, and so does "
            "every data file."
        ),
    )
    def job() -> None:
        delete_superseded_runs()

    return job


def prune_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """At 03:40 UTC, once a day; on by default if Dagster's history is kept."""

    @dg.schedule(
        name="prune_runs_schedule",
        job=job,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if is_kept() else dg.DefaultScheduleStatus.STOPPED,
        description="Every night: keeps Dagster's own history small." + ("" if is_kept() else f" {IS_TEMPORARY}"),
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return dg.SkipReason(IS_TEMPORARY) if is_temporary(context.instance) else dg.RunRequest()

    return schedule


def prune(instance: dg.DagsterInstance, project: Project, before: datetime) -> tuple[int, int]:
    """Delete the project's superseded runs that ended before `before`, the oldest first, at most 500.

    Returns how many they were, and how many bytes of files went with them.
    """
    ended = _ended_runs(instance, project, before)
    doomed = list(islice(superseded_runs(ended, _records(instance, project)), MAX_RUNS))
    return len(doomed), sum(_delete(instance, run_id) for run_id in doomed)


def _ended_runs(instance: dg.DagsterInstance, project: Project, before: datetime) -> Iterator[str]:
    """The oldest first."""
    filters = dg.RunsFilter(statuses=list(ENDED), updated_before=before)
    cursor = None
    while page := instance.get_run_records(filters, limit=PAGE_ROWS, ascending=True, cursor=cursor):
        yield from (record.dagster_run.run_id for record in page if project.has(record.dagster_run))
        cursor = page[-1].dagster_run.run_id


def _records(instance: dg.DagsterInstance, project: Project) -> Iterator[Record]:
    for asset in project.assets:
        yield from _materializations(instance, asset)
    for check in project.checks:
        yield from _evaluations(instance, check)


def _materializations(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[Record]:
    cursor, has_more = None, True
    while has_more:
        page = instance.fetch_materializations(asset, limit=PAGE_ROWS, cursor=cursor)
        yield from (Record(asset, record.partition_key, record.run_id) for record in page.records)
        cursor, has_more = page.cursor, page.has_more


def _evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[Record]:
    storage, cursor = instance.event_log_storage, None
    while page := storage.get_asset_check_execution_history(check, PAGE_ROWS, cursor, EVALUATED):
        yield from (Record(check, record.partition, record.run_id) for record in page)
        cursor = page[-1].id


def _delete(instance: dg.DagsterInstance, run_id: str) -> int:
    """Delete a run and what `delete_run` leaves behind; returns the bytes of the files that are gone.

    Measured: of a run's 180 KB and more in SQLite, `delete_run` frees none, since it empties the run's own file and
    keeps it; rows of check evaluations and captured output stay too.
    """
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable  # noqa: PLC0415  (half a second)
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage  # noqa: PLC0415

    events = instance.event_log_storage
    if isinstance(events, SqlEventLogStorage):
        with events.index_connection() as connection:
            rows = AssetCheckExecutionsTable
            connection.execute(rows.delete().where(rows.c.run_id == run_id))
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    return _remove(_own_files(events, run_id))


def _own_files(events: object, run_id: str) -> Sequence[Path]:
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage  # noqa: PLC0415

    if not isinstance(events, SqliteEventLogStorage):
        return []
    return [Path(events.path_for_shard(run_id) + side) for side in SIDE_FILES]


def _remove(files: Iterable[Path]) -> int:
    freed = 0
    for file in files:
        if file.exists():
            freed += file.stat().st_size
            file.unlink(missing_ok=True)
    return freed
