"""CloudCruise rows as `runs`: which field is which column, which word which status."""

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.normalizing.columns import RawRows, booleans, instants, texts
from runs_assets.normalizing.runs_table import runs_table
from runs_assets.status import RunStatus

VERSION = "2"

STATUS_OF = {
    "execution.queued": RunStatus.QUEUED,
    "execution.requeued": RunStatus.QUEUED,  # a retry of the same session is scheduled
    "execution.start": RunStatus.RUNNING,
    "execution.paused": RunStatus.PAUSED,
    "execution.success": RunStatus.SUCCEEDED,
    "execution.failed": RunStatus.FAILED,
    "execution.stopped": RunStatus.CANCELLED,
}
"""The seven documented words."""
OLDER_SPELLINGS = {"execution.pause": RunStatus.PAUSED}


def normalize(rows: RawRows) -> pa.Table:
    """The `runs` table (schema `runs_assets.normalizing.runs_table.RUNS_SCHEMA`) of raw rows."""
    raw_status = pc.fill_null(texts(rows["status"]), "")
    return runs_table(
        {
            "run_id": texts(rows["session_id"]),
            "raw_status": raw_status,
            "status": statuses(raw_status),
            "created_at": instants(rows["created_at"], are_utc=True),
            "started_at": instants(rows["execution_start"], are_utc=True),
            "finished_at": instants(rows["execution_end"], are_utc=True),
            "observed_at": instants(rows.observed_at),
            "pipeline_id": texts(rows["workflow_id"]),
            "workspace_id": texts(rows["workspace_id"]),
            "dry_run": booleans(rows["dry_run"]),
        }
    )


def statuses(raw_status: pa.Array) -> pa.Array:
    """The canonical status of each of the platform's words."""
    words = raw_status.dictionary_encode()
    status_of = {**STATUS_OF, **OLDER_SPELLINGS}
    canonical = pa.array([status_of.get(word, RunStatus.UNKNOWN) for word in words.dictionary.to_pylist()], pa.string())
    return canonical.take(words.indices)
