"""Which days a run is about, in the tags that Dagster gives this meaning."""

from datetime import date

import dagster as dg

from runs_assets.days import DayRange

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"


def range_tags(days: DayRange) -> dict[str, str]:
    """The tags that make one run of a range of days."""
    return {RANGE_START: str(days.first), RANGE_END: str(days.last)}


def days_of_run(run: dg.DagsterRun) -> DayRange | None:
    """The days of a run, be it of one partition or of a range; None if it has none."""
    first = run.tags.get(RANGE_START, run.tags.get(PARTITION))
    last = run.tags.get(RANGE_END, first)
    return DayRange(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
