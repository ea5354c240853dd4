"""What every platform's normalizer ends with: derived columns, and exactly the schema of `runs`."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.schema import RUNS
from runs_assets.sources.columns import seconds_between
from runs_assets.status import TERMINAL, RunStatus


def runs_table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """A table with schema `RUNS` from a platform's columns; those it does not have are null.

    Derives `is_terminal` (an unknown status has ended only if there is a finish time), `queue_seconds` and
    `duration_seconds`.
    """
    ended_by_word = pc.is_in(columns["status"], value_set=pa.array(sorted(TERMINAL)))
    ended_unknown = pc.and_(pc.equal(columns["status"], RunStatus.UNKNOWN), pc.is_valid(columns["finished_at"]))
    present = {
        **columns,
        "is_terminal": pc.or_(ended_by_word, ended_unknown),
        "queue_seconds": seconds_between(columns["created_at"], columns["started_at"]),
        "duration_seconds": seconds_between(columns["started_at"], columns["finished_at"]),
    }
    rows = len(columns["run_id"])
    return pa.table([present.get(field.name, pa.nulls(rows, field.type)) for field in RUNS], schema=RUNS)
