"""What the failures of a pipeline have in common: a site, workspace or version that fails, or a new reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from runs_assets_tests.verdicts.plain_outages import failing_rows
from runs_assets_tests.verdicts.plain_runs import MONTH, History, Run
from runs_assets_tests.verdicts.plain_statistics import Counts, benjamini_hochberg, fisher_tail

Row = dict[str, Any]
Reason = Callable[[Run], str | None]
SPANS = (24, 72, 168)
VALUES: dict[str, Reason] = {
    "site": lambda run: run.site,
    "workspace": lambda run: run.workspace,
    "version": lambda run: run.version,
}


@dataclass(frozen=True)
class Test:
    """A value in a span, against others; `runs` are all of the value (of a reason, all failures with a known one)."""

    pipeline: str | None
    dimension: str
    value: str
    hours: int
    these: Counts
    others: Counts
    past: Counts
    runs: Sequence[Run]

    @property
    def key(self) -> tuple[str | None, str, str, int]:
        return self.pipeline, self.dimension, self.value, self.hours

    @property
    def p_value(self) -> float:
        return fisher_tail(self.these, self.others)


def failure_concentrations(history: History, reason: Reason = lambda _: None) -> list[Row]:
    """`reason` is why a run failed, None where that is not known."""
    tests = [test for pipeline in history.decided for test in _tests(history, pipeline, reason)]
    q_values = benjamini_hochberg({test.key: test.p_value for test in tests}) if tests else {}
    found: dict[tuple[str | None, str, str], Row] = {}
    for test in sorted(tests, key=lambda test: test.hours):
        last = _last(test, reason)
        if last and q_values[test.key] <= 0.001 and _is_clear(test):
            row = _row(history, test, last, q_values[test.key])
            found.setdefault((test.pipeline, test.dimension, test.value), row)
    return list(found.values())


def _row(history: History, test: Test, last: Sequence[Run], q_value: float) -> Row:
    return {
        "source": history.source,
        "pipeline_id": test.pipeline,
        "dimension": test.dimension,
        "value": test.value,
        "since": last[0].ended_at,
        "span_hours": test.hours,
        "decided": test.these[0],
        "failed": test.these[1],
        "other_decided": test.others[0],
        "other_failed": test.others[1],
        "past_rate": test.past[1] / test.past[0] if test.past[0] else None,
        "p_value": test.p_value,
        "q_value": q_value,
        "latest_failed_run_id": last[-1].run_id,
    }


def _tests(history: History, pipeline: str | None, reason: Reason) -> Iterator[Test]:
    runs = history.decided[pipeline]
    told = _told(history, pipeline)
    failures = [run for run in runs if run.failed and reason(run) and run.run_id not in told]
    for hours in SPANS:
        now, past = _within(history, runs, hours)
        if sum(run.failed for run in now) >= 4:
            for dimension, value_of in VALUES.items():
                yield from _of_values(pipeline, dimension, value_of, hours, (now, past, runs))
        now, past = _within(history, failures, hours)
        for value in sorted({str(reason(run)) for run in now}):
            here, before = (sum(reason(run) == value for run in part) for part in (now, past))
            if past and len(now) >= 3 and here + before >= 3:
                counts = (len(past), before)
                yield Test(pipeline, "reason", value, hours, (len(now), here), counts, counts, failures)


def _of_values(
    pipeline: str | None, dimension: str, value_of: Reason, hours: int, parts: tuple[list[Run], list[Run], list[Run]]
) -> Iterator[Test]:
    for value in sorted({value for value in map(value_of, parts[0]) if value is not None}):
        now, past, runs = ([run for run in part if value_of(run) == value] for part in parts)
        others = [run for run in parts[0] if value_of(run) != value]
        if len(now) >= 4 and others:
            yield Test(pipeline, dimension, value, hours, _counts(now), _counts(others), _counts(past), runs)


def _within(history: History, runs: Sequence[Run], hours: int) -> tuple[list[Run], list[Run]]:
    """Those that ended within so many hours, and within the 28 days before."""
    start = history.read_until - timedelta(hours=hours)
    now = [run for run in runs if run.ended_at > start]
    return now, [run for run in runs if start - MONTH < run.ended_at <= start]


def _counts(runs: Sequence[Run]) -> Counts:
    return len(runs), sum(run.failed for run in runs)


def _told(history: History, pipeline: str | None) -> set[str]:
    """The runs that failed in outages that are over."""
    over = [row for row in failing_rows(history, pipeline) if row.is_confirmed and row.ended_at]
    return {run.run_id for row in over for run in row.failures}


def _is_clear(test: Test) -> bool:
    (n, f), (m, g), (k, h) = test.these, test.others, test.past
    if test.dimension == "reason":
        return f >= 3 and 100 * f >= 80 * n and 100 * g <= 20 * m
    rises = [Fraction(f, n) - Fraction(g, m), *([Fraction(f, n) - Fraction(h, k)] if k >= 5 else [])]
    return f >= 4 and min(rises) >= Fraction(3, 10)


def _last(test: Test, reason: Reason) -> list[Run]:
    """The unbroken failures of the value up to its last run, or with the reason up to the last failure."""
    found: list[Run] = []
    for run in reversed(test.runs):
        if not (reason(run) == test.value if test.dimension == "reason" else run.failed):
            break
        found.insert(0, run)
    return found
