"""Rows of the verdict tables as they are written by hand in these tests, and observations of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from runs_assets.alerts.evaluation import Evaluation, evaluate
from runs_assets.alerts.memory import Memory
from runs_assets.alerts.notifications import notification_of
from runs_assets.alerts.observation import JobRun, Observation, Row
from runs_assets.watch_file import WatchFile

STREAKS = {"down", "never succeeded", "failing"}
BAD = {*STREAKS, "stuck", "silent", "worse", "partly failing", "failed once"}
T0 = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
NOTHING = WatchFile()


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def health(
    pipeline: str | None = "p1",
    state: str = "ok",
    source: str = "cloudcruise",
    *,
    at: datetime = T0,
    since: datetime | None = None,
    confirmed: datetime | None = None,
    **other: Any,
) -> Row:
    """A row read until `at`; one that is not ok began two hours before and was certain half an hour before."""
    bad = state in BAD
    fails = state in {*STREAKS, "failed once"}
    since = since or (at - hours(2) if bad else None)
    certain = confirmed or (at - hours(0.5) if bad else None)
    return {
        "source": source,
        "pipeline_id": pipeline,
        "pipeline_name": None,
        "state": state,
        "since": since,
        "reason": None,
        "reason_category": None,
        "reason_side": None,
        "failures": 4 if fails else 0,
        "successes": 0 if fails else 1,
        "failing_since": since if fails else None,
        "alert_after": 3 if fails else None,
        "confirmed_at": certain if state in STREAKS else None,
        "sites_affected": None,
        "first_failed_run_id": None,
        "latest_failed_run_id": None,
        "last_run_at": at - hours(0.1),
        "last_failure_at": at - hours(0.2) if fails else None,
        "last_success_at": at - hours(3) if bad else at - hours(0.1),
        "expected_by": certain if state == "silent" else None,
        "runs_7d": 140,
        "decided_24h": 20,
        "failed_24h": 5,
        "failure_rate_24h": 0.25,
        "failure_rate_24h_low": 0.112,
        "failure_rate_24h_high": 0.469,
        "normal_rate": 0.021,
        "source_read_until": at,
        **other,
    }


def outage(pipeline: str | None, since: datetime, ended: datetime | None, source: str = "cloudcruise") -> Row:
    names = {"source": source, "pipeline_id": pipeline}
    return {**names, "failing_since": since, "ended_at": ended, "failures": 4, "is_confirmed": True}


def silence(
    pipeline: str | None, since: datetime, ended: datetime | None, state: str = "ended", source: str = "cloudcruise"
) -> Row:
    return {"source": source, "pipeline_id": pipeline, "since": since, "ended_at": ended, "state": state}


def span(period: str, failed: int, decided: int, pipeline: str = "p1", source: str = "cloudcruise") -> Row:
    """In which a pipeline is worse; the ends of the interval are half and twice the rate."""
    rate = failed / decided
    names = {"source": source, "pipeline_id": pipeline, "period": period, "decided": decided, "failed": failed}
    ends = {"failure_rate_low": rate / 2, "failure_rate_high": 2 * rate}
    return {**names, **ends, "failure_rate": rate, "baseline_rate": 0.021}


def concentration(
    dimension: str, value: str, failed: int, decided: int, other_failed: int, other_decided: int, **other: Any
) -> Row:
    """What failures of the last 24 hours have in common."""
    names = {"source": "cloudcruise", "pipeline_id": "p1", "dimension": dimension, "value": value, "span_hours": 24}
    counts = {"failed": failed, "decided": decided, "other_failed": other_failed, "other_decided": other_decided}
    return {**names, **counts, "p_value": 1e-9, **other}


class Watching:
    """Evaluations one after the other, with what was remembered from one to the next."""

    def __init__(self, watch: WatchFile = NOTHING) -> None:
        self.memory = Memory()
        self.watch = watch
        self.today_every = hours(1)

    def evaluate(
        self,
        *rows: Row,
        now: datetime = T0,
        outages: Sequence[Row] = (),
        silences: Sequence[Row] = (),
        jobs: Sequence[JobRun] = (),
        sources: Sequence[Row] = (),
        spans: Sequence[Row] = (),
        concentrations: Sequence[Row] = (),
    ) -> list[str]:
        """The titles of what is sent; the same observation again must send nothing. The notifications are kept."""
        seen = Observation(
            now,
            self.watch,
            rows,
            outages,
            silences,
            jobs,
            today_every=self.today_every,
            source_health=sources,
            worse_spans=spans,
            concentrations=concentrations,
        )
        found: Evaluation = evaluate(self.memory, seen)
        self.notifications = [notification_of(decision, seen) for decision in found.decisions]
        self.memory = Memory.model_validate_json(found.memory.model_dump_json())
        assert self.memory == found.memory
        assert evaluate(self.memory, seen) == Evaluation((), self.memory)
        return [notification.title for notification in self.notifications]

    @property
    def body(self) -> str:
        """The text of the last evaluation's only notification."""
        (notification,) = self.notifications
        return notification.body
