"""The names by which runs say what they are about: their tags, the jobs that are no source's, and steps."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from runs_assets.days import DayRange

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
REFRESH_VERDICTS = "refresh_verdicts"
"""The job that builds the tables over all days and sources; `Project.refresh_job` is its full name."""
PRUNE_RUNS = "prune_runs"
"""The job that deletes superseded runs; `Project.prune_job` is its full name."""
SOURCES_TAG = "runs_assets/sources"
"""Whose rows of these tables a run builds, separated by commas; all without it."""
DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def step_name(path: Sequence[str]) -> str:
    """What Dagster calls the step of a run that materializes the asset with this path."""
    return "__".join(path)


def range_tags(days: DayRange) -> dict[str, str]:
    """The tags that make one run of a range of days."""
    return {RANGE_START: str(days.first), RANGE_END: str(days.last)}


def days_of_tags(tags: Mapping[str, str]) -> DayRange | None:
    """The days of a run, be it of one partition or of a range; None if it has none.

    Anybody can start a run with any tags: what is not a range of days is none.
    """
    first = tags.get(RANGE_START, tags.get(PARTITION, ""))
    days = days_of_keys([first, tags.get(RANGE_END, first)])
    return DayRange(*days) if len(days) == 2 and days[0] <= days[1] else None


def days_of_keys(keys: Iterable[str]) -> list[date]:
    """The days among some partition keys, in the order given; keys of other kinds of partitions are left out."""
    return [date.fromisoformat(key) for key in keys if DAY.fullmatch(key)]
