"""Decisions in words: the only place that turns them into notifications; those of pipelines are in `pipeline_texts.py`.

Plain text, short lines, times in UTC. A title fits on a phone's lock screen: state, what it is about, since when.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from runs_assets.alerts.evaluation import JobDecision, NoticeDecision
from runs_assets.alerts.lifecycle import Decision, Event
from runs_assets.alerts.memory import Memory, Notification
from runs_assets.alerts.observation import Observation, Row, SourceObservation, confirmed_at
from runs_assets.alerts.pipeline_texts import Lines, lateness, name_of, notice_words, open_line, pipeline_words
from runs_assets.alerts.pipelines import PipelineDecision
from runs_assets.alerts.platforms import PlatformDecision, began_at
from runs_assets.plain_text.wording import at, label, listed, shortened, span
from runs_assets.reasons.reason import NOT_KNOWN

LONGEST_FAILURE = 600
"""Characters of why a run failed."""
LEAST_WITH_REASON, COMMON_SHARE = 3, 0.8
"""How many pipelines, and of those that failed, make a reason that they have in common."""
UNKNOWN = NOT_KNOWN.reason
RECOVERED = "The latest run succeeded; what the failed runs left undone may still be missing."


def notification_of(decision: Decision, seen: Observation) -> Notification:
    """The notification of a decision that was made on an observation."""
    match decision:
        case PipelineDecision():
            title, lines = pipeline_words(decision)
        case NoticeDecision():
            title, lines = notice_words(decision)
        case PlatformDecision():
            title, lines = _platform_title(decision), _platform_lines(decision)
        case JobDecision(view=SourceObservation() as view):
            title, lines = _source_title(decision, view), _source_lines(decision, view)
        case JobDecision():
            title, lines = _job_title(decision), _job_lines(decision)
        case _:
            state = {Event.REMINDED: "STILL INVALID", Event.RESOLVED: "RESOLVED"}.get(decision.event, "INVALID")
            title, lines = f"{state}: settings", iter(seen.faults or ["All of them are valid again."])
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
    lines += _headed("To be corrected in the settings:", seen.faults)
    lines.append("From now on you are notified of what is new.")
    lines.append("Who gets what is set in RUNS_ASSETS_ALERT_URLS and in the watch file (RUNS_ASSETS_WATCH_FILE).")
    what = f"{len(wrong)} things are wrong already" if len(wrong) != 1 else "one thing is wrong already"
    title = f"WATCHING {', '.join(sorted(pipelines)) or 'nothing yet'}: {what if wrong else 'all is well'}"
    return Notification.summary(title, lines, seen.now)


def still_open(memory: Memory, tags: frozenset[str], now: datetime) -> Iterator[Notification]:
    """What an address that was added hears first, if anything: the open incidents for its `tags`, all without tags."""
    found = [one for one in memory.open_incidents() if not tags or tags & {*(one.incident.tags or ())}]
    if found:
        title = f"OPEN NOW: {len(found)} incident{'s' if len(found) != 1 else ''}"
        lines = listed(open_line(one.subject, one.state, one.incident.since) for one in found)
        yield Notification.summary(title, lines, now, tags)


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
            yield f"{incident.affected} pipelines, all of {shortened(incident.common)}; others are well."
        yield from _common_reason(decision)
        yield from _headed("Pipelines:", (_member(pipeline_id, decision) for pipeline_id in incident.members))
        yield "Until this is resolved, there are no separate notifications for these pipelines."
    if decision.event is Event.OPENED:
        confirmed = [instant for instant in map(confirmed_at, decision.bad) if instant]
        yield from lateness(max(confirmed, default=None), view.whole)
    if view.read_until:
        yield f"As of {at(view.read_until)}."


def _common_reason(decision: PlatformDecision) -> Lines:
    """The reason that nearly all of the pipelines that failed meanwhile have, if that is known of enough of them."""
    incident, rows = decision.incident, (decision.view.rows.get(member) for member in decision.incident.members)
    failed = [row for row in rows if row and row["last_failure_at"] and row["last_failure_at"] >= incident.since]
    reasons = Counter((row["reason"], row["reason_side"]) for row in failed if row["reason"] not in {None, UNKNOWN})
    for (reason, side), count in reasons.most_common(1):
        if count >= max(LEAST_WITH_REASON, COMMON_SHARE * len(failed)):
            yield f"Reason of {count} of the {len(failed)} that failed: {shortened(reason)}, attribution: {side}"


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
        yield shortened(failure.description, LONGEST_FAILURE)
