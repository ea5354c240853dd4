"""The tables of a `SourceHistory` from and to pandas, with which the tests compute."""

import pandas as pd
import pyarrow as pa

from runs_assets.verdicts.source_history import KEPT_COLUMNS, OPEN_COLUMNS

KEPT, OPEN = (["pipeline" if name == "pipeline_id" else name for name in its] for its in (KEPT_COLUMNS, OPEN_COLUMNS))
"""The columns of its `runs` and `open_runs`."""
TYPES = {
    **dict.fromkeys(("run_id", "pipeline_version", "status", "site_id", "workspace_id"), pa.string()),
    "duration_seconds": pa.float64(),
    "exit_code": pa.int32(),
}
"""Of the columns that are not whole numbers of 64 bits."""


def table_of(frame: pd.DataFrame) -> pa.Table:
    """The same columns; NaN is null."""
    schema = pa.schema([(name, TYPES.get(name, pa.int64())) for name in frame])
    return pa.Table.from_pandas(frame, preserve_index=False).cast(schema)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The same columns; null is NaN."""
    frame: pd.DataFrame = table.to_pandas()
    return frame
