"""What is looked at to decide what to tell: the verdict tables' rows, the project's own runs, and the watch file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runs_assets.alerts.state import JobFailure
from runs_assets.watch_file import WATCHED_FOR, Mute, WatchFile

Row = Mapping[str, Any]
"""A row of a verdict table; times are aware UTC datetimes."""

BAD = frozenset({"down", "silent"})
LATE = timedelta(hours=1.5)
LATE_HISTORY = timedelta(hours=24)
"""How much older than what was read at the last look the last sign of a trouble may be and still be news."""


@dataclass(frozen=True)
class JobRun:
    """The latest ended run of a job; `failure` is None if it succeeded, `source` is set if it reads one."""

    job: str
    failure: JobFailure | None
    source: str | None = None


@dataclass(frozen=True)
class Look:
    """Everything that is known at `now`: the rows of all sources, and the latest ended run of each job.

    Today is read every `today_every`. `remembered` is up to when each source had been read at the last look.
    `faults` are what is wrong with the settings of messages.
    """

    now: datetime
    watch: WatchFile
    health: Sequence[Row] = ()
    outages: Sequence[Row] = ()
    silences: Sequence[Row] = ()
    job_runs: Sequence[JobRun] = ()
    unread_after: timedelta = timedelta(hours=6)
    today_every: timedelta = timedelta(hours=1)
    remembered: Mapping[str, datetime] = field(default_factory=dict)
    faults: Sequence[str] = ()

    @property
    def late_after(self) -> timedelta:
        """How old what is told may be without being late: two readings of today may lie between."""
        return max(LATE, 2 * self.today_every)

    def has_rows(self, source: str) -> bool:
        """Whether anything is known of the source's pipelines."""
        return any(row["source"] == source for row in self.health)

    def read_until(self, source: str) -> datetime | None:
        """Up to when the source has been read, as remembered if its rows are gone; None if never."""
        read = (row["source_read_until"] for row in self.health if row["source"] == source)
        return max(read, default=self.remembered.get(source))

    def is_unread(self, source: str) -> bool:
        """Whether the source was read once, and has not been for too long."""
        read_until = self.read_until(source)
        return read_until is not None and self.now - read_until > max(self.unread_after, 2 * self.today_every)

    @property
    def sources(self) -> frozenset[str]:
        """The sources that there is something to say of."""
        return frozenset(
            {*(row["source"] for row in self.health), *(run.source for run in self.job_runs if run.source)}
        )


@dataclass(frozen=True)
class SourceLook:
    """A look at one source that is current; what was last seen of before `news_from` is history."""

    look: Look
    source: str
    read_until: datetime
    news_from: datetime

    @property
    def rows(self) -> dict[str | None, Row]:
        """The rows of `pipeline_health` by pipeline id."""
        return {row["pipeline_id"]: row for row in self.look.health if row["source"] == self.source}

    def is_watched(self, row: Row) -> bool:
        """Whether a pipeline has run lately enough to be missed."""
        return bool(self.read_until - row["last_run_at"] <= WATCHED_FOR)

    def is_history(self, row: Row) -> bool:
        """Whether a pipeline last failed, or should have run, so long ago that it waits for the digest.

        What goes on failing is news, however long ago it was certain.
        """
        last_failure = row["last_failure_at"] if row["state"] == "down" else None
        last_sign = last_failure or confirmed_at(row)
        return last_sign is not None and last_sign < self.news_from

    def mute_of(self, pipeline_id: str | None, pipeline_name: str | None) -> Mute | None:
        """The mute of a pipeline that holds now."""
        return self.look.watch.mute_of(self.source, pipeline_id, pipeline_name, self.look.now)

    def outages_of(self, pipeline_id: str | None) -> list[Row]:
        """The rows of `outages` of a pipeline."""
        return [row for row in self.look.outages if (row["source"], row["pipeline_id"]) == (self.source, pipeline_id)]

    def silences_of(self, pipeline_id: str | None) -> list[Row]:
        """The rows of `silences` of a pipeline."""
        return [row for row in self.look.silences if (row["source"], row["pipeline_id"]) == (self.source, pipeline_id)]


def confirmed_at(row: Row) -> datetime | None:
    """Since when a pipeline's being down or silent is certain."""
    instant: datetime | None = row["confirmed_at"] if row["state"] == "down" else row["expected_by"]
    return instant
