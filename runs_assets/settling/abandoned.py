"""Which open runs are so old that they are no longer waited for."""

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.settling.rules import Rules
from runs_assets.storage.reads import Read
from runs_assets.tables import TIMESTAMP

NEEDS = ["is_terminal", "created_at"]


def is_abandoned(runs: pa.Table, read: Read, rules: Rules) -> pa.ChunkedArray:
    """For each row, which has the columns `NEEDS`, whether the reading found it still open `give_up_after` later."""
    given_up = pa.scalar(read.read_started_at - rules.give_up_after, TIMESTAMP)
    return pc.and_(pc.invert(runs["is_terminal"]), pc.less_equal(runs["created_at"], given_up))
