"""Productsup CDE rows as `runs`: which field is which column, and what state and exit code mean together."""

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.normalizing.columns import RawRows, instants, int32s, texts
from runs_assets.normalizing.runs_table import runs_table
from runs_assets.status import RunStatus

VERSION = "2"


def normalize(rows: RawRows) -> pa.Table:
    """The `runs` table (schema `runs_assets.normalizing.runs_table.RUNS_SCHEMA`) of raw rows."""
    state = pc.fill_null(texts(rows["state"]), "")
    exit_code = int32s(rows["exit-code"])
    started_at = instants(rows["started-at"])
    finished_at = instants(rows["finished-at"])
    return runs_table(
        {
            "run_id": texts(rows["id"]),
            "raw_status": state,
            "status": statuses(state, exit_code, started_at, finished_at),
            "created_at": instants(rows["created-at"]),
            "started_at": started_at,
            "finished_at": finished_at,
            "observed_at": instants(rows.observed_at),
            "pipeline_id": texts(rows["connector-id"]),
            "pipeline_version": texts(rows["connector-version"]),
            "workspace_id": texts(rows["account-id"]),
            "workspace_name": texts(rows["account-name"]),
            "project_id": texts(rows["project-id"]),
            "project_name": texts(rows["project-name"]),
            "site_id": texts(rows["site-id"]),
            "site_name": texts(rows["site-name"]),
            "process_id": texts(rows["process-id"]),
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
