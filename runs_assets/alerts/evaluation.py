"""One evaluation: the memory and the present observation become decisions and the next memory.

Pure: the same observation twice decides nothing new. While a source is unread its pipelines are on hold: nothing about
them opens, is reminded of or resolves, and the only news of it is that it is unread. A failure that is no incident may
be worth a notice: one line, told once, and nothing follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runs_assets.alerts.lifecycle import Condition, Decision, Event, Incident, PipelineIncident, Policy, advance
from runs_assets.alerts.memory import Acknowledgement, JobMemory, Memory, Notice, SourceMemory
from runs_assets.alerts.observation import (
    FAILED_ONCE,
    JobFailure,
    JobRun,
    Observation,
    Row,
    SourceObservation,
    subject_of,
)
from runs_assets.alerts.pipelines import is_on_hold, next_pipelines
from runs_assets.alerts.platforms import next_platform
from runs_assets.watch_entries import Severity, Subject, Tell

PROJECT = Policy(is_limited=True, reminded_for=timedelta(days=28), keeps_since=True)
"""For sources, jobs and settings, which may fail now and then."""


@dataclass(frozen=True, kw_only=True)
class JobDecision(Decision):
    """About a job whose latest run failed, or the source that it reads (`view`), which may be unread instead.

    `failures` happened since it was last resolved; 0 if it was not, or longer than a day ago.
    """

    job: str
    since: datetime
    failure: JobFailure | None
    failures: int
    view: SourceObservation | None = None


@dataclass(frozen=True, kw_only=True)
class NoticeDecision(Decision):
    """About a failure of a pipeline that is no incident: its row of `pipeline_health`."""

    view: SourceObservation
    row: Row


@dataclass(frozen=True)
class Evaluation:
    """What to notify people of, in order, and the memory that this was decided; its outbox is left alone."""

    decisions: tuple[Decision, ...]
    memory: Memory


def evaluate(before: Memory, seen: Observation) -> Evaluation:
    """What follows from what is remembered and what is observed."""
    seen = replace(seen, acknowledged=before.acknowledged_at(seen.now))
    decisions, settings = _next_settings(before.settings, seen)
    sources = dict(before.sources)
    for source in sorted(seen.sources | before.sources.keys()):
        news, sources[source] = _evaluate_source(source, before.sources.get(source, SourceMemory()), seen)
        decisions += news
    news, jobs = _next_jobs(before.jobs, seen)
    after = before.model_copy(update={"sources": sources, "jobs": jobs, "settings": settings})
    return Evaluation((*decisions, *news), after.model_copy(update={"acknowledged": _acknowledged(after, seen)}))


def _acknowledged(memory: Memory, seen: Observation) -> tuple[Acknowledgement, ...]:
    """Those that still hold: until their time, or until the last incident that they are about is over."""
    subjects = [subject for subject, *_ in memory.open_incidents()]
    return tuple(known for known in memory.acknowledged_at(seen.now) if known.until or any(map(known.covers, subjects)))


def _evaluate_source(source: str, before: SourceMemory, seen: Observation) -> tuple[list[Decision], SourceMemory]:
    view = SourceObservation(seen, source, before.read_until, _progressed_at(source, before, seen))
    run = next((run for run in seen.job_runs if run.source == source), None)
    decisions, job = _next_job(source, before.job, run, seen, view)  # unread or failed: together one incident
    after = before.model_copy(update={"job": job, "progressed_at": view.progressed_at})
    if not view.rows:
        return decisions, after
    read_until = max(instant for instant in (view.known_until, view.read_until) if instant)
    after = after.model_copy(update={"read_until": read_until})
    if view.unread_since:
        return decisions, after
    of_platform, after = next_platform(after, view)
    of_pipelines, after = next_pipelines(after, view)
    notices, after = _next_notices(after, view)
    return [*decisions, *of_platform, *of_pipelines, *notices], after


def _progressed_at(source: str, before: SourceMemory, seen: Observation) -> datetime | None:
    """When it was seen that a source had been read further, or that evaluations go on after a pause."""
    read_until = SourceObservation(seen, source).read_until
    if read_until and (before.read_until is None or read_until > before.read_until):
        return seen.now
    return seen.now if seen.is_resumed else before.progressed_at


def _next_settings(before: Incident | None, seen: Observation) -> tuple[list[Decision], Incident | None]:
    incident = Incident(since=seen.now) if seen.faults else None
    step = advance(before, Condition(seen.now, incident), PROJECT)
    return ([Decision(event=step.event)] if step.event else []), step.incident


def _next_jobs(before: Mapping[str, JobMemory], seen: Observation) -> tuple[list[Decision], dict[str, JobMemory]]:
    """The jobs that read no source: each is wrong while its latest ended run is a failed one."""
    runs = {run.job: run for run in seen.job_runs if run.source is None}
    decisions: list[Decision] = []
    after: dict[str, JobMemory] = {}
    for job in sorted({*before, *runs}):
        news, memory = _next_job(job, before.get(job, JobMemory()), runs.get(job), seen)
        decisions += news
        if memory.incident:
            after[job] = memory
    return decisions, after


def _next_job(
    job: str, before: JobMemory, run: JobRun | None, seen: Observation, view: SourceObservation | None = None
) -> tuple[list[Decision], JobMemory]:
    """A job, or the source that it reads; that a source is unread is urgent."""
    unread_since = view.unread_since if view else None
    failure = run.failure if run else before.failure
    wrong_since = [since for since in (failure and failure.ended_at, unread_since) if since]
    incident = Incident(since=min(wrong_since), is_urgent=unread_since is not None) if wrong_since else None
    subject = Subject(view.source) if view else Subject(pipeline_id=job)
    is_muted = seen.watch.is_muted(subject, seen.now)
    condition = Condition(
        seen.now,
        incident,
        is_muted=is_muted,
        is_acknowledged=seen.is_acknowledged(subject),
        has_failed_again=failure is not None and failure != before.last_failure,
    )
    step = advance(before.incident, condition, PROJECT)
    after = JobMemory(failure=failure, last_failure=failure or before.last_failure, incident=step.incident)
    if step.event is None:
        return [], after
    decision = JobDecision(
        event=step.event,
        tags=tuple(sorted(seen.watch.tags_of(subject, Severity.WARNING))),
        job=job,
        since=(step.incident and step.incident.since) or seen.now,
        failure=failure if step.event is not Event.RESOLVED and not step.failures else after.last_failure,
        failures=step.failures,
        view=view,
    )
    return [decision], after


def _next_notices(before: SourceMemory, view: SourceObservation) -> tuple[list[Decision], SourceMemory]:
    """The notices of a source whose incidents have just been evaluated: what opened one needs no notice."""
    failures = {notice.pipeline_id: notice.failed_at for notice in before.notices}
    known = {incident.pipeline_id: incident for incident in before.pipelines}
    decisions: list[Decision] = []
    for pipeline_id, row in view.rows.items():
        incident, failed_at, told_at = known.get(pipeline_id), _notable_failure(row, view), failures.get(pipeline_id)
        is_new = failed_at is not None and (told_at is None or failed_at > told_at)
        is_held = view.is_muted(subject_of(row)) or is_on_hold(pipeline_id, before, incident, row, view)
        if failed_at and is_new and not is_held:
            failures[pipeline_id] = failed_at
            decisions += [] if _is_told(incident, row, view) else [_notice(row, view)]
    told = (Notice(pipeline_id=one, failed_at=failures[one]) for one in view.rows if one in failures)
    return decisions, before.model_copy(update={"notices": tuple(told)})


def _notable_failure(row: Row, view: SourceObservation) -> datetime | None:
    """The failure that is worth a notice: the first one of its streak, or each one if a rule says so."""
    tell = view.whole.watch.rule_of(subject_of(row)).tell
    last_failure: datetime | None = row["last_failure_at"]
    if tell is Tell.EVERY_FAILURE:
        return None if view.was_known(last_failure) else last_failure
    failing_since: datetime | None = row["failing_since"]
    return failing_since if tell is Tell.USUAL and row["state"] == FAILED_ONCE else None


def _is_told(incident: PipelineIncident | None, row: Row, view: SourceObservation) -> bool:
    """Whether an incident tells it already; that goes on while each single failure is told too."""
    if incident is None or not incident.is_open:
        return False
    wants_every = view.whole.watch.rule_of(subject_of(row)).tell is Tell.EVERY_FAILURE
    return not wants_every or incident.notified_at == view.whole.now


def _notice(row: Row, view: SourceObservation) -> NoticeDecision:
    tags = view.whole.watch.tags_of(subject_of(row), Severity.INFO)
    return NoticeDecision(event=Event.NOTICE, severity=Severity.INFO, tags=tuple(sorted(tags)), view=view, row=row)
