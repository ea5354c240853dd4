"""The incidents of pipelines: one for each with a state that is one. Those of a platform incident are on hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil, log, log1p
from typing import NamedTuple

from runs_assets.alerts.lifecycle import (
    DAY,
    Condition,
    Decision,
    Event,
    PipelineIncident,
    PlatformIncident,
    Policy,
    advance,
)
from runs_assets.alerts.memory import SourceMemory
from runs_assets.alerts.observation import FAILED_ONCE, FAILS, SEVERITIES, STREAKS, Row, SourceObservation, confirmed_at
from runs_assets.verdicts.failure_trends import SPANS
from runs_assets.watch_entries import Severity

PIPELINE = Policy(may_flap=True)
UPDATED_EVERY = timedelta(hours=24)
"""At most, if it is not more severe."""
ENDED_BY_SUCCESSES = STREAKS | {"worse"}
"""The states that so many successes end as mean it."""
MORE_FAILURES, MORE_RATE = 10, 2
"""So many times as many failures in a row, or as high a rate, is another matter than what people were told."""
RELIABLE_RATE = 0.1
"""Of a pipeline that usually fails less often, one success means that it works again."""
BY_CHANCE, MOST_SUCCESSES = 0.05, 10
"""Else so many successes in a row as come by chance at most that often; and never more than ten."""
WORSE_WELL_FOR = timedelta(days=5)
"""What is worse is over when no span has been for so long: a rate that rose from 2 % to 15 % of 12 runs a day is near
the threshold, and was below it for four days and more though it went on (measured in the messy fleet)."""
RARE_RUNS, RARELY_FLAPS_WITHIN = 28, timedelta(days=7)
"""What ran at most so often in a week is the same incident for a week: a day has few of its runs, or none."""
ROUNDING = 1e-9
"""The quotient of two logarithms may exceed a whole number by less than this."""
TOLD = ("state", "failures", "rate", "reasons", "updated_at", "is_listed")
SEEN_BEFORE = timedelta(hours=1)
"""So much earlier than a platform incident seems to begin a failure may be a part of it: the shortest span in which a
source is judged knows only of the last half hour before a look, and looks are an hour apart."""
SPAN_LENGTHS = {span.period: timedelta(days=span.days) for span in SPANS}
"""Of the spans in which a pipeline may be worse."""


class Change(StrEnum):
    """Why people are notified again of a pipeline's incident."""

    FLAPPING = "it came back within a day, or a week if it runs rarely"
    STATE = "another state, which is more severe or something else"
    FAILURES = "many times as many failures in a row"
    RATE = "a much higher failure rate"
    REASON = "a new reason"


@dataclass(frozen=True, kw_only=True)
class PipelineDecision(Decision):
    """About a pipeline: its incident, its row of `pipeline_health` (None: gone), and the state it was in before.

    `change` is why there is an update. `ended_at` is when it ended, if that is known of one that is over. Until that is
    told it takes so many `successes_needed` in a row.
    """

    view: SourceObservation
    incident: PipelineIncident
    row: Row | None
    previous_state: str
    change: Change | None = None
    ended_at: datetime | None = None
    successes_needed: int = 1


def next_pipelines(before: SourceMemory, view: SourceObservation) -> tuple[list[Decision], SourceMemory]:
    """The incidents of all pipelines of a source that is read, but of those in a platform incident."""
    known = {incident.pipeline_id: incident for incident in before.pipelines}
    decisions: list[Decision] = []
    after: list[PipelineIncident] = []
    for pipeline_id in sorted({*known, *view.rows}, key=lambda pipeline_id: pipeline_id or ""):
        incident, row = known.get(pipeline_id), view.rows.get(pipeline_id)
        if not is_on_hold(pipeline_id, before, incident, row, view):
            news, incident = _next_pipeline(incident, row, view)
            decisions += news
        after += [incident] if incident else []
    return decisions, before.model_copy(update={"pipelines": tuple(after)})


def is_on_hold(
    pipeline_id: str | None,
    memory: SourceMemory,
    incident: PipelineIncident | None,
    row: Row | None,
    view: SourceObservation,
) -> bool:
    """Whether it is a matter of the source's platform incident, or was one of those before that nobody was told singly.

    One of a workspace is no end of those before: other pipelines are still a matter of these.
    """
    if memory.platform and memory.platform.covers(pipeline_id):
        return not _is_after(memory.platform, incident, row)
    if row is None or (incident and incident.is_open and not incident.is_listed):
        return False
    past = (platform for platform in memory.past_platforms if platform.covers(pipeline_id))
    return row["state"] in {*SEVERITIES, FAILED_ONCE} and any(_was_part_of(platform, row, view) for platform in past)


