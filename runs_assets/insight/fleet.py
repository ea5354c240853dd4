"""The fleet by day: every source and pipeline in the judged window, and what has changed since the day before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from runs_assets.days import DayRange
from runs_assets.insight.runs import Run
from runs_assets.insight.status import PipelineStatus, Row, SourceStatus
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile


@dataclass(frozen=True, kw_only=True, slots=True)
class DayCounts:
    """The runs that were created on a UTC day, of a pipeline or of a source.

    `is_read` is whether the day is stored (else all counts are 0 and say nothing), `is_whole` whether it was read to
    its end, `is_final` whether it was settled. `runs` are all of them, `completed` those that succeeded or failed, the
    rates `failed / completed` with its 95 % Wilson interval, the durations (seconds) those of successes. `usual_rate`
    and `is_worse` are of `failure_trends`: what was usual before the day, and whether the day was judged to be worse.
    """

    date: date
    is_read: bool
    is_whole: bool
    is_final: bool
    runs: int = 0
    dry_runs: int = 0
    completed: int = 0
    failed: int = 0
    open: int = 0
    failure_rate: float | None = None
    failure_rate_low: float | None = None
    failure_rate_high: float | None = None
    duration_p50_seconds: float | None = None
    duration_p95_seconds: float | None = None
    usual_rate: float | None = None
    is_worse: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """A source in the window; `status` is None of one that was never judged.

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


@dataclass(frozen=True, kw_only=True)
class PipelineHistory:
    """A pipeline in the window.

    `days` are all days of the window, ascending. `outages` (confirmed ones) and `silences` are its rows of these tables
    that touch the window, the newest first. Of the last 28 days are `reasons`, `parts` and `failures`, as in
    `PipelineRecord`; of the failures the last `MOST_FAILURES`. `acknowledged` is what was said of its open incident.
    """

    health: PipelineStatus
    acknowledged: str | None
    days: Sequence[DayCounts]
    outages: Sequence[Row]
    silences: Sequence[Row]
    reasons: Sequence[Row]
    parts: Sequence[Row]
    failures: Sequence[Run]


class ChangeKind(StrEnum):
    """What has changed: something broke, or is well again, is worse than usual, fails or runs in a new way."""

    NEW = "new"
    RESOLVED = "resolved"
    WORSE = "worse"
    NEW_REASON = "new reason"
    NEW_VERSION = "new version"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What has changed in the 24 hours before its source was read, in a sentence; of a source without a pipeline."""

    kind: ChangeKind
    source: str
    pipeline: str
    pipeline_id: str | None
    at: datetime
    what: str


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All that a report shows, as of an instant (UTC), in the judged window.

    The pipelines are the worst first, as `current_status` has them, then the others by source and name; the changes the
    newest first.
    """

    as_of: datetime
    days: DayRange
    sources: Sequence[SourceRecord]
    pipelines: Sequence[PipelineHistory]
    changes: Sequence[Change]


def fleet_of(layout: Layout, watch: WatchFile, sources: Sequence[Source], *, now: datetime, window_days: int) -> Fleet:
    """The fleet in the `window_days` days up to the newest day that was read (settings: `window_days`).

    Raises `StorageError` if the verdicts were never built, or a file cannot be read.
    """
    raise NotImplementedError
