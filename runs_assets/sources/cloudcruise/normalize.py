"""CloudCruise rows as `runs`: which field is which column, which word which status."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.sources.columns import booleans, instants, texts
from runs_assets.sources.normalize import runs_table
from runs_assets.status import RunStatus

VERSION = "1"

STATUS_OF = {
    "execution.queued": RunStatus.QUEUED,
    "execution.requeued": RunStatus.QUEUED,  # a retry of the same session is scheduled
    "execution.start": RunStatus.RUNNING,
    "execution.paused": RunStatus.PAUSED,
    "execution.pause": RunStatus.PAUSED,  # the spelling of older SDKs
    "execution.success": RunStatus.SUCCEEDED,
    "execution.failed": RunStatus.FAILED,
    "execution.stopped": RunStatus.CANCELLED,
}


def normalize(rows: list[dict[str, Any]], observed_at: list[str]) -> pa.Table:
    """The `runs` table (schema `runs_assets.schema.RUNS`) of raw rows and the ISO times at which each was shown."""
    raw_status = pc.fill_null(texts([row.get("status") for row in rows]), "")
    return runs_table(
        {
            "run_id": texts([row["session_id"] for row in rows]),
            "raw_status": raw_status,
            "status": statuses(raw_status),
            "created_at": instants([row["created_at"] for row in rows]),
            "started_at": instants([row.get("execution_start") for row in rows]),
            "finished_at": instants([row.get("execution_end") for row in rows]),
            "observed_at": instants(observed_at),
            "pipeline_id": texts([row.get("workflow_id") for row in rows]),
            "workspace_id": texts([row.get("workspace_id") for row in rows]),
            "dry_run": booleans([row.get("dry_run") for row in rows]),
        }
    )


def statuses(raw_status: pa.Array) -> pa.Array:
    """The canonical status of each of the platform's words."""
    words = raw_status.dictionary_encode()
    canonical = pa.array([STATUS_OF.get(word, RunStatus.UNKNOWN) for word in words.dictionary.to_pylist()], pa.string())
    return canonical.take(words.indices)
