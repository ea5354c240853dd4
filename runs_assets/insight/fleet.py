"""The fleet by day: every source and pipeline in the judged window, and what has changed since the day before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.alerts.memory import Memory, MemoryFile
from runs_assets.alerts.observation import subject_of
from runs_assets.days import DayRange
from runs_assets.errors import StorageError
from runs_assets.insight.changes import RECENT, FleetChange, beginning_of, changes_of
from runs_assets.insight.day_counts import DayRates, stored_rates
from runs_assets.insight.freshness import SourceRecord, is_expected, source_record, why_not_known
from runs_assets.insight.histories import Known, PipelineHistory, SourceTables, pipeline_histories
from runs_assets.insight.parts import new_versions, recent_runs
from runs_assets.insight.record import DAYS, last_days
from runs_assets.insight.runs import RunsQuery, SourceRuns
from runs_assets.insight.status import (
    WELL,
    PipelineStatus,
    Reasons,
    Row,
    SourceStatus,
    VerdictRows,
    reasons_of,
    status_of,
    statuses,
    urgency,
)
from runs_assets.plain_text.wording import label
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.tables import Table
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.watch_entries import Subject
from runs_assets.watch_file import WatchFile


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All that a report shows, as of an instant (UTC), in the judged window.

    The pipelines are the worst first, as `current_status` has them, then the others by source and name; the changes the
    newest first. What was read of a source is too old after `longest_unread`. `memory_fault` is why acknowledgements
    are not known, None if they are.
    """

    as_of: datetime
    days: DayRange
    sources: Sequence[SourceRecord]
    pipelines: Sequence[PipelineHistory]
    changes: Sequence[FleetChange]
    longest_unread: timedelta
    memory_fault: str | None = None

    @property
    def not_known(self) -> Mapping[str, str]:
        """Why it cannot be told how a source is now, by its name: of those that this is true of."""
        oldest = self.as_of - self.longest_unread
        found = ((one.source, why_not_known(one.source, one.read_until, oldest)) for one in self.sources)
        return {source: why for source, why in found if why}


def fleet_of(
    layout: Layout,
    watch: WatchFile,
    sources: Sequence[Source],
    *,
    now: datetime,
    window_days: int,
    longest_unread: timedelta,
) -> Fleet:
    """The fleet in the `window_days` days up to the last one that was judged.

    A source is left out of which nothing is stored or judged, and that is not configured either. Raises `StorageError`
    if the verdicts were never built, or a file cannot be read.
    """
    reader = _Reader.opened(VerdictRows(layout), watch, sources, now, window_days)
    parts = [reader.of(source) for source in sources if reader.knows(source)]
    places = {(row["source"], row["pipeline_id"]): place for place, row in enumerate(reader.healths)}
    return Fleet(
        as_of=now,
        days=reader.window,
        sources=[part.record for part in parts],
        pipelines=sorted((one for part in parts for one in part.pipelines), key=lambda one: places[_key(one.health)]),
        changes=sorted((one for part in parts for one in part.changes), key=lambda one: one.at, reverse=True),
        longest_unread=longest_unread,
        memory_fault=reader.memory[1],
    )


def source_records(
    verdicts: VerdictRows, watch: WatchFile, sources: Sequence[Source], *, now: datetime, window_days: int
) -> list[SourceRecord]:
    """The sources of `fleet_of` without their pipelines, which take longer to read; raises as it does."""
    reader = _Reader.opened(verdicts, watch, sources, now, window_days)
    return [reader.record(source.name, reader.rates(source.name)) for source in sources if reader.knows(source)]


@dataclass(frozen=True)
class _Part:
    """What the fleet has of one source."""

    record: SourceRecord
    pipelines: Sequence[PipelineHistory]
    changes: Sequence[FleetChange]


