"""Notices: a failure that is no incident but worth a line. Each is told once, and nothing follows."""

from datetime import datetime

from runs_assets.alerts.decisions import Decisions, NoticeDecision
from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notice, PipelineIncident, SourceMemory
from runs_assets.alerts.observation import FAILED_ONCE, Row, SourceObservation, subject_of
from runs_assets.alerts.pipelines import is_on_hold
from runs_assets.watch_entries import Severity, Tell


def next_notices(before: SourceMemory, view: SourceObservation) -> tuple[Decisions, SourceMemory]:
    """The notices of a source whose incidents have just been evaluated: what opened one needs no notice."""
    known = {notice.pipeline_id: notice for notice in before.notices}
    incidents = {incident.pipeline_id: incident for incident in before.pipelines}
    decisions: Decisions = []
    after: list[Notice] = []
    for pipeline_id, row in view.rows.items():
        notice, incident, failed_at = known.get(pipeline_id), incidents.get(pipeline_id), _failure(row, view)
        is_new = failed_at is not None and (notice is None or failed_at > notice.failed_at)
        is_held = view.is_muted(subject_of(row)) or is_on_hold(pipeline_id, before, incident, row, view)
        if failed_at and is_new and not is_held:
            notice = Notice(pipeline_id=pipeline_id, failed_at=failed_at)
            decisions += [] if _is_known(incident, row, view) else [_decision(row, view)]
        after += [notice] if notice else []
    return decisions, before.model_copy(update={"notices": tuple(after)})


def _failure(row: Row, view: SourceObservation) -> datetime | None:
    """The failure that is worth a notice: the first one of its streak, or each one if a rule says so."""
    tell = view.whole.watch.rule_of(subject_of(row)).tell
    last_failure: datetime | None = row["last_failure_at"]
    if tell is Tell.EVERY_FAILURE:
        return None if view.was_known(last_failure) else last_failure
    failing_since: datetime | None = row["failing_since"]
    return failing_since if tell is Tell.USUAL and row["state"] == FAILED_ONCE else None


def _is_known(incident: PipelineIncident | None, row: Row, view: SourceObservation) -> bool:
    """Whether an incident tells it already; that goes on while each single failure is told too."""
    if incident is None or not incident.is_open:
        return False
    wants_every = view.whole.watch.rule_of(subject_of(row)).tell is Tell.EVERY_FAILURE
    return not wants_every or incident.notified_at == view.whole.now


def _decision(row: Row, view: SourceObservation) -> NoticeDecision:
    tags = view.whole.watch.tags_of(subject_of(row), Severity.INFO)
    return NoticeDecision(event=Event.NOTICE, severity=Severity.INFO, tags=tuple(sorted(tags)), view=view, row=row)
