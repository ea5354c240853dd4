"""What a check found: exact counts of what is wrong, some of it, and which button or command mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

SAMPLE_ROWS = 20
COMMAND = "dagster asset materialize -m runs_assets.definitions --select '{select}' --partition-range {first}...{last}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a check found. `summary` is a sentence of our own words and numbers, never of text from an API.

    `wrong` has exact counts by name; the check passes if all are 0, and needs no `remedy` then. If it fails and
    `is_error`, numbers are lost or wrong; anything else can wait or mends itself. `numbers` are further exact counts.
    `sample` has rows of the same columns, of which the first 20 are shown.
    """

    summary: str
    wrong: Mapping[str, int]
    remedy: str
    is_error: bool = False
    numbers: Mapping[str, int] = field(default_factory=dict)
    sample: Sequence[Mapping[str, Any]]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.wrong.values())


def read_again(source: str, days: Sequence[date]) -> str:
    """How to read days from the API again, and build what follows from them."""
    command = _command(f'key:"{source}/*"', days)
    return (
        f"The sensor {source}_unsettled_days reads them, if it is on. At once: in the lineage of {source} select its "
        f"four assets, Materialize, and choose these days; or run: {command}"
    )


def rebuild(source: str, days: Sequence[date]) -> str:
    """How to build the tables of days again from their raw files, without asking the API."""
    command = _command(f'key:"{source}/runs"+', days)
    return (
        f"The sensor {source}_unsettled_days rebuilds them, if it is on. At once, without asking the API: in the "
        f"lineage select {source}/runs and the assets after it, Materialize, and choose these days; or run: {command}"
    )


def _command(select: str, days: Sequence[date]) -> str:
    return COMMAND.format(select=select, first=min(days, default=None), last=max(days, default=None))
