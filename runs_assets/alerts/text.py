"""The messages about one pipeline: plain text, short lines, times in UTC."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from runs_assets.alerts.look import Row, SourceLook, confirmed_at
from runs_assets.alerts.state import Event, Incident, Message
from runs_assets.alerts.words import at, label, late_line, message_of, rate, span, words_of
from runs_assets.watch_file import Severity

SEVERITIES = {"down": Severity.CRITICAL, "silent": Severity.WARNING}


def pipeline_message(event: Event, row: Row, view: SourceLook, *, was: str) -> Message:
    """About a pipeline that is down or silent: it opened, changed from `was`, goes on, or is watched no more."""
    about = f"{label(row['pipeline_id'], row['pipeline_name'])} ({view.source})"
    since = f"since {at(row['since'])}" if row["since"] else "since an unknown time"
    what = f"{row['state'].upper()} {about} {since}"
    titles = {
        Event.OPENED: what,
        Event.CHANGED: f"{what}, was {was}",
        Event.REMINDED: f"STILL {what}",
        Event.GIVEN_UP: f"NO LONGER WATCHED {about}: {row['state']} {since}",
    }
    lines = list(_facts(row, view))
    if event in {Event.OPENED, Event.CHANGED}:
        lines += late_line(confirmed_at(row), view.look)
    if event is Event.GIVEN_UP:
        lines.append("No run for more than 28 days: this incident is closed, and a new run is watched again.")
    return _message(titles[event], lines, event, row["pipeline_id"], row["pipeline_name"], row["state"], view)


def ended_message(incident: Incident, row: Row | None, view: SourceLook) -> Message:
    """About a pipeline that is neither down nor silent any more, with when that ended, from the verdict tables."""
    pipeline_id, name = incident.pipeline_id, incident.pipeline_name
    about = f"{label(pipeline_id, name)} ({view.source})"
    began, ended_at, is_given_up = end_of(incident, row, view)
    since = f" from {at(began)}" if began else ""
    if row is None or is_given_up:
        lines = [*_identity(pipeline_id, name, view), "It is no longer watched: this incident is closed."]
        title = f"NO LONGER WATCHED {about}: {incident.state}{since}"
        return _message(title, lines, Event.GIVEN_UP, pipeline_id, name, incident.state, view)
    lines = [*_identity(pipeline_id, name, view), f"Now: {row['state']}"]
    if ended_at is None:
        lines.append("When it ended is not known: with the runs that came in late there is no such stretch.")
    else:
        lines += [f"It took {span(ended_at - began)}."] if began and began <= ended_at else []
        lines += late_line(ended_at, view.look)
    title = f"ENDED {about}: {incident.state}{since}" + (f" to {at(ended_at)}" if ended_at else "")
    return _message(title, lines, Event.ENDED, pipeline_id, name, incident.state, view)


def end_of(incident: Incident, row: Row | None, view: SourceLook) -> tuple[datetime | None, datetime | None, bool]:
    """When what an incident tells began and ended (None if unknown), and whether it was given up instead.

    From the row of `outages` or `silences` that begins next to the incident; runs that come in late move its ends.
    """
    is_down = incident.state == "down"
    rows = view.outages_of(incident.pipeline_id) if is_down else view.silences_of(incident.pipeline_id)
    begins = "failing_since" if is_down else "since"
    since = incident.since
    ended = [
        one for one in rows if _is_over(one) and (since is None or one["ended_at"] is None or one["ended_at"] > since)
    ]
    if ended and since is not None:
        found = min(ended, key=lambda one: abs(one[begins] - since))
        return found[begins], found["ended_at"], found["ended_at"] is None
    success = row["last_success_at"] if row and is_down else None
    return since, success if success and since and success > since else None, False


def _is_over(row: Row) -> bool:
    return row["ended_at"] is not None or row.get("state") == "given up"


def _facts(row: Row, view: SourceLook) -> Iterator[str]:
    yield from _identity(row["pipeline_id"], row["pipeline_name"], view)
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
        category = f" ({words_of(row['reason_category'])})" if row["reason_category"] else ""
        yield f"Reason: {words_of(row['reason'])}{category}, side: {words_of(row['reason_side'] or 'unknown')}"
    for which in ("first", "latest"):
        if run_id := row[f"{which}_failed_run_id"]:
            link = view.look.watch.link_of(view.source, run_id, row["pipeline_id"])
            yield f"{which.capitalize()} failed run: {words_of(run_id)}" + (f" {link}" if link else "")
    yield f"As of {at(view.read_until)}."


def _last_day(row: Row) -> str:
    if not row["decided_24h"]:
        return "no decided runs"
    interval = f"{rate(row['failure_rate_24h_low'])} to {rate(row['failure_rate_24h_high'])}"
    return f"{row['failed_24h']} of {row['decided_24h']} failed, {rate(row['failure_rate_24h'])} ({interval})"


def _identity(pipeline_id: str | None, pipeline_name: str | None, view: SourceLook) -> Iterator[str]:
    yield f"Pipeline: {words_of(pipeline_id or '(none)')} of {view.source}"
    if owner := view.look.watch.owner_of(view.source, pipeline_id, pipeline_name):
        yield f"Owner: {words_of(owner)}"


def _message(
    title: str,
    lines: Iterable[str],
    event: Event,
    pipeline_id: str | None,
    name: str | None,
    state: str,
    view: SourceLook,
) -> Message:
    severity = SEVERITIES[state]
    tags = view.look.watch.tags_of(view.source, pipeline_id, name, severity)
    return message_of(title, lines, event, severity, tags, view.look)
