"""Productsup CDE rows as `runs`: which field is which column, and what state and exit code mean together."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.sources.columns import instants, int32s, texts
from runs_assets.sources.normalize import runs_table
from runs_assets.status import RunStatus

VERSION = "1"


def normalize(rows: list[dict[str, Any]], observed_at: list[str]) -> pa.Table:
    """The `runs` table (schema `runs_assets.schema.RUNS`) of raw rows and the ISO times at which each was shown."""
    state = pc.fill_null(texts([row.get("state") for row in rows]), "")
    exit_code = int32s([row.get("exit-code") for row in rows])
    started_at = instants([row.get("started-at") for row in rows])
    finished_at = instants([row.get("finished-at") for row in rows])
    return runs_table(
        {
            "run_id": texts([row["id"] for row in rows]),
            "raw_status": state,
            "status": statuses(state, exit_code, started_at, finished_at),
            "created_at": instants([row["created-at"] for row in rows]),
            "started_at": started_at,
            "finished_at": finished_at,
            "observed_at": instants(observed_at),
            "pipeline_id": texts([row.get("connector-id") for row in rows]),
            "pipeline_version": texts([row.get("connector-version") for row in rows]),
            "workspace_id": texts([row.get("account-id") for row in rows]),
            "workspace_name": texts([row.get("account-name") for row in rows]),
            "project_id": texts([row.get("project-id") for row in rows]),
            "project_name": texts([row.get("project-name") for row in rows]),
            "site_id": texts([row.get("site-id") for row in rows]),
            "site_name": texts([row.get("site-name") for row in rows]),
            "process_id": texts([row.get("process-id") for row in rows]),
            "exit_code": exit_code,
        }
    )


def statuses(state: pa.Array, exit_code: pa.Array, started_at: pa.Array, finished_at: pa.Array) -> pa.Array:
    """The canonical status of each run.

    Only `finished` and `failed` are public words. A non-zero exit code is a failure whatever the word; for any other
    word, the times decide.
    """
    failed = pc.or_(pc.equal(state, "failed"), pc.fill_null(pc.not_equal(exit_code, 0), fill_value=False))
    has_started, has_finished = pc.is_valid(started_at), pc.is_valid(finished_at)
    return pc.case_when(
        pc.make_struct(failed, pc.equal(state, "finished"), has_finished, has_started),
        pa.scalar(RunStatus.FAILED.value),
        pa.scalar(RunStatus.SUCCEEDED.value),
        pa.scalar(RunStatus.UNKNOWN.value),
        pa.scalar(RunStatus.RUNNING.value),
        pa.scalar(RunStatus.QUEUED.value),
    )
