"""The record of one pipeline: how it is, its days, incidents, reasons, versions and sites, and its failed runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any

import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange
from runs_assets.errors import NotFoundError
from runs_assets.insight.runs import Run, RunsQuery, find_runs
from runs_assets.insight.status import PipelineStatus, Row, status_of, stored_rows, worse_spans
from runs_assets.plain_text.wording import label, plain
from runs_assets.sources.source import Source
from runs_assets.status import RunStatus
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table
from runs_assets.tables import Table
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.watch_entries import About, Subject
from runs_assets.watch_file import WatchFile

DAYS = 28
PARTS = {"version": "pipeline_version", "site": "site_id", "workspace": "workspace_id"}
"""By what the completed runs are counted, and the column of each."""
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

    Raises `NotFoundError` if there is none, or more than one; `StorageError` as `stored_rows`.
    """
    named = set(sources)
    stored: list[Row] = stored_rows(layout, PIPELINE_HEALTH).to_pylist()
    rows = [row for row in stored if row["source"] in named]
    exact = [row for row in rows if wanted in {*_subject(row)[1:], _name(row)}]
    about = About(pipeline=wanted)
    found = exact or [row for row in rows if about.covers(_subject(row))]
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
    last: date = (pipeline["source_read_until"] - timedelta(microseconds=1)).date()
    days = DayRange(last - timedelta(days=DAYS - 1), last)
    query = RunsQuery(since=days.start, until=days.end, wanted=lambda subject: subject[:2] == _subject(pipeline)[:2])
    runs = find_runs(layout, watch, source, query)
    outages, silences, reasons = (_rows(layout, table, pipeline) for table in (OUTAGES, SILENCES, FAILURE_REASONS))
    return PipelineRecord(
        health=status_of(pipeline, watch, worse_spans(layout)),
        days=list(_days(layout, pipeline, days)),
        outages=[row for row in outages if row["is_confirmed"] and _is_in(days, row["ended_at"])],
        silences=[row for row in silences if _is_in(days, row["ended_at"])],
        reasons=_reasons(row for row in reasons if row["date"] in days),
        parts=[row for dimension in PARTS for row in _parts(runs, dimension)],
        failures=[run for run in runs if run.status == RunStatus.FAILED],
    )


def _subject(row: Row) -> Subject:
    return Subject(row["source"], row["pipeline_id"], row["pipeline_name"])


def _name(row: Row) -> str:
    return label(row["pipeline_id"], row["pipeline_name"])


def described(name: str, source: str, pipeline_id: str | None) -> str:
    """A pipeline by all that it is called, on one line."""
    return plain(f"{name} ({source}, {pipeline_id})" if pipeline_id is not None else f"{name} ({source})")


def _rows(layout: Layout, table: Table, pipeline: Row) -> list[Row]:
    """Its rows of a verdict table, the newest first."""
    is_its = (pc.field("source") == pipeline["source"]) & pc.field("pipeline_id").is_null()
    if pipeline["pipeline_id"] is not None:
        is_its = (pc.field("source") == pipeline["source"]) & (pc.field("pipeline_id") == pipeline["pipeline_id"])
    rows: list[Row] = stored_rows(layout, table).filter(is_its).to_pylist()
    return rows[::-1]


def _is_in(days: DayRange, ended_at: datetime | None) -> bool:
    return ended_at is None or ended_at >= days.start


def _days(layout: Layout, pipeline: Row, days: DayRange) -> Iterator[Row]:
    stored = set(layout.stored_days(FAILURE_RATES.name, pipeline["source"]))
    for day in (day for day in days.newest_first() if day in stored):
        rates, _ = load_table(layout, FAILURE_RATES.name, pipeline["source"], day, FAILURE_RATES.schema.names)
        for row in rates.to_pylist():
            if row["pipeline_id"] == pipeline["pipeline_id"]:
                yield {"date": day, **row}


def _reasons(rows: Iterable[Row]) -> list[Row]:
    """Each reason once, as on its newest day, but with the runs of all days; the most first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = found.setdefault(row["reason"], {**row, "runs": 0})
        known["runs"] += row["runs"]
        known["is_new"] = known["is_new"] or row["is_new"]
        known["first_seen_at"] = min(known["first_seen_at"], row["first_seen_at"])
    return sorted(found.values(), key=lambda row: -row["runs"])


def _parts(runs: Iterable[Run], dimension: str) -> list[Row]:
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for run in runs:
        value = getattr(run, PARTS[dimension])
        if value is not None and run.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}:
            counts[value][0] += 1
            counts[value][1] += run.status == RunStatus.FAILED
    rows = (
        {"dimension": dimension, "value": value, "completed": completed, "failed": failed}
        for value, (completed, failed) in counts.items()
    )
    return sorted(rows, key=lambda row: (-row["failed"], row["value"]))
