"""What a check found: exact counts of what is wrong, a sample of it, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SAMPLE_ROWS = 20
CELL_CHARACTERS = 300
NOTHING_TO_DO = "Nothing to do."


class CheckSeverity(StrEnum):
    """How bad a failed check is: WARN can wait or mends itself, ERROR means that numbers are lost or wrong."""

    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Outcome:
    """What a check found. `summary` is a sentence of our own words and numbers, never of text from an API.

    `wrong` has exact counts by name; the check passes if all are 0. `numbers` are further exact counts. `sample` shows
    some of what is wrong: the first 20 rows, and of long texts the beginning.
    """

    summary: str
    wrong: Mapping[str, int]
    remedy: str
    severity: CheckSeverity
    numbers: Mapping[str, int] = field(default_factory=dict)
    sample: pa.Table = field(default_factory=lambda: pa.table({}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "sample", _capped(self.sample))
        if self.passed:
            object.__setattr__(self, "remedy", NOTHING_TO_DO)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.wrong.values())


def rows_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of the same columns as a table for a sample; only as many as it takes."""
    return pa.Table.from_pylist([dict(row) for row in rows[:SAMPLE_ROWS]])


def _capped(table: pa.Table) -> pa.Table:
    head = table.slice(0, SAMPLE_ROWS)
    return pa.table({name: _cut(head[name]) for name in head.column_names})


def _cut(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(column, 0, CELL_CHARACTERS) if pa.types.is_string(column.type) else column
