"""Many pipelines of a source down or silent at once: one message about the platform instead of one for each.

It opens when at least 5 pipelines, and at least half of the active ones, went down or silent within a day or would all
be told now, and ends when fewer than 3, or less than a quarter, of those are: the gap keeps it from flapping. In
between, their single incidents rest; what goes down more than a day after it opened is told singly, or, if it is as
many again, in one message.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from runs_assets.alerts.look import BAD, Row, SourceLook, confirmed_at
from runs_assets.alerts.pipelines import incident_of
from runs_assets.alerts.state import Event, Incident, Message, PlatformIncident, SourceState
from runs_assets.alerts.text_of_many import began_at, platform_message
from runs_assets.alerts.troubles import REMINDED_EVERY

AT_ONCE = timedelta(hours=24)
ACTIVE = timedelta(days=7)
OPENS_AT, OPENS_AT_SHARE = 5, 0.5
LASTS_AT, LASTS_AT_SHARE = 3, 0.25


def next_platform(before: SourceState, view: SourceLook) -> tuple[list[Message], SourceState]:
    """The source's platform incident as it is now; when it has ended, what goes on of it as single incidents."""
    if view.look.watch.mute_of(view.source, None, None, view.look.now):
        return [], before
    if before.platform is None:
        return _opened(before, view)
    platform, now = before.platform, view.look.now
    if wave := _many_at_once(before, view):
        platform = platform.model_copy(update={"counts_until": now + AT_ONCE})
    down = _down(view, platform)
    if not _is_many(down, view.rows.values(), view, LASTS_AT, LASTS_AT_SHARE):
        return _ended(before, platform, down, view)
    if not wave and abs(now - platform.told_at) < REMINDED_EVERY:
        return [], before
    reminded = platform.model_copy(update={"told_at": now})
    message = platform_message(Event.REMINDED, down, [], reminded.since, view).also_to(reminded.told)
    return [message], before.model_copy(update={"platform": reminded})


def _many_at_once(before: SourceState, view: SourceLook) -> list[Row]:
    """What would make a platform incident; none if it is not enough. What is part of one already adds nothing."""
    told = {incident.pipeline_id for incident in before.incidents if incident.told_at}
    audible = [row for row in view.rows.values() if not view.mute_of(row["pipeline_id"], row["pipeline_name"])]
    news = [row for row in audible if _is_bad(row, view) and not view.is_history(row)]
    if before.platform:
        news = [row for row in news if before.platform.is_after(_certain(row))]
    lately = view.read_until - AT_ONCE
    down = [row for row in news if _certain(row) > lately or row["pipeline_id"] not in told]
    return down if _is_many(down, audible, view, OPENS_AT, OPENS_AT_SHARE) else []


def _opened(before: SourceState, view: SourceLook) -> tuple[list[Message], SourceState]:
    down = _many_at_once(before, view)
    if not down:
        return [], before
    since = min(began_at(row) for row in down)
    message = platform_message(Event.OPENED, down, [], since, view)
    now = view.look.now
    counts_from = min(_certain(row) for row in down)
    platform = PlatformIncident(
        since=since, counts_from=counts_from, counts_until=now + AT_ONCE, told_at=now, told=message.tags
    )
    return [message], before.model_copy(update={"platform": platform})


def _ended(
    before: SourceState, platform: PlatformIncident, down: list[Row], view: SourceLook
) -> tuple[list[Message], SourceState]:
    """One message closes it, and with it those told before that are over; those still down go on singly."""
    known, rows = {incident.pipeline_id: incident for incident in before.incidents}, view.rows
    over = [incident for incident in before.incidents if _is_over(incident, rows.get(incident.pipeline_id), view)]
    still = [row for row in down if not view.mute_of(row["pipeline_id"], row["pipeline_name"])]
    for incident in over:
        del known[incident.pipeline_id]
    message = platform_message(Event.ENDED, still, over, platform.since, view).also_to(platform.told)
    told = {"told_at": view.look.now, "told": message.tags}
    known |= {row["pipeline_id"]: incident_of(row).model_copy(update=told) for row in still}
    return [message], before.model_copy(update={"platform": None, "incidents": tuple(known.values())})


def _is_over(incident: Incident, row: Row | None, view: SourceLook) -> bool:
    """Whether a pipeline that was told to be down is neither down nor silent any more."""
    is_open = incident.told_at is not None and not incident.is_given_up
    is_muted = view.mute_of(incident.pipeline_id, incident.pipeline_name) is not None
    return is_open and not is_muted and row is not None and row["state"] not in BAD


def _down(view: SourceLook, platform: PlatformIncident) -> list[Row]:
    bad = [row for row in view.rows.values() if _is_bad(row, view) and _certain(row) >= platform.counts_from]
    return [row for row in bad if not platform.is_after(_certain(row))]


def _is_bad(row: Row, view: SourceLook) -> bool:
    return row["state"] in BAD and confirmed_at(row) is not None and view.is_watched(row)


def _certain(row: Row) -> datetime:
    return confirmed_at(row) or row["since"]


def _is_many(down: list[Row], of: Iterable[Row], view: SourceLook, least: int, share: float) -> bool:
    """Silent ones count among the active, however long ago they ran."""
    ids = {row["pipeline_id"] for row in down}
    active = len([row for row in of if view.read_until - row["last_run_at"] < ACTIVE or row["pipeline_id"] in ids])
    return len(down) >= max(least, share * active)
