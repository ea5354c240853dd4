"""The pipelines of a source in the window: what `record.py` says of one, of all of them at once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.days import DayRange
from runs_assets.insight.day_counts import DayCounts, DayRates, blank_days, pipeline_days
from runs_assets.insight.parts import RecentRuns, parts_by_pipeline
from runs_assets.insight.record import confirmed, lasting_into, summed_reasons
from runs_assets.insight.runs import NEWEST_FIRST, Run, SourceRuns
from runs_assets.insight.status import PipelineStatus, Row

MOST_FAILURES = 20


@dataclass(frozen=True, kw_only=True)
class PipelineHistory:
    """A pipeline in the window.

    `days` are all days of the window, ascending. `outages` (confirmed ones) and `silences` are its rows of these tables
    that had not ended before the window, the newest first. Of the last 28 days are `reasons`, `parts` and `failures`,
    as in `PipelineRecord`; of the failures the last `MOST_FAILURES`. `acknowledged` is until when its open incident is
    known to somebody, and their note.
    """

    health: PipelineStatus
    acknowledged: str | None
    days: Sequence[DayCounts]
    outages: Sequence[Row]
    silences: Sequence[Row]
    reasons: Sequence[Row]
    parts: Sequence[Row]
    failures: Sequence[Run]


@dataclass(frozen=True, kw_only=True)
class SourceTables:
    """What is stored of one source: its rows of verdict tables, the rates of the `window`, and its `recent` runs."""

    window: DayRange
    recent_days: DayRange
    trends: pa.Table
    outages: pa.Table
    silences: pa.Table
    reasons: pa.Table
    rates: DayRates
    recent: RecentRuns
    runs: SourceRuns


Known = tuple[PipelineStatus, str | None]
"""How a pipeline is, and what was said of its open incident."""


def pipeline_histories(tables: SourceTables, pipelines: Iterable[Known]) -> Iterator[PipelineHistory]:
    """Of some pipelines of a source, in their order; raises `StorageError` if a file cannot be read."""
    days = pipeline_days(tables.rates, tables.trends, tables.window)
    blank = blank_days(tables.rates.lineages, tables.window)
    outages, silences = by_pipeline(tables.outages), by_pipeline(tables.silences)
    reasons, parts = by_pipeline(_recent(tables)), parts_by_pipeline(tables.recent.counts)
    failures = _last_failures(tables)
    for health, acknowledged in pipelines:
        its = health.pipeline_id
        yield PipelineHistory(
            health=health,
            acknowledged=acknowledged,
            days=days.get(its, blank),
            outages=confirmed(outages.get(its, ()), tables.window),
            silences=lasting_into(silences.get(its, ()), tables.window),
            reasons=summed_reasons(reasons.get(its, ()), tables.recent_days),
            parts=parts.get(its, []),
            failures=failures.get(its, []),
        )


def by_pipeline(rows: pa.Table) -> Mapping[str | None, list[Row]]:
    """The rows of a verdict table, the newest first, by the ids of their pipelines."""
    found: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in reversed(rows.to_pylist()):
        found[row["pipeline_id"]].append(row)
    return found


def _recent(tables: SourceTables) -> pa.Table:
    first, last = tables.recent_days.first, tables.recent_days.last
    return tables.reasons.filter((pc.field("date") >= first) & (pc.field("date") <= last))


def _last_failures(tables: SourceTables) -> Mapping[str | None, list[Run]]:
    failed = tables.recent.failed.sort_by(NEWEST_FIRST)
    found: defaultdict[str | None, list[Run]] = defaultdict(list)
    for run in tables.runs.shown(failed.filter(_first_ones(failed["pipeline_id"].to_pylist()))):
        found[run.pipeline_id].append(run)
    return found


def _first_ones(pipelines: Iterable[str | None]) -> pa.Array:
    """Whether each is among the first `MOST_FAILURES` of its pipeline."""
    counts: Counter[str | None] = Counter()
    chosen = []
    for pipeline_id in pipelines:
        counts[pipeline_id] += 1
        chosen.append(counts[pipeline_id] <= MOST_FAILURES)
    return pa.array(chosen, pa.bool_())
