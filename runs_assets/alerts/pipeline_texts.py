"""What people read about a pipeline: what is wrong, since when, how bad, how unusual, whose, which runs, what to do."""

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter

from runs_assets.alerts.evaluation import NoticeDecision
from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.observation import (
    FAILS,
    SEVERITIES,
    STREAKS,
    Observation,
    Row,
    SourceObservation,
    confirmed_at,
    subject_of,
)
from runs_assets.alerts.pipelines import Change, PipelineDecision, runs_rarely
from runs_assets.plain_text.wording import at, label, rate, shortened, span
from runs_assets.verdicts.silences import NO_SUCCESS
from runs_assets.verdicts.streak_rules import MIN_FAILURES
from runs_assets.watch_entries import Subject
from runs_assets.watch_file import WatchFile

Lines = Iterator[str]

PERIODS = {"now": "24 h", "drift": "7 days, compared with five weeks ago"}
"""What the spans of `failure_trends` are called; others by their own name."""
USUAL_FOR = timedelta(days=28)
SPANS = {24: "24 hours", 72: "3 days", 168: "7 days"}
"""What the spans of `failure_concentrations` are called, by their hours."""
LATE = timedelta(hours=1.5)
SHOWN_RUNS = 3
"""Open runs that a notification names."""
BY_ATTRIBUTION = {
    "ours": "correct the workflow or its input, then run it again.",
    "platform": "report these runs to the platform, and run it again when that is mended.",
    "customer": "ask the owner of the account or site to mend it, then run it again.",
}
BY_STATE = {
    "never succeeded": "check how it was set up: it has never worked.",
    "stuck": "check whether its queue or worker is blocked, and stop the oldest open run.",
    "silent": "check its schedule and what triggers it; if it has been retired, mute it in the watch file.",
    "partly failing": "check what is different about what fails, such as its site, or what has changed there.",
    "worse": "compare its failed runs with its successes; what failed may succeed if run again.",
}
LOOK = "open the latest failed run, and compare it with the last success."


def pipeline_words(decision: PipelineDecision) -> tuple[str, Lines]:
    """The title and the lines of the notification of an incident."""
    return _title(decision), _lines(decision)


def notice_words(decision: NoticeDecision) -> tuple[str, Lines]:
    """The title, and all that there is to say, on one line."""
    row = decision.row
    title = f"FAILED {name_of(row)} ({row['source']}) at {at(row['last_failure_at'])}"
    return title, iter(["; ".join(_notice(row, decision.view))])


def _title(decision: PipelineDecision) -> str:
    incident, row = decision.incident, decision.row
    state = "flapping" if incident.is_flapping else incident.state
    about = f"{label(incident.pipeline_id, incident.pipeline_name)} ({decision.view.source})"
    since = f"since {at(incident.since)}" if incident.since else "since an unknown time"
    if row and decision.change is Change.FLAPPING:
        days, shown = ("28d", "28 days") if runs_rarely(row) else ("24h", "24 h")
        return f"FLAPPING {about}: {row[f'failed_{days}']} of {row[f'decided_{days}']} failed in {shown}"
    ended = f"from {at(incident.since)} to {at(decision.ended_at)}" if incident.since and decision.ended_at else ""
    titles = {
        Event.OPENED: f"{state.upper()} {about} {since}",
        Event.UPDATED: f"{state.upper()} {about} {since}, {_change(decision)}",
        Event.REMINDED: f"STILL {state.upper()} {about} {since}",
        Event.RESOLVED: f"RESOLVED {about}: {state} {ended}" if ended else f"RESOLVED {about}: was {state} {since}",
        Event.GIVEN_UP: f"NO LONGER WATCHED {about}: {state} {since}",
    }
    return titles[decision.event]


def _change(decision: PipelineDecision) -> str:
    incident = decision.incident
    match decision.change:
        case Change.FAILURES:
            return f"now {incident.failures} failures in a row"
        case Change.RATE:
            return f"now {rate(incident.rate)} failed"
        case Change.REASON:
            return f"new reason {shortened(incident.reasons[-1])}"
    return f"was {decision.previous_state}"


