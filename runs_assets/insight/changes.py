"""What has changed in the last 24 hours: what broke, what is well again, and what fails or runs in a new way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from runs_assets.insight.histories import PipelineHistory
from runs_assets.insight.parts import NewVersion
from runs_assets.insight.status import WELL, PipelineStatus, Row
from runs_assets.plain_text.wording import plain, rate, span
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.silences import CHANGED, NO_RUNS

RECENT = timedelta(hours=24)


class ChangeKind(StrEnum):
    """Something broke, is well again, is worse than usual, fails for a new reason, or runs in a new version."""

    NEW = "new"
    RESOLVED = "resolved"
    WORSE = "worse"
    NEW_REASON = "new reason"
    NEW_VERSION = "new version"


@dataclass(frozen=True, kw_only=True)
class FleetChange:
    """What has changed in the 24 hours before its source was read, in words; of a source as a whole without an id."""

    kind: ChangeKind
    source: str
    pipeline: str
    pipeline_id: str | None
    at: datetime
    what: str


def changes_of(history: PipelineHistory, version: NewVersion | None) -> Iterator[FleetChange]:
    """Those of a pipeline, and of its newest `version` if that is new."""
    health = history.health
    since = health.read_until - RECENT
    yield from beginning_of(health)
    yield from (_recovery(health, row) for row in history.outages if _is_since(row["ended_at"], since))
    yield from (_return(health, row) for row in history.silences if _is_since(row["ended_at"], since))
    for row in history.reasons:
        if row["is_new"] and row["first_seen_at"] >= since:
            yield _change(ChangeKind.NEW_REASON, health, row["first_seen_at"], _reason(row))
    if version:
        yield _change(ChangeKind.NEW_VERSION, health, version.version["first_at"], _version(version))


def beginning_of(health: PipelineStatus) -> Iterator[FleetChange]:
    """What is wrong now, with a pipeline or a source as a whole, if it began in the last 24 hours."""
    if health.since and health.state not in WELL and health.since >= health.read_until - RECENT:
        kind = ChangeKind.WORSE if health.state == PipelineState.WORSE else ChangeKind.NEW
        yield _change(kind, health, health.since, f"{health.state}: {health.why}" if health.why else health.state)


def _change(kind: ChangeKind, health: PipelineStatus, at: datetime, what: str) -> FleetChange:
    return FleetChange(
        kind=kind,
        source=health.source,
        pipeline=health.pipeline,
        pipeline_id=health.pipeline_id,
        at=at,
        what=plain(what),
    )


def _is_since(ended_at: datetime | None, since: datetime) -> bool:
    return ended_at is not None and ended_at >= since


def _recovery(health: PipelineStatus, row: Row) -> FleetChange:
    lasted = span(row["ended_at"] - row["failing_since"])
    what = f"succeeds again after {lasted} and {row['failures']} failures in a row"
    return _change(ChangeKind.RESOLVED, health, row["ended_at"], what)


def _return(health: PipelineStatus, row: Row) -> FleetChange:
    does = "runs" if row["kind"] == NO_RUNS else "completes runs"
    again = "again, less often than before," if row["state"] == CHANGED else "again"
    what = f"{does} {again} after {span(row['ended_at'] - row['since'])}"
    return _change(ChangeKind.RESOLVED, health, row["ended_at"], what)


def _reason(row: Row) -> str:
    runs = "1 run failed" if row["runs"] == 1 else f"{row['runs']} runs failed"
    return f"{runs}: {row['reason']} ({row['side']})"


def _version(new: NewVersion) -> str:
    return f"{_counts(new.version)}; {_counts(new.before)}"


def _counts(version: Mapping[str, Any]) -> str:
    failed, completed = version["failed"], version["completed"]
    return f"{version['value']}: {failed} of {completed} failed ({rate(failed / completed)})"
