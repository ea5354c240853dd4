"""The incident of a platform: what befalls many pipelines of a source at once is one incident, not one of each.

What is left when it is resolved is listed once, and only what lasts is told again; the README here has all its rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from runs_assets.alerts.lifecycle import Condition, Decision, Event, PipelineIncident, PlatformIncident, Policy, advance
from runs_assets.alerts.memory import SourceMemory
from runs_assets.alerts.observation import BAD, SEVERITIES, Row, SourceObservation, confirmed_at, subject_of
from runs_assets.alerts.pipelines import SPAN_LENGTHS, incident_of
from runs_assets.verdicts.source_health import OK
from runs_assets.watch_entries import Severity, Subject

PLATFORM = Policy(keeps_since=True)
AT_ONCE, JOINS, QUIET = timedelta(hours=3), timedelta(hours=24), timedelta(hours=2)
ACTIVE = timedelta(days=7)
OPENS_AT, OPENS_AT_SHARE, OPENS_ANYWAY_AT = 5, 0.15, 8
LASTS_AT, LASTS_AT_SHARE = 3, 0.05
LONGEST_SPAN = max(SPAN_LENGTHS.values())
GROWN = 2
"""How many times as many pipelines as people were notified of make an update."""


@dataclass(frozen=True, kw_only=True)
class PlatformDecision(Decision):
    """About many pipelines of a source at once: those that are `bad` (down or silent) and, at its end, `resolved`."""

    view: SourceObservation
    incident: PlatformIncident
    bad: tuple[Row, ...]
    resolved: tuple[PipelineIncident, ...] = ()


def next_platform(before: SourceMemory, view: SourceObservation) -> tuple[list[Decision], SourceMemory]:
    """The source's platform incident; what is left of it when it is resolved goes on as incidents of pipelines."""
    if view.is_muted(Subject(view.source)):
        return [], before
    known, verdict, wave = before.platform, _by_verdict(before, view), _wave(before, view)
    found = _carried_on(known, verdict, wave, view) if known else verdict or (_by(wave, view) if wave else None)
    if found and found.well_since:
        return [], before.model_copy(update={"platform": found})
    has_grown = bool(known and found and known.affected and found.affected >= GROWN * known.affected)
    condition = Condition(
        view.whole.now,
        found,
        is_acknowledged=view.whole.is_acknowledged(Subject(view.source)),
        has_changed=bool(known and wave) or has_grown,
    )
    step = advance(known, condition, PLATFORM)
    if step.event is None and known and step.incident and known.affected:  # people were notified of these
        notified = {name: getattr(known, name) for name in ("state", "affected", "active")}
        return [], before.model_copy(update={"platform": step.incident.model_copy(update=notified)})
    reported = step.incident or known
    if step.event is None or reported is None:
        return [], before.model_copy(update={"platform": step.incident})
    return _decided(step.event, step.incident, reported, before, view)


def _decided(
    event: Event,
    incident: PlatformIncident | None,
    reported: PlatformIncident,
    before: SourceMemory,
    view: SourceObservation,
) -> tuple[list[Decision], SourceMemory]:
    bad = [row for row in _part_of(reported, view) if not view.is_muted(subject_of(row))]
    resolved = [one for one in before.pipelines if _is_resolved(one, view)] if event is Event.RESOLVED else []
    tags = reported.recipients(_routes_of(bad, resolved, view))
    decision = PlatformDecision(
        event=event,
        severity=Severity.CRITICAL,
        tags=tags,
        view=view,
        incident=reported,
        bad=tuple(bad),
        resolved=tuple(resolved),
    )
    if incident:
        return [decision], before.model_copy(update={"platform": incident.model_copy(update={"tags": tags})})
    notified = {"notified_at": view.whole.now, "opened_at": view.whole.now, "tags": tags, "is_history": False}
    told = {one.pipeline_id for one in before.pipelines if one.is_open and not one.is_listed}
    left = {
        row["pipeline_id"]: incident_of(row, view).model_copy(
            update=notified | {"is_listed": row["pipeline_id"] not in told}
        )
        for row in bad
    }
    kept = {one.pipeline_id: one for one in before.pipelines if one not in resolved} | left
    earlier = tuple(it for it in before.past_platforms if it.well_since and view.age(it.well_since) < LONGEST_SPAN)
    after = {"platform": None, "last_platform": reported, "earlier_platforms": earlier}
    return [decision], before.model_copy(update=after | {"pipelines": tuple(kept.values())})


def _by_verdict(before: SourceMemory, view: SourceObservation) -> PlatformIncident | None:
    """The incident as it would open now, if the source as a whole is failing or silent, and was not told so before."""
    row = next((row for row in view.whole.source_health if row["source"] == view.source), None)
    last = before.last_platform
    if row is None or row["state"] == OK:
        return None
    if before.platform is None and last and last.well_since and row["since"] <= last.well_since:
        return None
    copied = {name: row[name] for name in ("since", "state", "affected", "active", "usual")}
    until = view.whole.now + JOINS
    copied["common"] = f"{row['common_dimension']} {row['common_value']}" if row["common_value"] else None
    return PlatformIncident(**copied, members=row["pipeline_ids"], counts_from=row["since"], counts_until=until)


