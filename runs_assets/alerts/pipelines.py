"""The incidents of pipelines: one for each that is down or silent, or one about the platform if that is many at once.

A platform incident opens when at least 5 pipelines, and at least half of the active ones, went down or silent within a
day or would all be notified of now. It is resolved when fewer than 3, or less than a quarter, of those still are: the
gap keeps it from flapping. Meanwhile the incidents of its pipelines are on hold; one that goes down more than a day
after it opened is on its own, or, if as many again do, updates it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from runs_assets.alerts.decisions import Decisions, PipelineDecision, PlatformDecision
from runs_assets.alerts.lifecycle import Condition, Event, Policy, advance
from runs_assets.alerts.memory import PipelineIncident, PlatformIncident, SourceMemory
from runs_assets.alerts.observation import BAD, Row, SourceObservation, confirmed_at, subject_of
from runs_assets.watch_file import Severity, Subject

PIPELINE, PLATFORM = Policy(), Policy(keeps_since=True)
SEVERITIES = {"down": Severity.CRITICAL, "silent": Severity.WARNING}
AT_ONCE = timedelta(hours=24)
ACTIVE = timedelta(days=7)
OPENS_AT, OPENS_AT_SHARE = 5, 0.5
LASTS_AT, LASTS_AT_SHARE = 3, 0.25


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
    incident = _incident_of(row, view) if row and is_bad else None
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


def _incident_of(row: Row, view: SourceObservation) -> PipelineIncident:
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


def next_platform(before: SourceMemory, view: SourceObservation) -> tuple[Decisions, SourceMemory]:
    """The source's platform incident; what is left of it when it is resolved goes on as incidents of pipelines."""
    if view.is_muted(Subject(view.source)):
        return [], before
    now, known = view.whole.now, before.platform
    down = wave = _many_at_once(before, view)
    incident = _platform_of(wave, now) if wave else None
    if known:
        grown = known.model_copy(update={"counts_until": now + AT_ONCE}) if wave else known
        down = _part_of(grown, view)
        incident = grown if _is_many(down, view.rows.values(), view, LASTS_AT, LASTS_AT_SHARE) else None
    step = advance(known, Condition(now, incident, has_changed=bool(wave)), PLATFORM)
    reported = step.incident or known
    if step.event is None or reported is None:
        return [], before.model_copy(update={"platform": step.incident})
    resolved: list[PipelineIncident] = []
    if step.event is Event.RESOLVED:
        down = [row for row in down if not view.is_muted(subject_of(row))]
        resolved = [one for one in before.pipelines if _is_resolved(one, view)]
    tags = reported.recipients(_routes_of(down, resolved, view))
    decision = PlatformDecision(
        event=step.event,
        severity=Severity.CRITICAL,
        tags=tags,
        view=view,
        since=reported.since,
        down=tuple(down),
        resolved=tuple(resolved),
    )
    if step.incident:
        return [decision], before.model_copy(update={"platform": step.incident.model_copy(update={"tags": tags})})
    notified = {"notified_at": now, "tags": tags, "is_history": False}
    left = {row["pipeline_id"]: _incident_of(row, view).model_copy(update=notified) for row in down}
    kept = {one.pipeline_id: one for one in before.pipelines if one not in resolved} | left
    return [decision], before.model_copy(update={"platform": None, "pipelines": tuple(kept.values())})


def began_at(row: Row) -> datetime:
    """The first failure of what is down; when what is silent should have run."""
    instant: datetime = row["failing_since"] if row["state"] == "down" else row["expected_by"]
    return instant


def _platform_of(down: list[Row], now: datetime) -> PlatformIncident:
    return PlatformIncident(
        since=min(map(began_at, down)), counts_from=min(map(_confirmed, down)), counts_until=now + AT_ONCE
    )


def _many_at_once(before: SourceMemory, view: SourceObservation) -> list[Row]:
    """What would make a platform incident, none if it is not enough. What is part of one already adds nothing."""
    notified = {incident.pipeline_id for incident in before.pipelines if incident.notified_at}
    audible = [row for row in view.rows.values() if not view.is_muted(subject_of(row))]
    news = [row for row in audible if _is_bad(row, view) and not view.is_history(row)]
    if before.platform:
        news = [row for row in news if before.platform.is_after(_confirmed(row))]
    down = [row for row in news if view.age(_confirmed(row)) < AT_ONCE or row["pipeline_id"] not in notified]
    return down if _is_many(down, audible, view, OPENS_AT, OPENS_AT_SHARE) else []


def _part_of(platform: PlatformIncident, view: SourceObservation) -> list[Row]:
    bad = [row for row in view.rows.values() if _is_bad(row, view)]
    return [row for row in bad if platform.counts_from <= _confirmed(row) and not platform.is_after(_confirmed(row))]


def _is_resolved(incident: PipelineIncident, view: SourceObservation) -> bool:
    """Whether people were notified of a pipeline that is neither down nor silent any more."""
    row = view.rows.get(incident.pipeline_id)
    is_open = incident.notified_at is not None and not incident.is_given_up
    is_muted = view.is_muted(incident.subject(view.source))
    return is_open and not is_muted and row is not None and row["state"] not in BAD


def _is_bad(row: Row, view: SourceObservation) -> bool:
    return row["state"] in BAD and confirmed_at(row) is not None and view.is_watched(row)


def _confirmed(row: Row) -> datetime:
    return confirmed_at(row) or row["since"]


def _is_many(down: list[Row], of: Iterable[Row], view: SourceObservation, least: int, share: float) -> bool:
    """Silent ones count among the active, however long ago they ran."""
    ids = {row["pipeline_id"] for row in down}
    active = [row for row in of if row["pipeline_id"] in ids or view.age(row["last_run_at"]) < ACTIVE]
    return len(down) >= max(least, share * len(active))


def _routes_of(down: Iterable[Row], resolved: Iterable[PipelineIncident], view: SourceObservation) -> frozenset[str]:
    """Those of the source and of every pipeline that it is about; none, so everybody, if one has none."""
    pipelines = {*map(subject_of, down), *(incident.subject(view.source) for incident in resolved)}
    of_source, *single = (
        view.whole.watch.tags_of(subject, Severity.CRITICAL) for subject in (Subject(view.source), *pipelines)
    )
    return of_source.union(*single) if all(single) else frozenset()
