"""How answers look in a terminal: which columns a table has, and which of them give way where it is narrow."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from operator import itemgetter
from typing import Any

from rich.console import Console

from runs_assets.insight.printing import Column, TableRow, length_of, print_table, say, short_time
from runs_assets.insight.record import PipelineRecord, described
from runs_assets.insight.runs import Run
from runs_assets.insight.status import PipelineStatus, Row, SourceStatus
from runs_assets.plain_text.wording import at, percent, rate
from runs_assets.status import RunStatus

STYLES = {"hanging": "yellow", "worse": "yellow", "partly failing": "yellow", "failed once": "yellow"}
STATUS = (
    Column("state", least=9),
    Column("pipeline", least=16, is_name=True),
    Column("since (UTC)", gives_way=4),
    Column("24 h", gives_way=3, is_number=True),
    Column("usual", gives_way=2, is_number=True),
    Column("why", least=20),
    Column("failed run", gives_way=1, least=12, is_name=True),
)
RUNS = (
    Column("created (UTC)", gives_way=4),
    Column("status", least=9),
    Column("pipeline", least=16, is_name=True),
    Column("took", gives_way=2, is_number=True),
    Column("site", gives_way=1),
    Column("why", least=20),
    Column("run", gives_way=3, least=12, is_name=True),
)
DAYS = (
    Column("day"),
    Column("runs", is_number=True),
    Column("failed", is_number=True),
    Column("rate", is_number=True),
    Column("95 % interval", gives_way=2, is_number=True),
    Column("median", gives_way=3, is_number=True),
    Column("95 % took", gives_way=4, is_number=True),
    Column("", gives_way=1),
)
INCIDENTS = (
    Column("incident"),
    Column("from (UTC)"),
    Column("to (UTC)"),
    Column("failures", gives_way=1, is_number=True),
)
REASONS = (
    *(Column("reason", least=12), Column("attribution", gives_way=2), Column("runs", is_number=True)),
    Column("example", gives_way=1, least=12, is_name=True),
)
PARTS = (
    *(Column("of", gives_way=1), Column("which", least=10, is_name=True), Column("completed", is_number=True)),
    *(Column("failed", is_number=True), Column("rate", is_number=True)),
)
NAMES = {"kind": "incident_kind"}
"""How columns of tables are called in JSON, where their names say something else."""
MOST_ROWS = 10
"""Of each part of a record but its days."""


def print_status(console: Console, found: SourceStatus) -> None:
    """A line about the source, and the pipelines that need attention."""
    count = len(found.wrong)
    wrong = f"{count} need attention" if count != 1 else "1 needs attention"
    say(console, f"{found.source}: {wrong}, {found.well} well; read until {at(found.read_until)}", "bold")
    if found.wrong:
        print_table(console, STATUS, [_status_line(health) for health in found.wrong])


def _status_line(health: PipelineStatus) -> TableRow:
    cells = (
        *(health.state, health.pipeline, short_time(health.since, health.read_until.year)),
        *(percent(health.failure_rate_24h), percent(health.usual_rate), health.why, health.run_id or ""),
    )
    style = "bold red" if health.is_broken else STYLES.get(health.state, "")
    return TableRow(cells, style, {"failed run": health.run_url} if health.run_url else {})


def print_runs(console: Console, found: Sequence[Run], most: int, year: int) -> None:
    """The first `most` of the runs, with the years of those that are not of this one, and how many there are."""
    if found:
        print_table(console, RUNS, _run_lines(found[:most], year))
    count = f"{len(found)} runs" if len(found) != 1 else "1 run"
    say(console, f"The first {most} of {count} (--limit, or --json for all)" if len(found) > most else count, "bold")


def _run_lines(found: Sequence[Run], year: int) -> list[TableRow]:
    """Without the status where all of them failed."""
    has_others = any(run.status != RunStatus.FAILED for run in found)
    return [_run_line(run, run.status if has_others else "", year) for run in found]


def _run_line(run: Run, status: str, year: int) -> TableRow:
    why = "" if run.reason is None else f"{run.reason} ({run.attribution})"
    site, took = run.site_name or run.site_id or "", length_of(run.duration_seconds)
    cells = (short_time(run.created_at, year), status, run.pipeline, took, site, why, run.run_id)
    style = "red" if status == RunStatus.FAILED else ""
    return TableRow(cells, style, {"run": run.run_url} if run.run_url else {})


def json_lines(record: PipelineRecord) -> Iterator[dict[str, Any]]:
    """Each row with what it is, its `kind`; a column of this name is called as `NAMES` says."""
    yield {"kind": "pipeline", **asdict(record.health)}
    parts = ("day", record.days), ("outage", record.outages), ("silence", record.silences), ("reason", record.reasons)
    for kind, rows in (*parts, ("part", record.parts)):
        yield from ({"kind": kind} | {NAMES.get(name, name): row[name] for name in row} for row in rows)
    yield from ({"kind": "run", **asdict(run)} for run in record.failures)


def print_record(console: Console, record: PipelineRecord) -> None:
    """All that is known of a pipeline; of long lists the first `MOST_ROWS`."""
    health, year = record.health, record.health.read_until.year
    say(console, described(health.pipeline, health.source, health.pipeline_id), "bold")
    since = f" since {at(health.since)}" if health.since else ""
    say(console, f"{health.state}{since}{': ' if health.why else ''}{health.why}")
    counted = f"{health.failed_24h} of {health.completed_24h} failed in 24 h; usual: {rate(health.usual_rate)}"
    say(console, f"{counted}; read until {at(health.read_until)}")
    if health.owner:
        say(console, f"owner: {health.owner}")
    _section(console, "Days (UTC)", DAYS, [_day_line(row) for row in record.days], len(record.days))
    _section(console, "Incidents", INCIDENTS, list(_incident_lines(record, year)))
    _section(console, "Reasons", REASONS, [_reason_line(row) for row in record.reasons])
    _section(console, "Versions, sites and workspaces", PARTS, [_part_line(row) for row in record.parts])
    _section(console, "Failed runs", RUNS, [_run_line(replace(run, pipeline=""), "", year) for run in record.failures])


def _section(
    console: Console, title: str, columns: Sequence[Column], lines: Sequence[TableRow], most: int = MOST_ROWS
) -> None:
    if lines:
        console.print()
        say(console, title + (f" (the first {most} of {len(lines)})" if len(lines) > most else ""), "bold")
        print_table(console, columns, lines[:most])


def _day_line(row: Row) -> TableRow:
    low, high = row["failure_rate_low"], row["failure_rate_high"]
    interval = "" if low is None else f"{percent(low)} - {percent(high)}"
    took = (length_of(row[f"duration_{quantile}_seconds"]) for quantile in ("p50", "p95"))
    cells = (str(row["date"]), str(row["runs"]), str(row["failed"]), percent(row["failure_rate"]), interval, *took)
    return TableRow((*cells, "" if row["is_final"] else "may change"))


def _incident_lines(record: PipelineRecord, year: int) -> Iterator[TableRow]:
    rows = [(row["kind"], row["failing_since"], row["ended_at"], str(row["failures"])) for row in record.outages]
    rows += [("silent", row["since"], row["ended_at"], "") for row in record.silences]
    for what, since, ended_at, failures in sorted(rows, key=itemgetter(1), reverse=True):
        yield TableRow((what, short_time(since, year), short_time(ended_at, year) or "now", failures))


def _reason_line(row: Row) -> TableRow:
    return TableRow((row["reason"], row["side"], str(row["runs"]), row["example_run_id"] or ""))


def _part_line(row: Row) -> TableRow:
    completed, failed = row["completed"], row["failed"]
    return TableRow((row["dimension"], row["value"], str(completed), str(failed), percent(failed / completed)))
