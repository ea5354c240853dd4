"""Failures in a row: which stretches there are, and from which failure on each is worth an alert."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, groupby, repeat
from typing import Any

from runs_assets_tests.verdicts.plain_runs import DAY, History, Run, day_of, days_before
from runs_assets_tests.verdicts.plain_statistics import Counts, dispersion, shape

LEAST = 3
MOST = 10_000
"""How many failures in a row are imagined to find out when a stretch would alert."""


@dataclass(frozen=True)
class FailingRow:
    """One failure or more of a pipeline without a success between."""

    failures: Sequence[Run]
    success_before: Run | None
    success_after: Run | None
    baseline: Counts
    alert_after: int | None

    @property
    def is_stretch(self) -> bool:
        return len(self.failures) >= LEAST

    @property
    def is_confirmed(self) -> bool:
        return self.alert_after is not None and self.alert_after <= len(self.failures)

    @property
    def failing_since(self) -> datetime:
        return self.failures[0].ended_at

    @property
    def ended_at(self) -> datetime | None:
        return self.success_after.ended_at if self.success_after else None

    @property
    def confirmed_at(self) -> datetime | None:
        return self.failures[self.alert_after - 1].ended_at if self.alert_after and self.is_confirmed else None

    @property
    def sites(self) -> int | None:
        return len({run.site for run in self.failures if run.site is not None}) or None

    def touched(self, read_until: datetime) -> set[date]:
        first, last = day_of(self.failing_since), day_of(self.ended_at or read_until)
        return {first + n * DAY for n in range((last - first).days + 1)}


def outages(history: History) -> list[dict[str, Any]]:
    return [
        _published(history, pipeline, row)
        for pipeline in history.by_pipeline
        for row in stretches(history, pipeline)
        if row.ended_at is None or row.ended_at >= history.window_start
    ]


def stretches(history: History, pipeline: str | None) -> list[FailingRow]:
    return [row for row in failing_rows(history, pipeline) if row.is_stretch]


def touched_by_confirmed(history: History, pipeline: str | None) -> set[date]:
    """The days that a confirmed outage of the pipeline touches."""
    confirmed = [row for row in stretches(history, pipeline) if row.is_confirmed]
    return set().union(*(row.touched(history.read_until) for row in confirmed))


def failing_rows(history: History, pipeline: str | None) -> list[FailingRow]:
    """The stretches of a pipeline in order, and its failures up to now, even if they are one or two."""
    found: list[FailingRow] = []
    touched: set[date] = set()
    for failures, before, after in _rows(history.decided[pipeline]):
        if len(failures) < LEAST and after is not None:
            continue
        row = _judged(history, pipeline, touched, failures, before, after)
        found.append(row)
        if row.is_stretch and row.is_confirmed:
            touched |= row.touched(history.read_until)
    return found


def _rows(decided: Sequence[Run]) -> Iterator[tuple[list[Run], Run | None, Run | None]]:
    groups = [list(group) for _, group in groupby(decided, key=lambda run: run.failed)]
    for place, group in enumerate(groups):
        if group[0].failed:
            before = groups[place - 1][-1] if place else None
            yield group, before, groups[place + 1][0] if place + 1 < len(groups) else None


def _judged(
    history: History,
    pipeline: str | None,
    touched: set[date],
    failures: list[Run],
    before: Run | None,
    after: Run | None,
) -> FailingRow:
    month = days_before(day_of(failures[0].ended_at))
    counts = history.decided_by_day
    days = [counts[pipeline][day] for day in month if day in counts[pipeline] and day not in touched]
    decided, failed = sum(n for n, _ in days), sum(f for _, f in days)
    active = sum(not by_day.keys().isdisjoint(month) for by_day in counts.values())
    a, b = shape((failed + 0.5) / (decided + 1), max(0.02, dispersion(days)))
    limit = 0.1 / (max(decided, 1) * max(active, 1))
    alert_after = _alert_after([day_of(run.ended_at) for run in failures], a, b, limit)
    return FailingRow(failures, before, after, (decided, failed), alert_after)


def _alert_after(failure_days: Sequence[date], a: float, b: float, limit: float) -> int | None:
    chance = 1.0
    of_day: Counter[date] = Counter()
    imagined = repeat(failure_days[-1], max(MOST - len(failure_days), 0))
    for failures, day in enumerate(chain(failure_days, imagined), start=1):
        chance *= (a + of_day[day]) / (a + b + of_day[day])
        of_day[day] += 1
        if failures >= LEAST and chance <= limit:
            return failures
    return None


def _published(history: History, pipeline: str | None, row: FailingRow) -> dict[str, Any]:
    lasted = row.ended_at - row.failing_since if row.ended_at else None
    return {
        "source": history.source,
        "pipeline_id": pipeline,
        "failing_since": row.failing_since,
        "last_failure_at": row.failures[-1].ended_at,
        "failures": len(row.failures),
        "sites_affected": row.sites,
        "last_success_at": row.success_before.ended_at if row.success_before else None,
        "ended_at": row.ended_at,
        "recovery_seconds": lasted.total_seconds() if lasted is not None else None,
        "is_confirmed": row.is_confirmed,
        "alert_after": row.alert_after,
        "confirmed_at": row.confirmed_at,
        "first_run_id": row.failures[0].run_id,
        "latest_run_id": row.failures[-1].run_id,
        "baseline_decided": row.baseline[0],
        "baseline_failed": row.baseline[1],
    }
