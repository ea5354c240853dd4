"""Decisions in words: the only place that turns them into notifications, and how times, rates and names are written.

Plain text, short lines, times in UTC. A title fits on a phone's lock screen: state, what it is about, since when.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from runs_assets.alerts.decisions import Decision, JobDecision, PipelineDecision, PlatformDecision
from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notification
from runs_assets.alerts.observation import BAD, Observation, Row, SourceObservation, confirmed_at
from runs_assets.alerts.platforms import began_at
from runs_assets.plain_text.wording import plain

LISTED = 25
"""Pipelines that a notification about many names; the others are counted."""
LONGEST, LONGEST_FAILURE = 120, 600
"""Characters of foreign text on a line: a name or reason, and why a run failed."""
RECOVERED = "The latest run succeeded; what the failed runs left undone may still be missing."

Lines = Iterator[str]


def notification_of(decision: Decision, seen: Observation) -> Notification:
    """The notification of a decision that was made on an observation."""
    match decision:
        case PipelineDecision():
            title, lines = _pipeline_title(decision), _pipeline_lines(decision)
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


def _pipeline_title(decision: PipelineDecision) -> str:
    incident, state = decision.incident, decision.incident.state
    about = f"{label(incident.pipeline_id, incident.pipeline_name)} ({decision.view.source})"
    since = f"since {at(incident.since)}" if incident.since else "since an unknown time"
    ended = f"from {at(incident.since)} to {at(decision.ended_at)}" if incident.since and decision.ended_at else ""
    titles = {
        Event.OPENED: f"{state.upper()} {about} {since}",
        Event.UPDATED: f"{state.upper()} {about} {since}, was {decision.previous_state}",
        Event.REMINDED: f"STILL {state.upper()} {about} {since}",
        Event.RESOLVED: f"RESOLVED {about}: {state} {ended}" if ended else f"RESOLVED {about}: was {state} {since}",
        Event.GIVEN_UP: f"NO LONGER WATCHED {about}: {state} {since}",
    }
    return titles[decision.event]


def _pipeline_lines(decision: PipelineDecision) -> Lines:
    incident, row, view = decision.incident, decision.row, decision.view
    yield f"Pipeline: {cut(incident.pipeline_id or '(none)')} of {view.source}"
    if owner := view.whole.watch.owner_of(incident.subject(view.source)):
        yield f"Owner: {cut(owner)}"
    if row and row["state"] in BAD:
        yield from _facts(row, decision)
    elif decision.event is Event.GIVEN_UP or row is None:
        yield "It is no longer watched, so this incident is closed."
    else:
        yield f"Now: {row['state']}"
        yield from _end(incident.since, decision.ended_at, view.whole)


def _end(began_at: datetime | None, ended_at: datetime | None, seen: Observation) -> Lines:
    if ended_at is None:
        yield "When it ended is unknown: runs that arrived late have changed its history."
    elif began_at and began_at <= ended_at:
        yield f"It lasted {span(ended_at - began_at)}."
    yield from _lateness(ended_at, seen)


def _facts(row: Row, decision: PipelineDecision) -> Lines:
    view = decision.view
    if row["state"] == "down":
        sites = f", sites affected: {row['sites_affected']}" if row["sites_affected"] is not None else ""
        yield f"Failures in a row: {row['failures']}{sites}"
    else:
        missed = "run" if row["since"] == row["last_run_at"] else "success"
        expected = f", next {missed} expected by {at(row['expected_by'])}" if row["expected_by"] else ""
        yield f"Last run: {at(row['last_run_at'])}{expected}"
    yield f"Last 24 h: {_last_day(row)}; normal: {rate(row['normal_rate'])}"
    yield f"Last success: {at(row['last_success_at']) if row['last_success_at'] else 'none known'}"
    if row["reason"] and row["failures"]:  # it may be weeks old, and nothing to do with a silence
        category = f" ({cut(row['reason_category'])})" if row["reason_category"] else ""
        yield f"Reason: {cut(row['reason'])}{category}, attribution: {cut(row['reason_side'] or 'unknown')}"
    for which in ("first", "latest"):
        if run_id := row[f"{which}_failed_run_id"]:
            link = view.whole.watch.link_of(view.source, run_id, row["pipeline_id"])
            yield f"{which.capitalize()} failed run: {cut(run_id)}" + (f" {link}" if link else "")
    if view.read_until:
        yield f"As of {at(view.read_until)}."
    if decision.event in {Event.OPENED, Event.UPDATED}:
        yield from _lateness(confirmed_at(row), view.whole)
    if decision.event is Event.GIVEN_UP:
        yield "No run for more than 28 days, so this incident is closed. A new run is watched again."


def _last_day(row: Row) -> str:
    if not row["decided_24h"]:
        return "no completed runs"
    interval = f"{rate(row['failure_rate_24h_low'])} to {rate(row['failure_rate_24h_high'])}"
    return f"{row['failed_24h']} of {row['decided_24h']} failed, {rate(row['failure_rate_24h'])} ({interval})"


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
        yield from _headed("Each its own incident from now on:", map(_state_of, decision.bad))
        yield from _headed("Their last run failed and they have not run since:", map(name_of, _not_run_since(decision)))
        resolved = (label(one.pipeline_id, one.pipeline_name) for one in decision.resolved)
        yield from _headed("Also resolved:", resolved)
    else:
        if incident.usual is not None:
            yield f"By chance it would be {incident.usual:.1f} of {incident.active}."
        yield from _headed("Pipelines:", (_member(pipeline_id, decision) for pipeline_id in incident.members))
        yield "Until this is resolved, there are no separate notifications for these pipelines."
    if decision.event is Event.OPENED:
        confirmed = [instant for instant in map(confirmed_at, decision.bad) if instant]
        yield from _lateness(max(confirmed, default=None), view.whole)
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


def _lateness(certain_at: datetime | None, seen: Observation) -> Lines:
    late = seen.lateness(certain_at)
    if certain_at and late:
        yield f"Reported {span(late)} late: confirmed at {at(certain_at)}."


def at(instant: datetime) -> str:
    """`2026-03-18 09:12 UTC`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(length: timedelta) -> str:
    """`3 d 4 h`, `2 h 5 min` or `40 min`: the two largest units, rounded down."""
    minutes = int(length.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def rate(share: float | None) -> str:
    """`12.5 %`, or `unknown`."""
    return "unknown" if share is None else f"{share:.1%}".replace("%", " %")


def cut(text: str, longest: int = LONGEST) -> str:
    """Foreign text as one line of limited length."""
    line = plain(text[: 4 * longest])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def label(pipeline_id: str | None, pipeline_name: str | None) -> str:
    """What people call a pipeline: its name, else its id."""
    return cut(pipeline_name or "") or cut(pipeline_id or "") or "(no pipeline)"


def name_of(row: Row) -> str:
    """What people call the pipeline of a row."""
    return label(row["pipeline_id"], row["pipeline_name"])


def listed(lines: Iterable[str]) -> list[str]:
    """A list's lines, the first ones only if they are many."""
    every = [f"- {line}" for line in lines]
    rest = len(every) - LISTED
    return every if rest <= 0 else [*every[:LISTED], f"- and {rest} more"]
