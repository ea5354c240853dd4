"""Productsup CDE rows as `runs`: which field is which column, and what state and exit code mean together."""

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.normalizing.columns import RawRows
from runs_assets.normalizing.runs_table import Columns, runs_table
from runs_assets.status import RunStatus

VERSION = "2"


FIELDS = {
    "run_id": "id",
    "raw_status": "state",
    "created_at": "created-at",
    "started_at": "started-at",
    "finished_at": "finished-at",
    "pipeline_id": "connector-id",
    "pipeline_version": "connector-version",
    "workspace_id": "account-id",
    "workspace_name": "account-name",
    "project_id": "project-id",
    "project_name": "project-name",
    "site_id": "site-id",
    "site_name": "site-name",
    "process_id": "process-id",
    "exit_code": "exit-code",
}


def normalize(rows: RawRows) -> pa.Table:
    """The `runs` table (schema `runs_assets.normalizing.runs_table.RUNS_SCHEMA`) of raw rows."""
    return runs_table(rows, FIELDS, statuses)


def statuses(columns: Columns) -> pa.Array:
    """The canonical status of each run.

    Only `finished` and `failed` are public words. A non-zero exit code is a failure whatever the word; for any other
    word, the times decide.
    """
    state = columns["raw_status"]
    failed = pc.or_(pc.equal(state, "failed"), pc.fill_null(pc.not_equal(columns["exit_code"], 0), fill_value=False))
    has_started, has_finished = (pc.is_valid(columns[name]) for name in ("started_at", "finished_at"))
    return pc.case_when(
        pc.make_struct(failed, pc.equal(state, "finished"), has_finished, has_started),
        pa.scalar(RunStatus.FAILED.value),
        pa.scalar(RunStatus.SUCCEEDED.value),
        pa.scalar(RunStatus.UNKNOWN.value),
        pa.scalar(RunStatus.RUNNING.value),
        pa.scalar(RunStatus.QUEUED.value),
    )
