"""Productsup CDE rows as `runs`: what state and exit code mean together."""

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.normalizing.columns import RawRows
from runs_assets.normalizing.runs_table import Columns, fields_by_column, runs_table
from runs_assets.sources.productsup.row import ProductsupRow
from runs_assets.status import RunStatus

VERSION = "2"


def normalize(rows: RawRows) -> pa.Table:
    """The `runs` table (schema `runs_assets.normalizing.runs_table.RUNS_SCHEMA`) of raw rows."""
    return runs_table(rows, fields_by_column(ProductsupRow), statuses)


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
