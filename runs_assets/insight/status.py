"""What is wrong now: the pipelines that need attention, and the sources that are in trouble as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.alerts.observation import is_worse_span, subject_of
from runs_assets.alerts.pipeline_texts import PERIODS
from runs_assets.errors import StorageError
from runs_assets.plain_text.wording import at, label, rate, span
from runs_assets.storage.layout import Layout
from runs_assets.tables import Table
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS, NOW
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.silences import NO_SUCCESS, OPEN, SILENCES
from runs_assets.verdicts.source_health import OK, SILENT, SOURCE_HEALTH
from runs_assets.verdicts.tables import load_verdicts
from runs_assets.watch_file import WatchFile

Row = Mapping[str, Any]
"""A row of a verdict table."""
RowsByPipeline = Mapping[tuple[str, str | None], Row]
"""A row of a table for each source and pipeline."""

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


@dataclass(frozen=True)
class Reasons:
    """What other tables say of a state: the worst of the spans of one that is worse, and the silence of a silent one.

    Of the spans it is the one with the highest failure rate, of the open silences the one that was overdue first.
    """

    spans: RowsByPipeline
    silences: RowsByPipeline


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """A source, up to when it was read (UTC), what is wrong with it, the worst first, and how many pipelines are well.

    Pipelines that are new or have too few runs count as well.
    """

    source: str
    read_until: datetime
    wrong: Sequence[PipelineStatus]
    well: int


class VerdictRows:
    """The verdict tables of a data folder, each read once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._tables: dict[str, pa.Table] = {}

    def of(self, table: Table) -> pa.Table:
        """A table as it is stored; raises `StorageError` also if another version of this project has built it."""
        if table.name not in self._tables:
            rows = load_verdicts(self.layout, table.name)
            if rows.schema.names != table.schema.names:
                raise StorageError(
                    f"{table.name} was built by another version of this project. Run `runs-assets refresh`."
                )
            self._tables[table.name] = rows
        return self._tables[table.name]


def current_status(layout: Layout, watch: WatchFile, sources: Iterable[str]) -> list[SourceStatus]:
    """The status of each of the `sources` that was judged, in their order.

    Raises `StorageError` if the verdicts were never built or cannot be read.
    """
    return statuses(VerdictRows(layout), watch, sources)


def statuses(verdicts: VerdictRows, watch: WatchFile, sources: Iterable[str]) -> list[SourceStatus]:
    """`current_status`, of tables that are read once."""
    health, wholes = (verdicts.of(table).to_pylist() for table in (PIPELINE_HEALTH, SOURCE_HEALTH))
    by_source, reasons = {row["source"]: row for row in wholes}, reasons_of(verdicts)
    found = []
    for source in (source for source in sources if source in by_source):
        whole, rows = by_source[source], [row for row in health if row["source"] == source]
        wrong = [_of_source(whole)] if whole["state"] != OK else []
        wrong += (status_of(row, watch, reasons) for row in sorted(rows, key=urgency) if row["state"] not in WELL)
        well = sum(row["state"] in WELL for row in rows)
        found.append(SourceStatus(source=source, read_until=whole["source_read_until"], wrong=wrong, well=well))
    return found


def worst_first(found: Iterable[SourceStatus]) -> list[PipelineStatus]:
    """What is wrong with all sources: those in trouble as a whole, then the pipelines, the worst first."""
    wrong = (one for source in found for one in source.wrong)
    return sorted(wrong, key=lambda one: -1 if one.is_source else SEVERITY[one.state])


def reasons_of(verdicts: VerdictRows) -> Reasons:
    """What says why pipelines are worse or silent; raises `StorageError` as `current_status`."""
    spans = verdicts.of(FAILURE_TRENDS).filter(is_worse_span()).to_pylist()
    silences = verdicts.of(SILENCES).filter(pc.field("state") == OPEN).to_pylist()
    return Reasons(
        _by_pipeline(sorted(spans, key=itemgetter("failure_rate"))),
        _by_pipeline(sorted(silences, key=itemgetter("expected_by"), reverse=True)),
    )


def _by_pipeline(rows: Iterable[Row]) -> RowsByPipeline:
    """The last row of each."""
    return {(row["source"], row["pipeline_id"]): row for row in rows}


def status_of(row: Row, watch: WatchFile, reasons: Reasons) -> PipelineStatus:
    """What a row of `pipeline_health` says, whatever the state."""
    source, pipeline_id, run_id = row["source"], row["pipeline_id"], row["latest_failed_run_id"]
    return PipelineStatus(
        source=source,
        pipeline=label(pipeline_id, row["pipeline_name"]),
        pipeline_id=pipeline_id,
        state=row["state"],
        is_broken=row["state"] in BROKEN,
        since=row["since"],
        why=_why(row, reasons),
        failed_24h=row["failed_24h"],
        completed_24h=row["decided_24h"],
        failure_rate_24h=row["failure_rate_24h"],
        usual_rate=row["normal_rate"],
        run_id=run_id,
        run_url=watch.link_of(source, run_id, pipeline_id) if run_id else None,
        owner=watch.owner_of(subject_of(row)),
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


def urgency(row: Row) -> tuple[int, bool, Any]:
    """By what rows of `pipeline_health` are ordered, the worst first: their state, and for how long it has lasted."""
    return SEVERITY[row["state"]], row["since"] is None, row["since"]


def _why(row: Row, reasons: Reasons) -> str:
    """The evidence for the state, and the reason where it is about failures."""
    state, key = PipelineState(row["state"]), (row["source"], row["pipeline_id"])
    if state is PipelineState.WORSE:
        evidence = _worse(row, reasons.spans.get(key))
    elif state is PipelineState.SILENT:
        evidence = _silent(row, reasons.silences.get(key))
    else:
        evidence = _evidence(state, row)
    return f"{evidence}: {row['reason']} ({row['reason_side']})" if state in FAILURES and row["reason"] else evidence


def _worse(row: Row, worse: Row | None) -> str:
    """In which span it fails more often than usual; in the last 24 hours if another refresh has just replaced it."""
    failed, completed, period = row["failed_24h"], row["decided_24h"], NOW
    if worse:
        failed, completed, period = (worse[name] for name in ("failed", "decided", "period"))
    return f"{failed} of {completed} failed in {PERIODS.get(period, period)}"


def _evidence(state: PipelineState, row: Row) -> str:
    """Nothing for a state that says it all."""
    evidence: dict[PipelineState, str] = {
        **dict.fromkeys(IN_A_ROW, f"{row['failures']} failure{'s' * (row['failures'] != 1)} in a row"),
        PipelineState.STUCK: "its newest runs neither end nor start",
        PipelineState.HANGING: f"{row['hanging_runs']} open for too long",
        PipelineState.FLAKY: f"the outcome changes after {rate(row['flip_rate'])} of its runs",
        PipelineState.PARTLY_FAILING: "its failures have a site, workspace, version or reason in common",
        PipelineState.TOO_FEW_RUNS: row["not_judged"],
    }
    return evidence.get(state, "")


def _silent(row: Row, silence: Row | None) -> str:
    """When it last ran, and where it runs and does not succeed, when it last did."""
    success = ""
    if silence and silence["kind"] == NO_SUCCESS:
        known = row["last_success_at"]
        success = f", last success {at(known)}" if known else ", no success known"
    return f"last run {at(row['last_run_at'])}{success}{_lateness(row)}"


def _lateness(row: Row) -> str:
    late: timedelta = row["source_read_until"] - row["expected_by"] if row["expected_by"] else timedelta(0)
    return f", overdue for {span(late)}" if late else ""