def _is_after(platform: PlatformIncident, incident: PipelineIncident | None, row: Row | None) -> bool:
    """Whether something went wrong too late to be a part of it, or did so and is over."""
    confirmed = confirmed_at(row) if row and row["state"] in SEVERITIES else None
    instants = [confirmed, incident.notified_at if incident else None]
    return any(instant is not None and platform.is_after(instant) for instant in instants)


def _was_part_of(platform: PlatformIncident, row: Row, view: SourceObservation) -> bool:
    """Whether a pipeline has not failed since, or is worse in no span that began after it."""
    until = platform.well_since
    if until is None or row["state"] in {"silent", "stuck"}:
        return False
    if row["state"] == "worse":
        spans = view.of_pipeline(view.whole.worse_spans, row["pipeline_id"])
        begins = [row["source_read_until"] - SPAN_LENGTHS[span["period"]] for span in spans]
        return bool(begins) and max(begins) < until
    return bool(row["last_failure_at"]) and platform.since - SEEN_BEFORE <= row["last_failure_at"] <= until


def _next_pipeline(
    before: PipelineIncident | None, row: Row | None, view: SourceObservation
) -> tuple[list[Decision], PipelineIncident | None]:
    found = _present(before, row, view)
    reported = found or before
    if reported is None:
        return [], None
    subject, end = reported.subject(view.source), None if found else _end_of(reported, row, view)
    change = _change(before, found, view) if before and found else None
    condition = Condition(
        view.whole.now,
        found,
        is_muted=view.is_muted(subject),
        is_acknowledged=view.whole.is_acknowledged(subject),
        is_watched=row is not None and (view.is_watched(row) if end is None else not end.is_given_up),
        has_changed=change is not None,
        well_for=WORSE_WELL_FOR if reported.state == "worse" else timedelta(0),
        flaps_within=RARELY_FLAPS_WITHIN if row and runs_rarely(row) else DAY,
    )
    step = advance(before, condition, PIPELINE)
    if step.event is None or (step.event is Event.RESOLVED and reported.is_listed):
        return [], _as_told(step.incident, before)
    shown, before = step.incident or reported, before or reported
    severity = view.whole.watch.rule_of(subject).severity or SEVERITIES[shown.state]
    decision = PipelineDecision(
        event=step.event,
        severity=severity,
        tags=shown.recipients(view.whole.watch.tags_of(subject, severity)),
        view=view,
        incident=shown.model_copy(update={"since": end.began_at}) if end else shown,
        row=row,
        previous_state=before.state,
        change=change if step.event is Event.UPDATED else None,
        ended_at=end.ended_at if end else None,
        successes_needed=successes_needed(shown, row),
    )
    return [decision], step.incident and _notified(step.incident, before, decision)


def _notified(incident: PipelineIncident, before: PipelineIncident, decision: PipelineDecision) -> PipelineIncident:
    """The incident as people know it when they have been notified."""
    is_limited = decision.change not in {None, Change.FLAPPING, Change.STATE}
    return incident.model_copy(
        update={
            "tags": decision.tags,
            "reasons": tuple(dict.fromkeys((*before.reasons, *incident.reasons))),
            "updated_at": decision.view.whole.now if is_limited else before.updated_at,
        }
    )


def incident_of(row: Row, view: SourceObservation) -> PipelineIncident:
    """The incident of a pipeline with a state that is one, as it would open now."""
    copied = {name: row[name] for name in ("pipeline_id", "pipeline_name", "state", "since", "failures")}
    span = view.worse_span(row) if row["state"] == "worse" else None
    return PipelineIncident(
        **copied,
        rate=span["failure_rate"] if span else None,
        reasons=(row["reason"],) if row["reason"] and row["state"] in FAILS else (),
        worst_rate=row["failure_rate_24h"] or 0.0,
        is_history=view.is_history(row),
    )