@dataclass(frozen=True)
class _Reader:
    """What is read of every source in the same way."""

    verdicts: VerdictRows
    watch: WatchFile
    status: Mapping[str, SourceStatus]
    window: DayRange
    now: datetime

    @classmethod
    def opened(
        cls, verdicts: VerdictRows, watch: WatchFile, sources: Sequence[Source], now: datetime, window_days: int
    ) -> Self:
        """With the status of each judged source; raises `StorageError` if the verdicts were never built."""
        status = {one.source: one for one in statuses(verdicts, watch, [source.name for source in sources])}
        window = last_days(max((one.read_until for one in status.values()), default=now), window_days)
        return cls(verdicts, watch, status, window, now)

    def knows(self, source: Source) -> bool:
        """Whether anything of it is judged or stored, or it should be."""
        return source.name in self.status or is_expected(self.verdicts.layout, source)

    def of(self, source: Source) -> _Part:
        """Its record, pipelines and changes; raises `StorageError` if a file cannot be read."""
        status = self.status.get(source.name)
        tables = self._tables(source, status.read_until if status else self.now)
        pipelines = list(pipeline_histories(tables, self._known(source.name)))
        return _Part(self.record(source.name, tables.rates), pipelines, list(_changes(status, tables, pipelines)))

    @cached_property
    def healths(self) -> Sequence[Row]:
        """The rows of `pipeline_health`, the worst first, then those that are well, by source and name."""
        return sorted(self.verdicts.of(PIPELINE_HEALTH).to_pylist(), key=_order)

    @cached_property
    def _reasons(self) -> Reasons:
        return reasons_of(self.verdicts)

    @cached_property
    def memory(self) -> tuple[Memory, str | None]:
        """What notifications remember. If it cannot be read, nothing, and why: what is wrong is known without it."""
        try:
            return MemoryFile(self.verdicts.layout).look(), None
        except StorageError as error:
            return Memory(), f"Acknowledgements are not known. {error}"

    def rates(self, source: str) -> DayRates:
        """Its rates in the window; raises `StorageError` if a file cannot be read."""
        return stored_rates(self.verdicts.layout, source, self.window)

    def record(self, source: str, rates: DayRates) -> SourceRecord:
        """How it is as a whole; raises `StorageError` if a file cannot be read."""
        trends, status = self._rows(FAILURE_TRENDS, source), self.status.get(source)
        return source_record(self.verdicts.layout, source, status, rates, trends, self.window)

    def _tables(self, source: Source, until: datetime) -> SourceTables:
        runs, recent = SourceRuns(self.verdicts.layout, self.watch, source), last_days(until, DAYS)
        return SourceTables(
            window=self.window,
            recent_days=recent,
            trends=self._rows(FAILURE_TRENDS, source.name),
            outages=self._rows(OUTAGES, source.name),
            silences=self._rows(SILENCES, source.name),
            reasons=self._rows(FAILURE_REASONS, source.name),
            rates=self.rates(source.name),
            recent=recent_runs(runs, RunsQuery(since=recent.start, until=recent.end)),
            runs=runs,
        )

    def _rows(self, table: Table, source: str) -> pa.Table:
        return self.verdicts.of(table).filter(pc.field("source") == source)

    def _known(self, source: str) -> Iterator[Known]:
        for row in (row for row in self.healths if row["source"] == source):
            health = status_of(row, self.watch, self._reasons)
            yield health, self._acknowledged(subject_of(row))

    def _acknowledged(self, subject: Subject) -> str | None:
        """Of the acknowledgements that hold of an open incident, the newest."""
        memory = self.memory[0]
        if not any(one.subject[:2] == subject[:2] for one in memory.open_incidents()):
            return None
        about = (known for known in memory.acknowledged_at(self.now) if known.covers(subject))
        newest = max(about, key=lambda known: known.acknowledged_at, default=None)
        return newest.holds() if newest else None


def _key(health: PipelineStatus) -> tuple[str, str | None]:
    return health.source, health.pipeline_id


def _order(row: Row) -> tuple[Any, ...]:
    by_name = row["source"], label(row["pipeline_id"], row["pipeline_name"])
    return (1, *by_name) if row["state"] in WELL else (0, *urgency(row), *by_name)


def _changes(
    status: SourceStatus | None, tables: SourceTables, pipelines: Iterable[PipelineHistory]
) -> Iterator[FleetChange]:
    """Those of a source as a whole, and of its pipelines; none of a source that was never judged."""
    if status:
        versions = new_versions(tables.recent.counts, status.read_until - RECENT)
        for whole in (health for health in status.wrong if health.is_source):
            yield from beginning_of(whole)
        for history in pipelines:
            yield from changes_of(history, versions.get(history.health.pipeline_id))
