"""Which button or command mends what was found; where nothing was, its sentence is not shown."""

from collections.abc import Sequence
from datetime import date

COMMAND = "dagster asset materialize -m runs_assets.definitions --select '{select}' --partition-range {first}...{last}"


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
