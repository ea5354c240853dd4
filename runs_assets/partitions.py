"""The daily partitions that all assets share: UTC days of the runs' creation, today's part-day included."""

from datetime import date

import dagster as dg


def daily_partitions(first_day: date) -> dg.DailyPartitionsDefinition:
    """Days from `first_day` to today, both inclusive, keyed `YYYY-MM-DD`."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)