def _present(before: PipelineIncident | None, row: Row | None, view: SourceObservation) -> PipelineIncident | None:
    """The incident that there is now; that of before as long as there are too few successes to call it over."""
    known = before if before and before.is_open else None
    if row is None:
        return None
    if row["state"] in SEVERITIES:
        found = incident_of(row, view)
        return found.model_copy(update={"worst_rate": max(found.worst_rate, known.worst_rate if known else 0.0)})
    return known if known and not _has_recovered(known, row) else None


def _has_recovered(incident: PipelineIncident, row: Row) -> bool:
    needed = successes_needed(incident, row)
    return incident.state not in ENDED_BY_SUCCESSES or needed == 1 or row["successes"] >= needed


def runs_rarely(row: Row) -> bool:
    """Whether it has run at most four times a day in the last week."""
    return bool(row["runs_7d"] <= RARE_RUNS)


def successes_needed(incident: PipelineIncident, row: Row | None) -> int:
    """How many successes in a row are needed to call it over.

    The least n with (1 - worst_rate)^n <= 5 %: so seldom do n of n runs succeed by chance if they go on to fail at the
    worst rate of 24 hours during the incident.
    """
    is_reliable = row is None or (row["normal_rate"] or 0.0) < RELIABLE_RATE
    if is_reliable or not 0.0 < incident.worst_rate < 1.0:
        return 1
    return min(ceil(log(BY_CHANCE) / log1p(-incident.worst_rate) - ROUNDING), MOST_SUCCESSES)


def _change(before: PipelineIncident, found: PipelineIncident, view: SourceObservation) -> Change | None:
    """Why people are to hear of it again; None if there is nothing that they would do differently.

    At most one a day, unless it comes back or is more severe; none of what somebody has acknowledged.
    """
    if before.is_resolved:
        return Change.FLAPPING
    if SEVERITIES[found.state] is Severity.CRITICAL and SEVERITIES[before.state] is not Severity.CRITICAL:
        return Change.STATE
    is_recent = before.updated_at is not None and view.whole.now - before.updated_at < UPDATED_EVERY
    if before.is_flapping or is_recent or view.whole.is_acknowledged(before.subject(view.source)):
        return None
    return next(_changes(before, found), None)


def _changes(before: PipelineIncident, found: PipelineIncident) -> Iterator[Change]:
    if before.state != found.state and not {before.state, found.state} <= FAILS:
        yield Change.STATE
    if before.failures and found.state in STREAKS and found.failures >= MORE_FAILURES * before.failures:
        yield Change.FAILURES
    if before.rate and found.rate and found.rate >= MORE_RATE * before.rate:
        yield Change.RATE
    if before.reasons and not {*found.reasons} <= {*before.reasons}:
        yield Change.REASON


def _as_told(after: PipelineIncident | None, before: PipelineIncident | None) -> PipelineIncident | None:
    """What an open incident is compared with later is what people know, not what has changed since."""
    if after is None or before is None or not before.is_open:
        return after
    kept = TOLD if after.state == before.state else (*TOLD, "since")
    return after.model_copy(update={name: getattr(before, name) or getattr(after, name) for name in kept})


class _End(NamedTuple):
    """When an incident began and ended (UTC, None if unknown), and whether it was given up instead."""

    began_at: datetime | None
    ended_at: datetime | None
    is_given_up: bool = False


def _end_of(incident: PipelineIncident, row: Row | None, view: SourceObservation) -> _End:
    """The end of what is over.

    From the row of `outages` or `silences` that begins next to it: runs that arrive late move its ends. Of what is in
    neither, the end is when it was first seen to be over.
    """
    since = incident.since
    if incident.is_flapping or incident.state not in {*STREAKS, "silent"}:
        return _End(since, incident.well_since or view.read_until)
    is_streak = incident.state in STREAKS
    table, begins = (view.whole.outages, "failing_since") if is_streak else (view.whole.silences, "since")
    ended = [
        stretch
        for stretch in view.of_pipeline(table, incident.pipeline_id)
        if (stretch["ended_at"] is not None and (since is None or stretch["ended_at"] > since))
        or (stretch["ended_at"] is None and stretch.get("state") == "given up")
    ]
    if ended and since is not None:
        found = min(ended, key=lambda stretch: abs(stretch[begins] - since))
        return _End(found[begins], found["ended_at"], found["ended_at"] is None)
    success = row["last_success_at"] if row and is_streak else None
    return _End(since, success if success and since and success > since else None)
