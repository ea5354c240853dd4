"""The incidents of single pipelines: one per pipeline, from when it is down or silent until it is neither."""

from datetime import datetime

from runs_assets.alerts.look import BAD, Row, SourceLook, confirmed_at
from runs_assets.alerts.state import Event, Incident, Message, PlatformIncident, SourceState
from runs_assets.alerts.text import ended_message, pipeline_message
from runs_assets.alerts.troubles import REMINDED_EVERY


def next_incidents(before: SourceState, view: SourceLook) -> tuple[list[Message], SourceState]:
    """The incidents of all pipelines of a source that is current; what is part of a platform incident rests."""
    known, rows = {incident.pipeline_id: incident for incident in before.incidents}, view.rows
    messages, incidents = [], []
    for pipeline_id in sorted({*known, *rows}, key=lambda pipeline_id: pipeline_id or ""):
        incident, row = known.get(pipeline_id), rows.get(pipeline_id)
        message = None
        if before.platform is None or _is_after(before.platform, incident, row):
            message, incident = next_incident(incident, row, view)
        messages += [message] if message else []
        incidents += [incident] if incident else []
    return messages, before.model_copy(update={"incidents": tuple(incidents)})


def _is_after(platform: PlatformIncident, incident: Incident | None, row: Row | None) -> bool:
    """Whether a pipeline went down too late to be a part of it, or did so and is over."""
    certain = confirmed_at(row) if row and row["state"] in BAD else None
    instants = [certain, incident.told_at if incident else None]
    return any(instant is not None and platform.is_after(instant) for instant in instants)


def next_incident(before: Incident | None, row: Row | None, view: SourceLook) -> tuple[Message | None, Incident | None]:
    """What to tell of a pipeline, if anything, and its incident as it is now."""
    if row is None or row["state"] not in BAD:
        return _over(before, row, view)
    if not view.is_watched(row):
        return _no_longer_watched(before, row, view)
    incident = _present(before, row, view)
    if incident.is_old:
        return None, incident
    if view.mute_of(row["pipeline_id"], row["pipeline_name"]):
        return None, before if before and before.told_at else incident  # a change is told when the mute has ended
    event = _event(before if before and not before.is_given_up else None, incident, view.look.now)
    if event is None:
        return None, incident
    was = before.state if before else row["state"]
    message = pipeline_message(event, row, view, was=was).also_to(incident.told)
    return message, incident.model_copy(update={"told_at": view.look.now, "told": message.tags})


def incident_of(row: Row) -> Incident:
    """The incident of a row that is down or silent, of which nothing was told yet."""
    return Incident(
        pipeline_id=row["pipeline_id"], pipeline_name=row["pipeline_name"], state=row["state"], since=row["since"]
    )


def _present(before: Incident | None, row: Row, view: SourceLook) -> Incident:
    """The incident with what the row says now; it is old if it was at first, until something newer is certain."""
    known = incident_of(row)
    is_history = view.is_history(row)
    if before is None:
        return known.model_copy(update={"is_old": is_history})
    if before.is_given_up:
        return known
    is_old = before.is_old and is_history
    return known.model_copy(update={"told_at": before.told_at, "told": before.told, "is_old": is_old})


def _event(before: Incident | None, incident: Incident, now: datetime) -> Event | None:
    if before is None or incident.told_at is None:
        return Event.OPENED
    if before.state != incident.state:
        return Event.CHANGED
    return Event.REMINDED if abs(now - incident.told_at) >= REMINDED_EVERY else None


def _over(before: Incident | None, row: Row | None, view: SourceLook) -> tuple[Message | None, Incident | None]:
    if before is None or before.told_at is None or before.is_given_up:
        return None, None
    if view.mute_of(before.pipeline_id, before.pipeline_name):
        return None, before
    return ended_message(before, row, view).also_to(before.told), None


def _no_longer_watched(before: Incident | None, row: Row, view: SourceLook) -> tuple[Message | None, Incident | None]:
    if before is None or before.is_given_up or before.told_at is None:
        return None, before if before and before.is_given_up else None
    if view.mute_of(before.pipeline_id, before.pipeline_name):
        return None, before
    closed = before.model_copy(update={"is_given_up": True})
    return pipeline_message(Event.GIVEN_UP, row, view, was=before.state).also_to(before.told), closed
