"""How fresh and how final what is known of a source is, and its days as a whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange
from runs_assets.insight.day_counts import DayCounts, DayRates, source_days
from runs_assets.insight.status import Row, SourceStatus
from runs_assets.plain_text.wording import at
from runs_assets.sources.source import Source
from runs_assets.storage.layout import QUARANTINE, Layout
from runs_assets.storage.quarantine import load_quarantine
from runs_assets.verdicts.failure_trends import NOW, SOURCE


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """A source in the window; `status` and `read_until` are None of one that was never judged.

    `days` are all days of the window, ascending; durations over all pipelines are not known. The counts of days say how
    many of the window are stored, read to their end, final, and missing: not stored although an earlier one is.
    `set_aside` counts the rows that could not be stored as runs, by what is wrong with them. The rates are of the last
    24 hours before `read_until`, and what is usual for the source as a whole.
    """

    source: str
    status: SourceStatus | None
    read_until: datetime | None
    days: Sequence[DayCounts]
    stored_days: int
    whole_days: int
    final_days: int
    missing_days: int
    open_runs: int
    set_aside: Mapping[str, int]
    failed_24h: int | None
    completed_24h: int | None
    failure_rate_24h: float | None
    usual_rate: float | None


def is_expected(layout: Layout, source: Source) -> bool:
    """Whether it should have been judged: it is configured, or some of its days are stored."""
    return source.is_configured or bool(layout.stored_days(FAILURE_RATES.name, source.name))


def why_not_known(source: str, read_until: datetime | None, oldest: datetime) -> str | None:
    """Why it cannot be told how a source is now, and what to do; None if it was read since `oldest`."""
    if read_until is None:
        return f"{source} has not been judged. Materialize some days, or run `runs-assets refresh`."
    if read_until < oldest:
        return f"{source} was last read up to {at(read_until)}. Run `runs-assets doctor` to see why."
    return None


def source_record(
    layout: Layout, source: str, status: SourceStatus | None, rates: DayRates, trends: pa.Table, window: DayRange
) -> SourceRecord:
    """By the source's `rates` and rows of `failure_trends`; raises `StorageError` if a file cannot be read."""
    days, now = source_days(rates, trends, window), _now(trends)
    first_stored = min(layout.stored_days(FAILURE_RATES.name, source), default=window.last)
    return SourceRecord(
        source=source,
        status=status,
        read_until=status.read_until if status else None,
        days=days,
        stored_days=sum(day.is_read for day in days),
        whole_days=sum(day.is_whole for day in days),
        final_days=sum(day.is_final for day in days),
        missing_days=sum(not day.is_read and day.date > first_stored for day in days),
        open_runs=sum(day.open for day in days),
        set_aside=_set_aside(layout, source, window),
        failed_24h=now.get("failed"),
        completed_24h=now.get("decided"),
        failure_rate_24h=now.get("failure_rate"),
        usual_rate=now.get("baseline_rate"),
    )


def _now(trends: pa.Table) -> Row:
    """Of the last 24 hours; nothing if nothing ran."""
    rows: list[Row] = trends.filter((pc.field("scope") == SOURCE) & (pc.field("period") == NOW)).to_pylist()
    return rows[0] if rows else {}


def _set_aside(layout: Layout, source: str, window: DayRange) -> Mapping[str, int]:
    days = (day for day in layout.stored_days(QUARANTINE, source) if day in window)
    reasons = Counter(row["reason"] for day in days for row in load_quarantine(layout, source, day))
    return dict(reasons.most_common())
