"""A CloudCruise row, from the vendor's page "List runs"."""

import msgspec
from msgspec import UNSET

from runs_assets.normalizing.row_shape import RowShape, Text, Truth

MAX_PAGE_SIZE = 10_000


class CloudCruiseRow(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A run as the platform lists it."""

    session_id: str
    status: Text = UNSET
    created_at: str
    workflow_id: Text = UNSET
    workspace_id: Text = UNSET
    execution_start: Text = UNSET
    execution_end: Text = UNSET
    dry_run: Truth = UNSET


SHAPE = RowShape(CloudCruiseRow, id_field="session_id", created_field="created_at", times_are_utc=True)
