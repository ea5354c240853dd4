"""Decisions in words: the only place that turns them into notifications; those of pipelines are in `pipeline_texts.py`.

Plain text, short lines, times in UTC. A title fits on a phone's lock screen: state, what it is about, since when.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from runs_assets.alerts.decisions import Decision, JobDecision, NoticeDecision, PipelineDecision, PlatformDecision
from runs_assets.alerts.lifecycle import Event, Incident
from runs_assets.alerts.memory import Memory, Notification
from runs_assets.alerts.observation import Observation, Row, SourceObservation, confirmed_at
from runs_assets.alerts.phrases import Lines, at, cut, label, lateness, listed, name_of, open_line, span
from runs_assets.alerts.pipeline_texts import notice_line, notice_title, pipeline_lines, pipeline_title
from runs_assets.alerts.platforms import began_at
from runs_assets.watch_entries import Severity, Subject

LONGEST_FAILURE = 600
"""Characters of why a run failed."""
RECOVERED = "The latest run succeeded; what the failed runs left undone may still be missing."


def notification_of(decision: Decision, seen: Observation) -> Notification:
    """The notification of a decision that was made on an observation."""
    match decision:
        case PipelineDecision():
            title, lines = pipeline_title(decision), pipeline_lines(decision)
        case NoticeDecision():
            title, lines = notice_title(decision), iter([notice_line(decision)])
        case PlatformDecision():
            title, lines = _platform_title(decision), _platform_lines(decision)
        case JobDecision(view=SourceObservation() as view):
            title, lines = _source_title(decision, view), _source_lines(decision, view)
        case JobDecision():
            title, lines = _job_title(decision), _job_lines(decision)
        case _:
            state = {Event.REMINDED: "STILL INVALID", Event.RESOLVED: "RESOLVED"}.get(decision.event, "INVALID")
            title, lines = f"{state}: notification settings", iter(seen.faults or ["All of them are valid again."])
    return Notification(
        title=title,
        body="\n".join(lines),
        event=decision.event,
        severity=decision.severity,
        tags=decision.tags,
        decided_at=seen.now,
    )


def welcome_of(wrong: Sequence[Notification], seen: Observation) -> Notification:
    """The first notification of an installation: what is watched, and what is wrong already."""
    pipelines = Counter(row["source"] for row in seen.health)
    lines = [f"Watched: {source}, {count} pipelines" for source, count in sorted(pipelines.items())]
    lines += [f"Not read yet: {source}" for source in sorted({*seen.awaited} - pipelines.keys())]
    lines += _headed("Wrong already:", (one.title for one in wrong)) if wrong else ["Nothing is wrong."]
    lines += _headed("To be corrected in the settings:", (*seen.faults, *seen.mistakes))
    lines.append("From now on you are notified of what is new.")
    lines.append("Who gets what is set in RUNS_ASSETS_ALERT_URLS and in the watch file (RUNS_ASSETS_WATCH_FILE).")
    what = f"{len(wrong)} things are wrong already" if len(wrong) != 1 else "one thing is wrong already"
    well = "settings are to be corrected" if seen.mistakes else "all is well"
    title = f"WATCHING {', '.join(sorted(pipelines)) or 'nothing yet'}: {what if wrong else well}"
    return _summary(title, lines, (), seen.now)


def still_open(memory: Memory, tags: frozenset[str], now: datetime) -> Iterator[Notification]:
    """What an address that was added hears first, if anything: the open incidents for its `tags`, all without tags."""
    found = [one for one in memory.open_incidents() if not tags or tags & {*(one.incident.tags or ())}]
    if found:
        title = f"OPEN NOW: {len(found)} incident{'s' if len(found) != 1 else ''}"
        yield _summary(title, listed(_open_line(*one) for one in found), tuple(sorted(tags)), now)


def _open_line(subject: Subject, state: str, incident: Incident) -> str:
    return open_line(subject, state) + (f" since {at(incident.since)}" if incident.since else "")


def _summary(title: str, lines: Iterable[str], tags: tuple[str, ...], now: datetime) -> Notification:
    return Notification(
        title=title, body="\n".join(lines), event=Event.SUMMARY, severity=Severity.INFO, tags=tags, decided_at=now
    )


def _platform_title(decision: PlatformDecision) -> str:
    incident, about = decision.incident, f"PLATFORM {decision.view.source}:"
    since = at(incident.since)
    counted = f"{incident.affected} of {incident.active} pipelines {incident.state} since {since}"
    ended = f" to {at(incident.well_since)}" if incident.well_since else ""
    left = f", {len(decision.bad)} not yet well" if decision.bad else ""
    titles = {
        Event.OPENED: f"{about} {counted}",
        Event.UPDATED: f"{about} now {counted}",
        Event.REMINDED: f"STILL {about} {counted}",
        Event.RESOLVED: f"RESOLVED {about} {incident.state} from {since}{ended}{left}",
    }
    return titles[decision.event]


def _platform_lines(decision: PlatformDecision) -> Lines:
    view, incident = decision.view, decision.incident
    if decision.event is Event.RESOLVED:
        yield f"Affected: {incident.affected} of {incident.active} pipelines."
        yield from _headed("Not yet well; told again only if that lasts for a day:", map(_state_of, decision.bad))
        yield from _headed("Their last run failed and they have not run since:", map(name_of, _not_run_since(decision)))
        resolved = (label(one.pipeline_id, one.pipeline_name) for one in decision.resolved)
        yield from _headed("Also resolved:", resolved)
    else:
        if incident.usual is not None:
            yield f"By chance it would be {incident.usual:.1f} of {incident.active}."
        if incident.common:
            yield f"{incident.affected} pipelines, all of {cut(incident.common)}; others are well."
        yield from _headed("Pipelines:", (_member(pipeline_id, decision) for pipeline_id in incident.members))
        yield "Until this is resolved, there are no separate notifications for these pipelines."
    if decision.event is Event.OPENED:
        confirmed = [instant for instant in map(confirmed_at, decision.bad) if instant]
        yield from lateness(max(confirmed, default=None), view.whole)
    if view.read_until:
        yield f"As of {at(view.read_until)}."


def _headed(heading: str, lines: Iterable[str]) -> Lines:
    if found := listed(lines):
        yield heading
        yield from found


def _member(pipeline_id: str | None, decision: PlatformDecision) -> str:
    row = next((row for row in decision.bad if row["pipeline_id"] == pipeline_id), None)
    known = decision.view.rows.get(pipeline_id)
    return _state_of(row) if row else name_of(known) if known else label(pipeline_id, None)


def _state_of(row: Row) -> str:
    return f"{name_of(row)}: {row['state']} since {at(row['since'] or began_at(row))}"


def _not_run_since(decision: PlatformDecision) -> list[Row]:
    """The pipelines whose last run failed while it lasted, and that are no incident of their own."""
    incident, bad = decision.incident, {row["pipeline_id"] for row in decision.bad}
    until = incident.well_since or decision.view.whole.now
    rows = (row for row in decision.view.rows.values() if row["pipeline_id"] not in bad and row["failures"])
    return [row for row in rows if incident.since <= row["last_failure_at"] <= until]


def _source_title(decision: JobDecision, view: SourceObservation) -> str:
    since = f"since {at(decision.since)}"
    if decision.event is Event.RESOLVED:
        return f"RESOLVED {view.source}: was failing {since}"
    failed = "STILL FAILING" if decision.event is Event.REMINDED else "RUN FAILED AGAIN"
    if decision.event is Event.OPENED and not decision.failures:
        failed = "RUN FAILED"
    unread = "STILL CANNOT READ" if decision.event is Event.REMINDED else "CANNOT READ"
    return f"{unread if view.unread_since else failed} {view.source} {since}"


def _source_lines(decision: JobDecision, view: SourceObservation) -> Lines:
    yield f"Read until: {at(view.read_until)}" if view.read_until else "It has never been read."
    if decision.event is Event.RESOLVED:
        yield f"It lasted {span(view.whole.now - decision.since)}."
    yield from _job_lines(decision)
    if view.unread_since:
        yield "Incidents of its pipelines are on hold until it is read again."


def _job_title(decision: JobDecision) -> str:
    job, failed_at = decision.job, at(decision.failure.ended_at if decision.failure else decision.since)
    titles = {
        Event.OPENED: f"{'FAILED AGAIN' if decision.failures else 'FAILED'} {job} at {failed_at}",
        Event.REMINDED: f"STILL FAILING {job}: last failed at {failed_at}",
        Event.RESOLVED: f"RESOLVED {job}: last failed at {failed_at}",
    }
    return titles[decision.event]


def _job_lines(decision: JobDecision) -> Lines:
    if decision.event is Event.RESOLVED:
        yield RECOVERED
    elif failure := decision.failure:
        if decision.failures:
            times = "1 failure" if decision.failures == 1 else f"{decision.failures} failures"
            yield f"{times} since it was last resolved; this is the latest."
        yield f"Run {failure.run_id} failed at {at(failure.ended_at)}."
        yield cut(failure.description, LONGEST_FAILURE)
