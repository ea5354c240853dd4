"""Which runs there were, why they failed, and where the platform shows them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange, end_of, start_of, stretches
from runs_assets.insight.names import pipeline_names
from runs_assets.plain_text.wording import at, label
from runs_assets.reasons.details_files import load_details, load_error_groups
from runs_assets.reasons.reason import Reason
from runs_assets.sources.source import Source
from runs_assets.status import RunStatus
from runs_assets.storage.layout import ERROR_GROUPS, Layout
from runs_assets.storage.tables import load_lineage, load_table
from runs_assets.verdicts.failure_reasons import KnownReasons
from runs_assets.watch_entries import About, Subject
from runs_assets.watch_file import WatchFile

SHOWN = ["run_id", "status", "pipeline_id", "pipeline_version", "workspace_id", "site_id", "site_name"]
SHOWN += ["created_at", "started_at", "finished_at", "duration_seconds", "exit_code"]
NEWEST_FIRST = [("created_at", "descending"), ("run_id", "ascending")]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it was last seen, times in UTC; `reason` and `attribution` are None of one that did not fail."""

    source: str
    run_id: str
    status: str
    pipeline: str
    pipeline_id: str | None
    pipeline_version: str | None
    workspace_id: str | None
    site_id: str | None
    site_name: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    exit_code: int | None
    reason: str | None
    attribution: str | None
    run_url: str | None


@dataclass(frozen=True, kw_only=True)
class RunsQuery:
    """The runs created in [since, until), UTC, of the pipelines that are `wanted`; dry runs are left out.

    With a `status`, those that have it; with a `reason`, the failed ones that have that.
    """

    since: datetime
    until: datetime
    wanted: Callable[[Subject], bool] = About().covers
    status: RunStatus | None = None
    reason: str | None = None

    @property
    def days(self) -> DayRange:
        """The UTC days in which the runs were created."""
        return DayRange(self.since.date(), (self.until - timedelta(microseconds=1)).date())


def find_runs(layout: Layout, watch: WatchFile, source: Source, query: RunsQuery) -> list[Run]:
    """The runs of a source, the newest first; a day that is not stored has none.

    Raises `StorageError` if a file cannot be read.
    """
    stored = SourceRuns(layout, watch, source)
    found = stored.shown(together(stored.by_day(query)))
    return [run for run in found if query.reason in {None, run.reason}]


@dataclass(frozen=True)
class SourceRuns:
    """The stored runs of a source, in bulk (columns `SHOWN`) and as they are shown."""

    layout: Layout
    watch: WatchFile
    source: Source

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Those of pipelines, by their ids."""
        return pipeline_names(self.layout, self.source.name)

    def by_day(self, query: RunsQuery) -> Iterator[pa.Table]:
        """The runs of a query but for its reason, for each stored day; raises `StorageError` as `find_runs`."""
        for day in self.layout.stored_days(RUNS.name, self.source.name):
            if day in query.days:
                stored, _ = load_table(self.layout, RUNS.name, self.source.name, day, [*SHOWN, "dry_run"])
                runs = _between(stored, query).select(SHOWN)
                yield runs.filter(pc.is_in(runs["pipeline_id"], self._wanted(runs, query)))

    def shown(self, runs: pa.Table) -> list[Run]:
        """Some of the runs, the newest first; raises `StorageError` as `find_runs`."""
        reasons = self._reasons(runs)
        rows = runs.sort_by(NEWEST_FIRST).to_pylist()
        return [self._shown(row, reasons.get(row["run_id"])) for row in rows]

    def _wanted(self, runs: pa.Table, query: RunsQuery) -> pa.Array:
        ids = pc.unique(runs["pipeline_id"]).to_pylist()
        subjects = (Subject(self.source.name, one, self.names.get(one or "")) for one in ids)
        return pa.array([subject.pipeline_id for subject in subjects if query.wanted(subject)], pa.string())

    def _reasons(self, runs: pa.Table) -> Mapping[str, Reason]:
        """By run id, of the failed ones; errors are stored by the day of a run's creation."""
        failed = runs.filter(pc.field("status") == RunStatus.FAILED)
        failed = failed.append_column("ended_at", failed["created_at"])
        failed = failed.append_column("date", failed["created_at"].cast(pa.date32()))
        days = {*pc.unique(failed["date"]).to_pylist()} & {*self.layout.stored_days(ERROR_GROUPS, self.source.name)}
        errors = {day: load_error_groups(self.layout, self.source.name, day) for day in days}
        listed = load_details(self.layout, self.source.name).names
        reasons = KnownReasons(self.source.explanations, errors, listed).of_runs(failed)
        return dict(zip(failed["run_id"].to_pylist(), reasons, strict=True))

    def _shown(self, row: Mapping[str, Any], reason: Reason | None) -> Run:
        pipeline_id = row["pipeline_id"]
        return Run(
            **row,
            source=self.source.name,
            pipeline=label(pipeline_id, self.names.get(pipeline_id or "")),
            reason=reason.reason if reason else None,
            attribution=reason.attribution.value if reason else None,
            run_url=self.watch.link_of(self.source.name, row["run_id"], pipeline_id),
        )


def together(runs: Iterable[pa.Table]) -> pa.Table:
    """Runs of several days, or of none, as one table."""
    return pa.concat_tables([RUNS.schema.empty_table().select(SHOWN), *runs])


def unknown_parts(layout: Layout, source: str, query: RunsQuery, now: datetime) -> Iterator[str]:
    """What is not known of a source in the time up to `now`, in words; nothing of one that was never read.

    Raises `StorageError` as `find_runs`.
    """
    stored = set(layout.stored_days(RUNS.name, source))
    days = [day for day in reversed(query.days.newest_first()) if start_of(day) < now] if stored else []
    missing = [day for day in days if day not in stored]
    if missing:
        yield f"not stored: {', '.join(map(str, stretches(missing)))}"
    for day in (day for day in days if day in stored):
        read = load_lineage(layout, RUNS.name, source, day).read
        if not read.is_whole(day) and read.read_started_at < min(end_of(day), query.until, now):
            yield f"{day} known until {at(read.read_started_at)}"
        elif not read.is_whole(day) and end_of(day) <= read.read_started_at:
            yield f"{day} not read whole"


def _between(runs: pa.Table, query: RunsQuery) -> pa.Table:
    created = pc.field("created_at")
    chosen = (created >= query.since) & (created < query.until) & ~pc.coalesce(pc.field("dry_run"), pc.scalar(False))
    return runs.filter(chosen if query.status is None else chosen & (pc.field("status") == query.status))
