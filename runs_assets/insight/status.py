"""What is wrong now: the pipelines that need attention, and the sources that are in trouble as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runs_assets.plain_text.wording import at, label, rate, span
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.source_health import OK, SILENT, SOURCE_HEALTH
from runs_assets.verdicts.tables import load_verdicts
from runs_assets.watch_entries import Subject
from runs_assets.watch_file import WatchFile

Row = Mapping[str, Any]
"""A row of a verdict table."""

WELL = {PipelineState.OK, PipelineState.NEW, PipelineState.TOO_FEW_RUNS}
BROKEN = {PipelineState.DOWN, PipelineState.NEVER_SUCCEEDED, PipelineState.STUCK, PipelineState.SILENT}
"""The states of a pipeline that does not work at all."""
IN_A_ROW = (PipelineState.DOWN, PipelineState.NEVER_SUCCEEDED, PipelineState.FAILING, PipelineState.FAILED_ONCE)
FAILURES = {*IN_A_ROW, PipelineState.WORSE, PipelineState.FLAKY}
"""The states that a reason of failures belongs to."""
SEVERITY = {state.value: place for place, state in enumerate(PipelineState)}


@dataclass(frozen=True, kw_only=True)
class PipelineStatus:
    """How a pipeline is, or a source as a whole (`is_source`, without a pipeline).

    `state` is a `PipelineState`, of a source `failing` or `silent`; `since` is UTC. The rates are failed / completed
    runs, 0 to 1: of the last 24 hours, and of the days read whole of the 28 before. `run_id` is the latest of its
    failures in a row.
    """

    source: str
    pipeline: str
    pipeline_id: str | None = None
    is_source: bool = False
    state: str
    is_broken: bool
    since: datetime | None
    why: str
    failed_24h: int | None = None
    completed_24h: int | None = None
    failure_rate_24h: float | None = None
    usual_rate: float | None = None
    run_id: str | None = None
    run_url: str | None = None
    owner: str | None = None
    read_until: datetime


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """A source, up to when it was read (UTC), what is wrong with it, the worst first, and how many pipelines are well.

    Pipelines that are new or have too few runs count as well.
    """

    source: str
    read_until: datetime
    wrong: Sequence[PipelineStatus]
    well: int


def current_status(layout: Layout, watch: WatchFile, sources: Iterable[str]) -> list[SourceStatus]:
    """The status of each of the `sources` that has pipelines, in their order.

    Raises `StorageError` if the verdicts were never built or cannot be read.
    """
    health, wholes = (load_verdicts(layout, table.name).to_pylist() for table in (PIPELINE_HEALTH, SOURCE_HEALTH))
    found = []
    for source in sources:
        rows = [row for row in health if row["source"] == source]
        wrong = [_of_source(row) for row in wholes if row["source"] == source and row["state"] != OK]
        wrong += (status_of(row, watch) for row in sorted(rows, key=_urgency) if row["state"] not in WELL)
        well = sum(row["state"] in WELL for row in rows)
        if rows:
            read_until = rows[0]["source_read_until"]
            found.append(SourceStatus(source=source, read_until=read_until, wrong=wrong, well=well))
    return found


def status_of(row: Row, watch: WatchFile) -> PipelineStatus:
    """What a row of `pipeline_health` says, whatever the state."""
    source, pipeline_id, run_id = row["source"], row["pipeline_id"], row["latest_failed_run_id"]
    return PipelineStatus(
        source=source,
        pipeline=label(pipeline_id, row["pipeline_name"]),
        pipeline_id=pipeline_id,
        state=row["state"],
        is_broken=row["state"] in BROKEN,
        since=row["since"],
        why=_why(row),
        failed_24h=row["failed_24h"],
        completed_24h=row["decided_24h"],
        failure_rate_24h=row["failure_rate_24h"],
        usual_rate=row["normal_rate"],
        run_id=run_id,
        run_url=watch.link_of(source, run_id, pipeline_id) if run_id else None,
        owner=watch.owner_of(Subject(source, pipeline_id, row["pipeline_name"])),
        read_until=row["source_read_until"],
    )


def _of_source(row: Row) -> PipelineStatus:
    """What a row of `source_health` says that is not ok."""
    does = "do not run" if row["state"] == SILENT else "fail"
    common = f", all of {row['common_dimension']} {row['common_value']}" if row["common_dimension"] else ""
    usual = f" (usually {row['usual']:.1f})" if row["usual"] is not None else ""
    return PipelineStatus(
        source=row["source"],
        pipeline="(the whole source)",
        is_source=True,
        state=row["state"],
        is_broken=True,
        since=row["since"],
        why=f"{row['affected']} of {row['active']} pipelines {does}{usual}{common}",
        read_until=row["source_read_until"],
    )


def _urgency(row: Row) -> tuple[int, bool, Any]:
    return SEVERITY[row["state"]], row["since"] is None, row["since"]


def _why(row: Row) -> str:
    """The evidence for the state, and the reason where it is about failures."""
    state = PipelineState(row["state"])
    if state in FAILURES and row["reason"]:
        return f"{_evidence(state, row)}: {row['reason']} ({row['reason_side']})"
    return _evidence(state, row)


def _evidence(state: PipelineState, row: Row) -> str:
    """Nothing for a state that says it all."""
    evidence: dict[PipelineState, str] = {
        **dict.fromkeys(IN_A_ROW, f"{row['failures']} failure{'s' * (row['failures'] != 1)} in a row"),
        PipelineState.STUCK: "its newest runs neither end nor start",
        PipelineState.SILENT: f"last run {at(row['last_run_at'])}{_lateness(row)}",
        PipelineState.HANGING: f"{row['hanging_runs']} open for too long",
        PipelineState.FLAKY: f"the outcome changes after {rate(row['flip_rate'])} of its runs",
        PipelineState.PARTLY_FAILING: "its failures have a site, workspace, version or reason in common",
        PipelineState.WORSE: f"{row['failed_24h']} of {row['decided_24h']} failed in 24 h",
        PipelineState.TOO_FEW_RUNS: row["not_judged"],
    }
    return evidence.get(state, "")


def _lateness(row: Row) -> str:
    late: timedelta = row["source_read_until"] - row["expected_by"] if row["expected_by"] else timedelta(0)
    return f", overdue for {span(late)}" if late else ""