def _by(bad: list[Row], view: SourceObservation) -> PlatformIncident:
    """The incident as it would open now, of pipelines that are down or silent; at least one."""
    states = {row["state"] for row in bad}
    return PlatformIncident(
        since=min(map(began_at, bad)),
        state=states.pop() if len(states) == 1 else "in trouble",
        affected=len(bad),
        active=len(_active(bad, view)),
        members=tuple(row["pipeline_id"] for row in bad),
        counts_from=min(map(_confirmed, bad)),
        counts_until=view.whole.now + JOINS,
    )


def _carried_on(
    known: PlatformIncident, verdict: PlatformIncident | None, wave: list[Row], view: SourceObservation
) -> PlatformIncident | None:
    """The incident as it goes on, with what it affects now; None if it is over."""
    parts = [*_part_of(known, view), *wave]
    if verdict or len(parts) >= max(LASTS_AT, LASTS_AT_SHARE * len(_active(parts, view))):
        now = verdict if verdict and verdict.affected >= len(parts) else _by(parts, view)
        news = (*(verdict.members if verdict else ()), *(row["pipeline_id"] for row in wave))
        members = dict.fromkeys((*known.members, *news))
        lasting = {name: getattr(now, name) for name in ("state", "affected", "active", "usual")}
        until = now.counts_until if wave else known.counts_until
        lasting["common"] = known.common if verdict is None or verdict.common else None
        lasting |= {"members": tuple(members), "counts_until": until, "well_since": None}
        return known.model_copy(update=lasting)
    well_since = known.well_since or view.read_until
    is_over = well_since and view.read_until and view.read_until - well_since >= QUIET
    return None if is_over else known.model_copy(update={"well_since": well_since})


def began_at(row: Row) -> datetime:
    """The first failure of what is down; when what is silent should have run."""
    instant: datetime = row["expected_by"] if row["state"] == "silent" else row["failing_since"] or row["since"]
    return instant


def _wave(before: SourceMemory, view: SourceObservation) -> list[Row]:
    """The pipelines that went down or silent within three hours, or would all be notified of now; none if too few."""
    notified = {incident.pipeline_id for incident in before.pipelines if incident.notified_at}
    audible = [row for row in view.rows.values() if not view.is_muted(subject_of(row))]
    news = [row for row in audible if _is_bad(row, view) and not view.is_history(row)]
    if before.platform:
        news = [row for row in news if before.platform.is_after(_confirmed(row))]
    wave = [row for row in news if view.age(_confirmed(row)) < AT_ONCE or row["pipeline_id"] not in notified]
    is_many = len(wave) >= max(OPENS_AT, OPENS_AT_SHARE * len(_active(wave, view)))
    return wave if is_many or len(wave) >= OPENS_ANYWAY_AT else []


def _active(bad: Iterable[Row], view: SourceObservation) -> list[Row]:
    """The pipelines that ran within a week, and those that are `bad`, however long ago they ran."""
    ids = {row["pipeline_id"] for row in bad}
    rows = view.rows.values()
    return [row for row in rows if row["pipeline_id"] in ids or view.age(row["last_run_at"]) < ACTIVE]


def _part_of(platform: PlatformIncident, view: SourceObservation) -> list[Row]:
    bad = [row for row in view.rows.values() if _is_bad(row, view)]
    bad = [row for row in bad if platform.covers(row["pipeline_id"])]
    return [row for row in bad if platform.counts_from <= _confirmed(row) and not platform.is_after(_confirmed(row))]


def _is_resolved(incident: PipelineIncident, view: SourceObservation) -> bool:
    """Whether people were notified of a pipeline that is no incident any more."""
    row = view.rows.get(incident.pipeline_id)
    is_muted = view.is_muted(incident.subject(view.source))
    return incident.is_open and not is_muted and row is not None and row["state"] not in SEVERITIES


def _is_bad(row: Row, view: SourceObservation) -> bool:
    return row["state"] in BAD and confirmed_at(row) is not None and view.is_watched(row)


def _confirmed(row: Row) -> datetime:
    return confirmed_at(row) or row["since"]


def _routes_of(bad: Iterable[Row], resolved: Iterable[PipelineIncident], view: SourceObservation) -> frozenset[str]:
    """Those of the source and of every pipeline that it is about."""
    pipelines = {*map(subject_of, bad), *(incident.subject(view.source) for incident in resolved)}
    subjects = (Subject(view.source), *pipelines)
    return frozenset().union(*(view.whole.watch.tags_of(subject, Severity.CRITICAL) for subject in subjects))
