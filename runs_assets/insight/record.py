"""The record of one pipeline: how it is, its days, incidents, reasons, versions and sites, and its failed runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any

import pyarrow.compute as pc

from runs_assets.alerts.observation import subject_of
from runs_assets.days import DayRange
from runs_assets.errors import NotFoundError
from runs_assets.insight.day_counts import stored_rates
from runs_assets.insight.parts import parts_by_pipeline, recent_runs
from runs_assets.insight.runs import Run, RunsQuery, SourceRuns
from runs_assets.insight.status import PipelineStatus, Row, VerdictRows, reasons_of, status_of
from runs_assets.plain_text.wording import label, plain
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.tables import Table
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.watch_entries import About
from runs_assets.watch_file import WatchFile

DAYS = 28
MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class PipelineRecord:
    """What is known of a pipeline in the `DAYS` days up to when its source was read, the newest first.

    `days` are its rows of `failure_rates` with their `date`, `outages` (confirmed ones) and `silences` its rows of
    these tables, `reasons` those of `failure_reasons`, one for each reason, most failures first. `parts` count the
    completed runs of a version, site or workspace: `dimension`, `value`, `completed`, `failed`. `failures` are its
    failed runs.
    """

    health: PipelineStatus
    days: Sequence[Row]
    outages: Sequence[Row]
    silences: Sequence[Row]
    reasons: Sequence[Row]
    parts: Sequence[Row]
    failures: Sequence[Run]


def find_pipeline(layout: Layout, sources: Iterable[str], wanted: str) -> Row:
    """The row of `pipeline_health` of the one pipeline that has this id or name, or matches it as a shell pattern.

    Raises `NotFoundError` if there is none, or more than one; `StorageError` as `VerdictRows.of`.
    """
    named = set(sources)
    stored: list[Row] = VerdictRows(layout).of(PIPELINE_HEALTH).to_pylist()
    rows = [row for row in stored if row["source"] in named]
    exact = [row for row in rows if wanted in {*subject_of(row)[1:], _name(row)}]
    about = About(pipeline=wanted)
    found = exact or [row for row in rows if about.covers(subject_of(row))]
    if len(found) == 1:
        return found[0]
    if found:
        known = ", ".join(
            sorted(described(_name(row), row["source"], row["pipeline_id"]) for row in found)[:MOST_NAMED]
        )
        raise NotFoundError(f"{len(found)} pipelines match {wanted!r}: {known}. Name one by its id, or with --source.")
    close = get_close_matches(wanted, map(_name, rows))
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise NotFoundError(f"No pipeline of the judged days has the id or name {wanted!r}.{hint}")


def record_of(layout: Layout, watch: WatchFile, source: Source, pipeline: Row) -> PipelineRecord:
    """The record of a pipeline, by its row of `pipeline_health`; raises `StorageError` if a file cannot be read."""
    days, verdicts = last_days(pipeline["source_read_until"], DAYS), VerdictRows(layout)
    stored, pipeline_id = SourceRuns(layout, watch, source), pipeline["pipeline_id"]
    query = RunsQuery(since=days.start, until=days.end, wanted=lambda subject: subject[:2] == subject_of(pipeline)[:2])
    runs, rates = recent_runs(stored, query), stored_rates(layout, source.name, days).rows
    outages, silences, reasons = (_rows(verdicts, table, pipeline) for table in (OUTAGES, SILENCES, FAILURE_REASONS))
    return PipelineRecord(
        health=status_of(pipeline, watch, reasons_of(verdicts)),
        days=[row for row in rates.to_pylist() if row["pipeline_id"] == pipeline_id],
        outages=confirmed(outages, days),
        silences=lasting_into(silences, days),
        reasons=summed_reasons(reasons, days),
        parts=parts_by_pipeline(runs.counts).get(pipeline_id, []),
        failures=stored.shown(runs.failed),
    )


def last_days(read_until: datetime, count: int) -> DayRange:
    """So many days up to the one that ends when a source was read, or that this is in."""
    last: date = (read_until - timedelta(microseconds=1)).date()
    return DayRange(last - timedelta(days=count - 1), last)


def confirmed(outages: Iterable[Row], days: DayRange) -> list[Row]:
    """The confirmed ones that lasted into some days."""
    return [row for row in lasting_into(outages, days) if row["is_confirmed"]]


def lasting_into(incidents: Iterable[Row], days: DayRange) -> list[Row]:
    """Outages or silences that had not ended before some days."""
    return [row for row in incidents if row["ended_at"] is None or row["ended_at"] >= days.start]


def summed_reasons(rows: Iterable[Row], days: DayRange) -> list[Row]:
    """Each reason once, as on its newest day, which comes first, but with the runs of all days; the most first."""
    found: dict[str, dict[str, Any]] = {}
    for row in (row for row in rows if row["date"] in days):
        known = found.setdefault(row["reason"], {**row, "runs": 0})
        known["runs"] += row["runs"]
        known["is_new"] = known["is_new"] or row["is_new"]
        known["first_seen_at"] = min(known["first_seen_at"], row["first_seen_at"])
    return sorted(found.values(), key=lambda row: -row["runs"])


def _name(row: Row) -> str:
    return label(row["pipeline_id"], row["pipeline_name"])


def described(name: str, source: str, pipeline_id: str | None) -> str:
    """A pipeline by all that it is called, on one line."""
    return plain(f"{name} ({source}, {pipeline_id})" if pipeline_id is not None else f"{name} ({source})")


def _rows(verdicts: VerdictRows, table: Table, pipeline: Row) -> list[Row]:
    """Its rows of a verdict table, the newest first."""
    is_its = (pc.field("source") == pipeline["source"]) & pc.field("pipeline_id").is_null()
    if pipeline["pipeline_id"] is not None:
        is_its = (pc.field("source") == pipeline["source"]) & (pc.field("pipeline_id") == pipeline["pipeline_id"])
    rows: list[Row] = verdicts.of(table).filter(is_its).to_pylist()
    return rows[::-1]
