"""All that runs_assets imports from Dagster's private modules, as it was read in Dagster 1.13.27.

A new version of Dagster may move any of it without notice: the tests of this file name what has moved, and nothing
else has to be adapted. What takes long to import (SQLAlchemy, backfills) is imported where it is used.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

# 1.13.27: what `dg.define_asset_job` returns; for annotations.
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

# 1.13.27: what a run launcher answers when it is asked for a run's worker; for the launcher of several machines.
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

# 1.13.27: the states of a check's evaluation; for those that ended with a result.
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

if TYPE_CHECKING:
    # 1.13.27: what `DagsterInstance.get_backfills` returns; for the days that a backfill is at work on.
    from dagster._core.execution.backfill import PartitionBackfill

__all__ = [
    "AssetCheckExecutionRecordStatus",
    "AssetJob",
    "Backfill",
    "CheckRunHealthResult",
    "WorkerStatus",
    "database_files",
    "delete_evaluations",
    "unfinished_backfills",
]

Backfill: TypeAlias = "PartitionBackfill"
"""For annotations."""


def unfinished_backfills(instance: dg.DagsterInstance, since: datetime, limit: int) -> Sequence[Backfill]:
    """The newest backfills that were asked for after `since` and are not finished."""
    # 1.13.27: what `DagsterInstance.get_backfills` takes.
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus  # noqa: PLC0415

    statuses = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
    return instance.get_backfills(filters=BulkActionsFilter(statuses=statuses, created_after=since), limit=limit)


def delete_evaluations(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run's check evaluations, which `delete_run` keeps."""
    # 1.13.27: the table of check evaluations and the storage that has it in the shared database.
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Evaluations  # noqa: PLC0415
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage  # noqa: PLC0415

    if isinstance(instance.event_log_storage, SqlEventLogStorage):
        with instance.event_log_storage.index_connection() as connection:
            connection.execute(Evaluations.delete().where(Evaluations.c.run_id == run_id))


def database_files(instance: dg.DagsterInstance, run_id: str) -> Sequence[Path]:
    """The files of a run's own SQLite database, which `delete_run` empties and keeps; none with other storages."""
    # 1.13.27: the storage that writes a database file for each run.
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage  # noqa: PLC0415

    if not isinstance(instance.event_log_storage, SqliteEventLogStorage):
        return []
    database = instance.event_log_storage.path_for_shard(run_id)
    return [Path(database + suffix) for suffix in ("", "-wal", "-shm")]
