"""A CloudCruise row, from the vendor's page "List runs"."""

import msgspec
from msgspec import UNSET, field

from runs_assets.normalizing.row_shape import RowShape, Text, Truth

MAX_PAGE_SIZE = 10_000


class CloudCruiseRow(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A run as the platform lists it. A field that is a column of `runs` has the column's name here."""

    run_id: str = field(name="session_id")
    raw_status: Text = field(name="status", default=UNSET)
    created_at: str
    pipeline_id: Text = field(name="workflow_id", default=UNSET)
    workspace_id: Text = UNSET
    started_at: Text = field(name="execution_start", default=UNSET)
    finished_at: Text = field(name="execution_end", default=UNSET)
    dry_run: Truth = UNSET


SHAPE = RowShape(CloudCruiseRow, id_field="session_id", created_field="created_at", times_are_utc=True)
