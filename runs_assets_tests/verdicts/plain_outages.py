"""Failures in a row: which stretches there are, and from which failure on each is worth an alert, and as what."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import chain, groupby, repeat
from typing import Any

from runs_assets_tests.verdicts.plain_runs import DAY, History, Run, day_of, days_before, start_of
from runs_assets_tests.verdicts.plain_statistics import Counts, dispersion, shape

LEAST = 3
WEEK = 7 * DAY
MICROSECOND = timedelta(microseconds=1)
MOST = 10_000
"""How many failures in a row are imagined to find out when a stretch would alert."""


@dataclass(frozen=True)
class FailingRow:
    """One failure or more of a pipeline without a success between."""

    failures: Sequence[Run]
    success_before: Run | None
    success_after: Run | None
    baseline: Counts
    is_rare: bool
    kinds: Mapping[str, int]
    """From which failure on it is of which kind."""

    @property
    def alert_after(self) -> int | None:
        return min(self.kinds.values(), default=None)

    @property
    def kind(self) -> str | None:
        """The kind that was reached last."""
        reached = sorted((after, kind) for kind, after in self.kinds.items() if after <= len(self.failures))
        return reached[-1][1] if reached else None

    @property
    def is_stretch(self) -> bool:
        return len(self.failures) >= LEAST

    @property
    def is_confirmed(self) -> bool:
        return self.kind is not None

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
    return [row for row in failing_rows(history, pipeline) if row.is_stretch or row.is_confirmed]


def touched_by_confirmed(history: History, pipeline: str | None) -> set[date]:
    """The days that a confirmed outage of the pipeline touches."""
    confirmed = [row for row in stretches(history, pipeline) if row.is_confirmed]
    return set().union(*(row.touched(history.read_until) for row in confirmed))


def failing_rows(history: History, pipeline: str | None) -> list[FailingRow]:
    """The failures in a row of a pipeline, in order, but short ones that are over and cannot have alerted."""
    found: list[FailingRow] = []
    for failures, before, after in _rows(history.decided[pipeline]):
        is_rare = _is_rare(history, pipeline, day_of(failures[0].ended_at))
        if after is None or len(failures) >= (2 if is_rare else LEAST):
            found.append(_judged(history, pipeline, found, failures, before, after, is_rare=is_rare))
    return found


def _rows(decided: Sequence[Run]) -> Iterator[tuple[list[Run], Sequence[Run], Run | None]]:
    """Failures in a row, what was decided before them, and the success after."""
    done = 0
    for failed, group in groupby(decided, key=lambda run: run.failed):
        runs, begin = list(group), done
        done += len(runs)
        if failed:
            yield runs, decided[:begin], decided[done] if done < len(decided) else None


def _judged(
    history: History,
    pipeline: str | None,
    earlier: Sequence[FailingRow],
    failures: list[Run],
    before: Sequence[Run],
    after: Run | None,
    *,
    is_rare: bool,
) -> FailingRow:
    today = day_of(failures[0].ended_at)
    month = days_before(today)
    counts = history.decided_by_day
    touched = set().union(*(row.touched(history.read_until) for row in earlier if row.is_confirmed))
    days = [counts[pipeline][day] for day in month if day in counts[pipeline] and day not in touched]
    decided, failed = sum(n for n, _ in days), sum(f for _, f in days)
    active = sum(not by_day.keys().isdisjoint(month) for by_day in counts.values())
    a, b = shape((failed + 0.5) / (decided + 1), min(0.1, max(0.02, dispersion(days))))
    limit = 0.1 / (max(decided, 1) * max(active, 1))
    longest = max(
        (len(row.failures) for row in earlier if day_of(row.failing_since) in month and not row.is_confirmed), default=0
    )
    candidates = [
        _by_chance([day_of(run.ended_at) for run in failures], a, b, limit),
        12 if decided and Fraction(failed, decided) < Fraction(1, 10) else None,
        3 * max(longest, 3) if decided >= 20 else None,
    ]
    kinds: dict[str, int] = {"down": min(it for it in candidates if it)} if any(candidates) else {}
    if is_rare and sum(run.succeeded for run in before) >= 3 and (failed <= 1 or 10 * failed**2 <= decided):
        kinds["failing"] = 2
    if not before and _is_seen_from_its_first_run(history, pipeline):
        kinds = {"never succeeded": 3}
    return FailingRow(failures, before[-1] if before else None, after, (decided, failed), is_rare, kinds)


def _is_rare(history: History, pipeline: str | None, day: date) -> bool:
    """Whether at most four of its runs were decided per day, of the 28 days before a day or since its first run."""
    known = min(28 * DAY, start_of(day) - history.by_pipeline[pipeline][0].created_at)
    decided = sum(history.decided_by_day[pipeline].get(past, (0, 0))[0] for past in days_before(day))
    return known > timedelta(0) and Fraction(decided) <= 4 * Fraction(known // MICROSECOND, DAY // MICROSECOND)


def _is_seen_from_its_first_run(history: History, pipeline: str | None) -> bool:
    """Whether it began a week or more after the first whole day, and never succeeded before the days that are read."""
    runs = [run for run in history.real_runs if run.pipeline == pipeline]
    earlier = [run for run in runs if day_of(run.created_at) < min(history.window) - 28 * DAY]
    first = day_of(min(run.created_at for run in runs))
    seen = bool(history.whole_days) and first - min(history.whole_days) >= WEEK
    return seen and not any(run.succeeded for run in earlier)


def _by_chance(failure_days: Sequence[date], a: float, b: float, limit: float) -> int | None:
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
        "kind": row.kind,
        "alert_after": row.alert_after,
        "confirmed_at": row.confirmed_at,
        "first_run_id": row.failures[0].run_id,
        "latest_run_id": row.failures[-1].run_id,
        "baseline_decided": row.baseline[0],
        "baseline_failed": row.baseline[1],
    }
