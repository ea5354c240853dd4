"""The days of a long window as weeks, so that the page stays small."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from statistics import median

import numpy as np

from runs_assets.insight.day_counts import DayCounts
from runs_assets.statistics.intervals import rate_with_interval

COUNTS = ("runs", "dry_runs", "completed", "failed", "open")
MOST_DAYS = 120
"""A longer window goes by week."""


def weeks(days: Sequence[DayCounts]) -> list[DayCounts]:
    """The days in UTC weeks, each under the date of its Monday, also if the window begins or ends within it."""
    by_monday = groupby(days, key=lambda day: day.date - timedelta(days=day.date.weekday()))
    found = [_week(monday, list(group)) for monday, group in by_monday]
    failed, completed = (np.array([getattr(week, name) for week in found]) for name in ("failed", "completed"))
    rates = zip(*(values.tolist() for values in rate_with_interval(failed, completed)), strict=True)
    return [
        replace(week, failure_rate=rate, failure_rate_low=low, failure_rate_high=high) if week.completed else week
        for week, (rate, low, high) in zip(found, rates, strict=True)
    ]


def _week(monday: date, days: Sequence[DayCounts]) -> DayCounts:
    """Counts are sums, durations the medians of the days', and usual is what was usual before the last of them."""
    return DayCounts(
        date=monday,
        is_read=any(day.is_read for day in days),
        is_whole=all(day.is_whole for day in days),
        is_final=all(day.is_final for day in days),
        **dict(zip(COUNTS, map(sum, zip(*map(attrgetter(*COUNTS), days), strict=True)), strict=True)),
        duration_p50_seconds=_middle(day.duration_p50_seconds for day in days),
        duration_p95_seconds=_middle(day.duration_p95_seconds for day in days),
        usual_rate=next((day.usual_rate for day in reversed(days) if day.usual_rate is not None), None),
        is_worse=any(day.is_worse for day in days),
    )


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