def _lines(decision: PipelineDecision) -> Lines:
    incident, row, view = decision.incident, decision.row, decision.view
    yield f"Pipeline: {shortened(incident.pipeline_id or '(none)')} of {view.source}"
    if owner := view.whole.watch.owner_of(incident.subject(view.source)):
        yield f"Owner: {shortened(owner)}"
    if decision.change is Change.FLAPPING:
        soon = "a week" if row and runs_rarely(row) else "a day"
        yield f"It is wrong again within {soon}, and stays open until nothing has been wrong for {soon}."
    if row and row["state"] in SEVERITIES:
        yield from _facts(row, decision)
    elif decision.event is Event.GIVEN_UP or row is None:
        yield "It is no longer watched, so this incident is closed."
    elif decision.event is Event.RESOLVED:
        yield f"Now: {row['state']}"
        yield from _end(decision)
    else:
        yield f"Now: {row['state']}; {row['successes']} of the {decision.successes_needed} successes that end it"


def _end(decision: PipelineDecision) -> Lines:
    began_at, ended_at = decision.incident.since, decision.ended_at
    if ended_at is None:
        yield "When it ended is unknown: runs that arrived late have changed its history."
    elif began_at and began_at <= ended_at:
        yield f"It lasted {span(ended_at - began_at)}."
    yield from lateness(ended_at, decision.view.whole)


def _facts(row: Row, decision: PipelineDecision) -> Lines:
    view = decision.view
    yield from _what(row, view)
    if row["state"] in FAILS:
        yield from _in_common(row, view)
    yield f"Last 24 h: {_failed(row, '_24h')}"
    yield f"Last success: {at(row['last_success_at']) if row['last_success_at'] else 'none known'}"
    yield from _failures(row, view)
    if view.read_until:
        yield f"As of {at(view.read_until)}."
    if decision.event in {Event.OPENED, Event.UPDATED}:
        yield from lateness(confirmed_at(row), view.whole)
    if decision.event is Event.GIVEN_UP:
        yield "No run for more than 28 days, so this incident is closed. A new run is watched again."
    else:
        yield f"To do: {_to_do(row)}"
    if decision.event is Event.REMINDED:
        command = shlex.join(["runs-assets", "ack", view.source, row["pipeline_id"] or "*"])
        yield f"No more reminders: {shortened(command)}"


def _what(row: Row, view: SourceObservation) -> Lines:
    """How bad it is, and how unusual."""
    match row["state"]:
        case "partly failing":
            yield _usual(row, row["normal_rate"], view)
        case "silent":
            yield from _silence(row, view)
        case "stuck":
            yield f"None of its newest runs has ended, or none has started, since {at(row['since'])}."
            yield from _open_runs(row, view)
        case "worse":
            if worse := view.worse_span(row):
                yield f"In {PERIODS.get(worse['period'], worse['period'])}: {_failed(worse, '')}"
            yield _usual(row, worse["baseline_rate"] if worse else row["normal_rate"], view)
        case _:
            sites = f", sites affected: {row['sites_affected']}" if row["sites_affected"] is not None else ""
            yield f"Failures in a row: {row['failures']}{sites}"
            yield _usual(row, row["normal_rate"], view)


def _in_common(row: Row, view: SourceObservation) -> Lines:
    """Of what failures have in common, the one that chance explains least."""
    found = view.of_pipeline(view.whole.concentrations, row["pipeline_id"])
    if found:
        one = min(found, key=itemgetter("p_value"))
        is_reason, others = one["dimension"] == "reason", f"{one['other_failed'] or 'none'} of {one['other_decided']}"
        failures = one["decided"] if is_reason else one["failed"] + one["other_failed"]
        counted = f"All {failures}" if one["failed"] == failures else f"{one['failed']} of {failures}"
        common = "have the reason" if is_reason else f"are of {one['dimension']}"
        beside = f"{others} in the 28 days before" if is_reason else f"{others} other runs failed"
        yield f"{counted} failures of the last {SPANS[one['span_hours']]} {common} {shortened(one['value'])} ({beside})"


def _silence(row: Row, view: SourceObservation) -> Lines:
    found = (one for one in view.of_pipeline(view.whole.silences, row["pipeline_id"]) if one["since"] == row["since"])
    silence = min(found, key=itemgetter("expected_by"), default=None)
    missed = "success" if silence and silence["kind"] == NO_SUCCESS else "run"
    expected = f", next {missed} expected by {at(row['expected_by'])}" if row["expected_by"] else ""
    yield f"Last run: {at(row['last_run_at'])}{expected}"
    if silence:
        usual = timedelta(seconds=silence["usual_interval_seconds"])
        yield f"Usual: at most {span(usual)} between two in the 28 days before"


