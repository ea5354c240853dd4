"""The incidents of pipelines: one for each that is down or silent. Those of a platform incident are on hold."""

from datetime import datetime

from runs_assets.alerts.decisions import Decisions, PipelineDecision
from runs_assets.alerts.lifecycle import Condition, Policy, advance
from runs_assets.alerts.memory import PipelineIncident, PlatformIncident, SourceMemory
from runs_assets.alerts.observation import BAD, Row, SourceObservation, confirmed_at
from runs_assets.watch_entries import Severity

PIPELINE = Policy()
SEVERITIES = {"down": Severity.CRITICAL, "silent": Severity.WARNING}


def next_pipelines(before: SourceMemory, view: SourceObservation) -> tuple[Decisions, SourceMemory]:
    """The incidents of all pipelines of a source that is read, but of those in a platform incident."""
    known = {incident.pipeline_id: incident for incident in before.pipelines}
    decisions: Decisions = []
    after: list[PipelineIncident] = []
    for pipeline_id in sorted({*known, *view.rows}, key=lambda pipeline_id: pipeline_id or ""):
        incident, row = known.get(pipeline_id), view.rows.get(pipeline_id)
        if before.platform is None or _is_after(before.platform, incident, row):
            news, incident = _next_pipeline(incident, row, view)
            decisions += news
        after += [incident] if incident else []
    return decisions, before.model_copy(update={"pipelines": tuple(after)})


def _is_after(platform: PlatformIncident, incident: PipelineIncident | None, row: Row | None) -> bool:
    """Whether a pipeline went down too late to be a part of it, or did so and has recovered."""
    confirmed = confirmed_at(row) if row and row["state"] in BAD else None
    instants = [confirmed, incident.notified_at if incident else None]
    return any(instant is not None and platform.is_after(instant) for instant in instants)


def _next_pipeline(
    before: PipelineIncident | None, row: Row | None, view: SourceObservation
) -> tuple[Decisions, PipelineIncident | None]:
    is_bad = row is not None and row["state"] in BAD
    incident = incident_of(row, view) if row and is_bad else None
    reported = incident or before
    if reported is None:
        return [], None
    began_at, ended_at, is_given_up = (reported.since, None, False) if is_bad else _end_of(reported, row, view)
    subject = reported.subject(view.source)
    condition = Condition(
        view.whole.now,
        incident,
        is_muted=view.is_muted(subject),
        is_watched=row is not None and not is_given_up and (not is_bad or view.is_watched(row)),
        has_changed=before is not None and before.state != reported.state,
    )
    step = advance(before, condition, PIPELINE)
    if step.event is None:
        return [], step.incident
    severity = SEVERITIES[reported.state]
    tags = (step.incident or reported).recipients(view.whole.watch.tags_of(subject, severity))
    decision = PipelineDecision(
        event=step.event,
        severity=severity,
        tags=tags,
        view=view,
        incident=reported.model_copy(update={"since": began_at}),
        row=row,
        previous_state=(before or reported).state,
        ended_at=ended_at,
    )
    return [decision], step.incident and step.incident.model_copy(update={"tags": tags})


def incident_of(row: Row, view: SourceObservation) -> PipelineIncident:
    """The incident of a pipeline that is down or silent, as it would open now."""
    copied = {name: row[name] for name in ("pipeline_id", "pipeline_name", "state", "since")}
    return PipelineIncident(**copied, is_history=view.is_history(row))


def _end_of(
    incident: PipelineIncident, row: Row | None, view: SourceObservation
) -> tuple[datetime | None, datetime | None, bool]:
    """When an incident began and ended (None if unknown), and whether it was given up instead.

    From the row of `outages` or `silences` that begins next to it: runs that arrive late move its ends.
    """
    is_down, since = incident.state == "down", incident.since
    begins = "failing_since" if is_down else "since"
    ended = [
        stretch
        for stretch in view.stretches_of(incident.pipeline_id, incident.state)
        if (stretch["ended_at"] is not None and (since is None or stretch["ended_at"] > since))
        or (stretch["ended_at"] is None and stretch.get("state") == "given up")
    ]
    if ended and since is not None:
        found = min(ended, key=lambda stretch: abs(stretch[begins] - since))
        return found[begins], found["ended_at"], found["ended_at"] is None
    success = row["last_success_at"] if row and is_down else None
    return since, success if success and since and success > since else None, False
