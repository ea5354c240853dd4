"""CloudCruise rows as `runs`: which word is which status."""

import pyarrow as pa

from runs_assets.normalizing.columns import RawRows
from runs_assets.normalizing.runs_table import Columns, fields_by_column, runs_table
from runs_assets.sources.cloudcruise.row import CloudCruiseRow
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
    return runs_table(rows, fields_by_column(CloudCruiseRow), statuses)


def statuses(columns: Columns) -> pa.Array:
    """The canonical status of each of the platform's words."""
    words = columns["raw_status"].dictionary_encode()
    status_of = {**STATUS_OF, **OLDER_SPELLINGS}
    canonical = pa.array([status_of.get(word, RunStatus.UNKNOWN) for word in words.dictionary.to_pylist()], pa.string())
    return canonical.take(words.indices)