def _usual(row: Row, usual_rate: float | None, view: SourceObservation) -> str:
    """Streaks of fewer than three failures are in no table."""
    until = row["failing_since"] or row["since"]
    streaks = [
        streak["failures"]
        for streak in view.of_pipeline(view.whole.outages, row["pipeline_id"])
        if not streak["is_confirmed"] and until - USUAL_FOR <= streak["failing_since"] < until
    ]
    in_a_row = f"at most {max(streaks)}" if streaks else f"fewer than {MIN_FAILURES}"
    return f"Usual: {rate(usual_rate)} failed, {in_a_row} in a row in the 28 days before"


def _failed(row: Row, suffix: str) -> str:
    if not row[f"decided{suffix}"]:
        return "no completed runs"
    of, low, high = (row[f"failure_rate{suffix}{end}"] for end in ("", "_low", "_high"))
    counted = f"{row[f'failed{suffix}']} of {row[f'decided{suffix}']} failed"
    return f"{counted}, {rate(of)} ({rate(low)} to {rate(high)})"


def _failures(row: Row, view: SourceObservation) -> Lines:
    if row["reason"] and (row["failures"] or row["state"] == "worse"):  # or it may be weeks old, and another matter
        yield f"Reason: {_reason(row)}"
    for which in ("first", "latest"):
        if run_id := row[f"{which}_failed_run_id"]:
            yield f"{which.capitalize()} failed run: {run_with_page(run_id, row, view.whole.watch)}"


def _reason(row: Row) -> str:
    category = f" ({shortened(row['reason_category'])})" if row["reason_category"] else ""
    return f"{shortened(row['reason'])}{category}, attribution: {shortened(row['reason_side'] or 'unknown')}"


def _open_runs(row: Row, view: SourceObservation) -> Lines:
    runs = view.of_pipeline(view.whole.hanging_runs, row["pipeline_id"])
    for run in sorted(runs, key=itemgetter("open_since"))[:SHOWN_RUNS]:
        limit = span(timedelta(seconds=run["limit_seconds"]))
        shown = run_with_page(run["run_id"], row, view.whole.watch)
        yield f"Open since {at(run['open_since'])}, usually {limit} at most: {shown}"


def _to_do(row: Row) -> str:
    state = row["state"]
    of_reason = BY_ATTRIBUTION.get(row["reason_side"], LOOK) if state in STREAKS and row["reason"] else None
    return of_reason or BY_STATE.get(state, LOOK)


def _notice(row: Row, view: SourceObservation) -> Lines:
    times = "once" if row["failures"] == 1 else f"{row['failures']} times in a row"
    yield f"Failed {times}, usual {rate(row['normal_rate'])}"
    yield f"last success {at(row['last_success_at'])}" if row["last_success_at"] else "no success known"
    if row["reason"]:
        yield f"reason {_reason(row)}"
    if run_id := row["latest_failed_run_id"]:
        yield f"run {run_with_page(run_id, row, view.whole.watch)}"
    if owner := view.whole.watch.owner_of(subject_of(row)):
        yield f"owner {shortened(owner)}"
    yield "nothing to do if the next run succeeds"


def name_of(row: Row) -> str:
    """What people call the pipeline of a row."""
    return label(row["pipeline_id"], row["pipeline_name"])


def open_line(subject: Subject, state: str, since: datetime | None = None) -> str:
    """What an open incident is about, its state, and since when if that is to be said."""
    about = label(subject.pipeline_id, subject.pipeline_name) if subject.pipeline_id else "as a whole"
    return f"{shortened(subject.source or 'this project')} {about}: {state}" + (f" since {at(since)}" if since else "")


def run_with_page(run_id: str, row: Row, watch: WatchFile) -> str:
    """A run of the pipeline of a row by its id, with its page where the watch file has a template for it."""
    page = watch.link_of(row["source"], run_id, row["pipeline_id"])
    return f"{shortened(run_id)} {page}" if page else shortened(run_id)


def lateness(certain_at: datetime | None, seen: Observation) -> Lines:
    """How late it is reported that something is certain, if by more than the two readings that may lie between."""
    late = seen.now - certain_at if certain_at else timedelta(0)
    if certain_at and late > max(LATE, 2 * seen.today_every):
        yield f"Reported {span(late)} late: confirmed at {at(certain_at)}."
