"""One row per pipeline: what is the matter with it, and the numbers behind that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise, takewhile
from statistics import median
from typing import Any

from runs_assets_tests.verdicts.plain_hanging import abandoned_runs, stuck_since
from runs_assets_tests.verdicts.plain_outages import FailingRow, failing_rows
from runs_assets_tests.verdicts.plain_runs import DAY, MONTH, History, Run, day_of, days_before, start_of
from runs_assets_tests.verdicts.plain_statistics import fisher, mann_whitney, newcombe, quantile, rate, wilson

WEEK = 7 * DAY
HOUR = DAY / 24
Row = dict[str, Any]
Tables = dict[str, list[Row]]


def pipeline_health(history: History, tables: Tables) -> list[Row]:
    """`tables` are the other verdicts of the same history."""
    stuck = stuck_since(history)
    return [
        _health(Pipeline(history, pipeline, tables, stuck.get(pipeline)))
        for pipeline, runs in history.by_pipeline.items()
        if any(run.created_at >= history.window_start for run in runs)
    ]


@dataclass(frozen=True)
class Pipeline:
    """A pipeline, and what the other verdicts say of it."""

    history: History
    id: str | None
    tables: Tables
    stuck_since: datetime | None

    def rows(self, table: str) -> list[Row]:
        return [row for row in self.tables[table] if row["pipeline_id"] == self.id]

    @property
    def runs(self) -> Sequence[Run]:
        return self.history.by_pipeline[self.id]

    @property
    def decided(self) -> Sequence[Run]:
        return self.history.decided[self.id]

    @cached_property
    def month(self) -> list[Run]:
        """Decided runs that ended in the last 28 days, in order."""
        return [run for run in self.decided if self.history.is_recent(run.ended_at, MONTH)]

    @cached_property
    def flip_rate(self) -> float | None:
        flips = sum(earlier.failed != later.failed for earlier, later in pairwise(self.month))
        return rate(flips, len(self.month) - 1) if len(self.month) >= 2 else None

    @cached_property
    def failing(self) -> FailingRow | None:
        """Its failures in a row up to now."""
        if not self.decided or not self.decided[-1].failed:
            return None
        return failing_rows(self.history, self.id)[-1]

    @cached_property
    def silence(self) -> Row | None:
        """The silence that goes on, of several the one that was overdue first."""
        going_on = [row for row in self.rows("silences") if row["state"] == "open"]
        return min(going_on, key=lambda row: (row["expected_by"], row["kind"]), default=None)

    @property
    def trends(self) -> list[Row]:
        return [row for row in self.rows("failure_trends") if row["scope"] == "pipeline"]

    @property
    def spans(self) -> list[Row]:
        """Those that end when the source was last read."""
        return [row for row in self.trends if row["period"] != "day"]

    @cached_property
    def now(self) -> Row | None:
        return next((row for row in self.trends if row["period"] == "now"), None)


def _health(pipeline: Pipeline) -> Row:
    history, runs = pipeline.history, pipeline.runs
    state, since = next(_states(pipeline))
    recoveries = [row["recovery_seconds"] for row in pipeline.rows("outages") if row["ended_at"]]
    return {
        "source": history.source,
        "pipeline_id": pipeline.id,
        "state": state,
        "since": since,
        **_failing(pipeline.failing),
        "last_run_at": runs[-1].created_at,
        "last_success_at": max((run.ended_at for run in pipeline.decided if run.succeeded), default=None),
        "last_failure_at": max((run.ended_at for run in pipeline.decided if run.failed), default=None),
        "expected_by": pipeline.silence["expected_by"] if pipeline.silence else None,
        **_last_day(pipeline.now),
        "not_judged": _not_judged(pipeline),
        "runs_7d": sum(history.is_recent(run.created_at, WEEK) for run in runs),
        "decided_28d": len(pipeline.month),
        "failed_28d": sum(run.failed for run in pipeline.month),
        "successes": len([*takewhile(lambda run: run.succeeded, reversed(pipeline.month))]),
        "flip_rate": pipeline.flip_rate,
        "recoveries": len(recoveries),
        "median_recovery_seconds": median(recoveries) if recoveries else None,
        "hanging_runs": len(pipeline.rows("hanging_runs")),
        "abandoned_runs": abandoned_runs(history, pipeline.id),
        **_durations(pipeline),
        **_versions(pipeline),
        "first_run_at": runs[0].created_at,
        "source_read_until": history.read_until,
    }


def _states(pipeline: Pipeline) -> Iterator[tuple[str, datetime | None]]:
    """Every state that holds, the one that matters most first, and since when."""
    yield from _incidents(pipeline)
    failing = pipeline.failing
    concentrated = [row["since"] for row in pipeline.rows("failure_concentrations")]
    if concentrated:
        yield "partly failing", min(concentrated)
    hanging = [row["open_since"] for row in pipeline.rows("hanging_runs")]
    if hanging:
        yield "hanging", min(hanging)
    if failing and _failed_once(pipeline, failing):
        yield "failed once", failing.failing_since
    if len(pipeline.month) >= 20 and (pipeline.flip_rate or 0) >= 0.2 and _changes_often(pipeline):
        yield "flaky", next(run.ended_at for run in pipeline.month if run.failed)
    if _is_new(pipeline):
        yield "new", pipeline.runs[0].created_at
    if _not_judged(pipeline):
        yield "too few runs", None
    yield "ok", _last_trouble(pipeline)


def _incidents(pipeline: Pipeline) -> Iterator[tuple[str, datetime | None]]:
    failing = pipeline.failing
    if failing and failing.kind in {"down", "never succeeded"}:
        yield failing.kind, failing.failing_since
    if pipeline.stuck_since:
        yield "stuck", pipeline.stuck_since
    if pipeline.silence:
        yield "silent", pipeline.silence["since"]
    if failing and failing.kind == "failing":
        yield failing.kind, failing.failing_since
    if any(row["verdict"] == "worse" for row in pipeline.spans):
        yield "worse", _worse_since(pipeline)


def _failed_once(pipeline: Pipeline, failing: FailingRow) -> bool:
    """Whether a success is overdue by the times between the successes of 56 days in which nothing was told."""
    history = pipeline.history
    ends = [run.ended_at for run in pipeline.decided if run.succeeded]
    if failing.is_confirmed or not failing.is_rare or len(ends) < 3 or history.read_until <= failing.failing_since:
        return False
    told = [row["failing_since"] for row in pipeline.rows("outages") if row["is_confirmed"]]
    told += [row["expected_by"] for row in pipeline.rows("silences")]
    usual = [
        end - begin
        for begin, end in pairwise(ends)
        if ends[-1] - end < 2 * MONTH and not any(begin < at <= end for at in told)
    ]
    return bool(usual) and 10 * (history.read_until - ends[-1] - HOUR) > 11 * max(usual)


def _changes_often(pipeline: Pipeline) -> bool:
    """The runs test: so many runs of equal outcomes are 2.58 standard deviations or more above what is expected."""
    series = sum(1 for _ in groupby(pipeline.month, key=lambda run: run.failed))
    failed = sum(run.failed for run in pipeline.month)
    n, twice = len(pipeline.month), 2 * failed * (len(pipeline.month) - failed)
    expected = Fraction(twice, n) + 1
    variance = Fraction(twice * (twice - n), n * n * (n - 1))
    return series > expected and (series - expected) ** 2 >= Fraction("2.58") ** 2 * variance


def _not_judged(pipeline: Pipeline) -> str | None:
    history = pipeline.history
    if len(history.whole_days.intersection(days_before(history.last_day))) < 7:
        return "fewer than 7 days read whole"
    if len(pipeline.month) < 20:
        return "fewer than 20 completed runs in the 28 days before"
    return None


def _is_new(pipeline: Pipeline) -> bool:
    """Whether it began in the last week, and would have been seen a week earlier if it had been there."""
    history, first_run_at = pipeline.history, pipeline.runs[0].created_at
    known_before = any(day <= day_of(first_run_at) - WEEK for day in history.whole_days)
    return first_run_at > history.read_until - WEEK and known_before


def _worse_since(pipeline: Pipeline) -> datetime:
    """Of all days of the longest worse span, and those just before it, the first worse one; else the shortest span."""
    days = {"now": 1, "3 days": 3, "7 days": 7, "drift": 7}
    worse = sorted(days[row["period"]] for row in pipeline.spans if row["verdict"] == "worse")
    bad = {row["date"] for row in pipeline.trends if (row["period"], row["verdict"]) == ("day", "worse")}
    begins = [day_of(pipeline.history.read_until - number * DAY) for number in worse]
    inside = sorted(day for day in bad if day >= begins[-1])
    if not inside:
        return pipeline.history.read_until - worse[0] * DAY
    first = inside[0]
    while first - DAY in bad:
        first -= DAY
    return start_of(first)


def _last_trouble(pipeline: Pipeline) -> datetime | None:
    confirmed = [row["ended_at"] for row in pipeline.rows("outages") if row["is_confirmed"]]
    silences = [row["ended_at"] for row in pipeline.rows("silences")]
    return max((ended_at for ended_at in confirmed + silences if ended_at), default=None)


def _failing(row: FailingRow | None) -> Row:
    return {
        "failures": len(row.failures) if row else 0,
        "failing_since": row.failing_since if row else None,
        "alert_after": row.alert_after if row else None,
        "confirmed_at": row.confirmed_at if row else None,
        "sites_affected": row.sites if row else None,
        "first_failed_run_id": row.failures[0].run_id if row else None,
        "latest_failed_run_id": row.failures[-1].run_id if row else None,
    }


def _last_day(now: Row | None) -> Row:
    decided, failed = (now["decided"], now["failed"]) if now else (0, 0)
    low, high = wilson(failed, decided)
    return {
        "decided_24h": decided,
        "failed_24h": failed,
        "failure_rate_24h": rate(failed, decided),
        "failure_rate_24h_low": low,
        "failure_rate_24h_high": high,
        "normal_rate": now["baseline_rate"] if now else None,
    }


def _durations(pipeline: Pipeline) -> Row:
    week = pipeline.history.success_seconds(pipeline.id, WEEK)
    month = pipeline.history.success_seconds(pipeline.id, WEEK + MONTH, WEEK)
    now, before = quantile(week, 0.5), quantile(month, 0.5)
    ratio = now / before if now is not None and before and min(len(week), len(month)) >= 20 else None
    return {
        "duration_p50_7d_seconds": now,
        "duration_p50_28d_seconds": before,
        "slower_ratio": ratio,
        "is_slower": ratio is not None and ratio >= 1.5 and mann_whitney(week, month) <= 0.01,
    }


def _versions(pipeline: Pipeline) -> Row:
    """The newest version's failure rate against that of the one before."""
    start = pipeline.history.window_start
    runs = [run for run in pipeline.decided if run.version is not None and run.created_at >= start]
    newest_first = _by_first_run(runs)
    found: Row = dict.fromkeys(("version", "previous_version", *(f"version_{name}" for name in _COMPARED)))
    if newest_first:
        found["version"] = newest_first[0]
    if len(newest_first) < 2:
        return found
    newer, older = (_counts(run for run in runs if run.version == version) for version in newest_first[:2])
    if min(newer[0], older[0]) < 20:
        return found
    low, high = newcombe(newer, older)
    difference = newer[1] / newer[0] - older[1] / older[0]
    compared = zip(_COMPARED, (difference, low, high, fisher(newer, older)), strict=True)
    return found | {"previous_version": newest_first[1]} | {f"version_{name}": value for name, value in compared}


_COMPARED = ("difference", "difference_low", "difference_high", "p_value")


def _by_first_run(runs: Iterable[Run]) -> list[str]:
    first: dict[str, datetime] = {}
    for run in runs:
        assert run.version is not None
        first[run.version] = min(run.created_at, first.get(run.version, run.created_at))
    return sorted(first, key=lambda version: (first[version], version), reverse=True)


def _counts(runs: Iterable[Run]) -> tuple[int, int]:
    failed = [run.failed for run in runs]
    return len(failed), sum(failed)
