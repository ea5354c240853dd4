"""How often each pipeline fails, by day, 7 and 28 days, and whether that is worse than usual.

Counts of days come from the daily tables. Of days that were not read to their end only runs count that had time to end,
or the quick failures among the young runs would look like a bad day. Beside the days there are the spans that end when
the source was last read, since little is known of a calendar day in the morning: *now* is the last 24 hours; what comes
slowly shows in *3 days* and *7 days*; and in the *drift*, what has become usual since five weeks ago.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH
from runs_assets.statistics.beta_binomial import Numbers, SummedCounts, surprise
from runs_assets.statistics.intervals import rate_with_interval, share
from runs_assets.statistics.significance import benjamini_hochberg
from runs_assets.tables import Table, column, pipeline_schema, table_of
from runs_assets.verdicts.daily_counts import Counts, DailyCounts, counts_between, daily_counts, trailing_sums
from runs_assets.verdicts.hanging_runs import SuccessDurations
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import SourceHistory

PIPELINE, SOURCE = "pipeline", "source"
DAY, NOW, DRIFT = "day", "now", "drift"
WORSE, NORMAL, NOT_JUDGED = "worse", "normal", "not judged: "

LEAST_RISE_PERCENT = 10
BASELINE_RUNS = 20
BASELINE_DAYS_WITH_RUNS = 7
FEW_DAYS_READ = f"{NOT_JUDGED}fewer than {BASELINE_DAYS_WITH_RUNS} days read whole"
FEW_RUNS = f"{NOT_JUDGED}fewer than {BASELINE_RUNS} completed runs in the 28 days before"
FEW_DAYS_WITH_RUNS = f"{NOT_JUDGED}fewer than {BASELINE_DAYS_WITH_RUNS} days with completed runs"
NOTHING_COMPLETED = f"{NOT_JUDGED}no completed run to judge"
TRAILING_DAYS = {"": 1, "_7d": 7, "_28d": 28}


Places = NDArray[np.intp]


class Span(NamedTuple):
    """The last `days` before the source was last read, against the 28 whole UTC days that ended `past_days` before."""

    period: str
    days: int
    past_days: int


SPANS = (Span(NOW, 1, 1), Span("3 days", 3, 3), Span("7 days", 7, 7), Span(DRIFT, 7, 35))


class WorseRule(NamedTuple):
    """When failures that have risen are worse than usual: at most which q-value and p-value, and at least how many."""

    false_discoveries: float
    most_chance: float
    least_failures: int


OF_DAYS = WorseRule(0.05, 1.0, 3)
OF_SPANS = WorseRule(0.05, 0.0005, 4)
"""Stricter, since people are told of it, and since it is asked at every look: the q-value alone would allow a source of
few pipelines as many false ones as one of many. Chosen on simulated fleets (`runs_assets_tests/fleet/README.md`)."""


def _rates(suffix: str, of: str, *, nullable: bool) -> list[pa.Field]:
    unless = "; null for spans" if nullable else ""
    return [
        column(f"decided{suffix}", pa.int64(), f"runs {of} that succeeded or failed{unless}", nullable=nullable),
        column(f"failed{suffix}", pa.int64(), f"how many of them failed{unless}", nullable=nullable),
        column(f"failure_rate{suffix}", pa.float64(), f"failed{suffix} / decided{suffix}; null for 0/0"),
        column(f"failure_rate{suffix}_low", pa.float64(), "lower end of its 95 % Wilson interval"),
        column(f"failure_rate{suffix}_high", pa.float64(), "upper end of its 95 % Wilson interval"),
    ]


SCHEMA = pipeline_schema(
    column("scope", pa.string(), "pipeline, or source: all of its pipelines together", nullable=False),
    column("period", pa.string(), "day, or a span: now (24 hours), 3 days, 7 days, drift (7 days)", nullable=False),
    column("date", pa.date32(), "the UTC day of creation; for spans, the day on which they end", nullable=False),
    column("is_final", pa.bool_(), "whether the day was settled", nullable=False),
    *_rates("", "of the period", nullable=False),
    *_rates("_7d", "of the 7 days up to and including this one", nullable=True),
    *_rates("_28d", "of the 28 days up to and including this one", nullable=True),
    column("in_outages", pa.int64(), "failures of outages that are over, not counted as worse; null for days"),
    column("baseline_days", pa.int64(), "days read whole, with completed runs, of the 28 before", nullable=False),
    column("baseline_decided", pa.int64(), "completed runs of these days", nullable=False),
    column("baseline_failed", pa.int64(), "how many of them failed", nullable=False),
    column("baseline_rate", pa.float64(), "baseline_failed / baseline_decided, the usual rate; null for 0/0"),
    column("baseline_dispersion", pa.float64(), "correlation of two runs of one day, 0 to 0.99"),
    column("p_value", pa.float64(), "chance of as many failures if all is usual; a span's last run aside if it failed"),
    column("q_value", pa.float64(), "p_value, adjusted for all pipelines that were tested (Benjamini-Hochberg)"),
    column("verdict", pa.string(), "worse, normal, or not judged: why; null for days before the judged window"),
)
FAILURE_TRENDS = Table(
    name="failure_trends",
    description="How often each pipeline failed, by day, 7 and 28 days and in the last 24 hours, and what is unusual.",
    schema=SCHEMA,
    version="4",
    preview=("period", "date", "decided", "failed", "failure_rate", "baseline_rate", "q_value", "verdict"),
    preview_order=(("period", "descending"), ("p_value", "ascending")),
)


def failure_trends(
    history: SourceHistory, streaks: Sequence[FailureStreak], durations: SuccessDurations, names: Mapping[str, str]
) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source, sorted by scope, period, pipeline and date.

    For every stored day, a row for each pipeline with runs and one for the source; and the same for every span. Only
    days of the window are judged: a day is worse if its failures are more than chance explains (at most 5 % false
    discoveries among the source's pipelines), at least 3, and the rate is at least 10 points above the usual one. A
    span is worse if without a pipeline's failures in outages that are over there are at least 4, more than chance
    explains (the same, and a probability of at most 0.05 %), and the rise is the same. If the last of its runs failed,
    that must be so without this run: two looks in a row at new runs agree.
    """
    by_pipeline = daily_counts(history, streaks, durations)
    spans = {span: _counts_of(history, span, durations, streaks) for span in SPANS}
    of_source = {span: _of_the_source(counts) for span, counts in spans.items()}
    parts = [(PIPELINE, by_pipeline, spans), (SOURCE, by_pipeline.of_the_source(), of_source)]
    tables, numbered_schema = [], SCHEMA.append(pa.field("pipeline", pa.int64()))
    for scope, counts, spans_of in parts:
        ids = np.array(history.pipelines if scope == PIPELINE else [None], object)
        labels = np.array([names.get(pipeline or "") for pipeline in ids], object)
        for periods in _judged_periods(history, counts, spans_of):
            its = {"source": history.source, "scope": scope, "date": np.asarray(periods["day"]).astype("datetime64[D]")}
            its |= {"pipeline_id": ids[periods["pipeline"]], "pipeline_name": labels[periods["pipeline"]]}
            tables.append(table_of(periods | its, numbered_schema))
    ordered = pa.concat_tables(tables).sort_by(
        [(name, "ascending") for name in ("scope", "period", "pipeline", "date")]
    )
    return ordered.select(SCHEMA.names)


def _counts_of(
    history: SourceHistory, span: Span, durations: SuccessDurations, streaks: Sequence[FailureStreak]
) -> Counts:
    start_us = history.until_us - span.days * DAY_US + 1
    return counts_between(history, durations, start_us, history.until_us + 1, streaks)


def _of_the_source(counts: Counts) -> Counts:
    """All pipelines together; outages of single ones are part of what is usual for a source."""
    runs, completed, failed, _ = counts[:4].sum(axis=1, keepdims=True)
    return np.stack([runs, completed, failed, np.zeros_like(failed), *counts[4:].max(axis=1, keepdims=True, initial=0)])


def _judged_periods(
    history: SourceHistory, counts: DailyCounts, spans: Mapping[Span, Counts]
) -> Iterator[dict[str, Any]]:
    baselines, whole_days = counts.baselines(), counts.whole_days()
    present = np.nonzero(counts.present)
    days = {"whole_days": whole_days[present[1]]} | _days(history, counts, *present)
    yield _judged(days, baselines.at(present), OF_DAYS)
    for span, found in spans.items():
        before = max((history.until_us - span.past_days * DAY_US) // DAY_US - counts.first_day, 0)
        row = {"whole_days": whole_days[before]} | _span(history, span.period, found)
        yield _judged(row, baselines.at((row["pipeline"], before)), OF_SPANS)


def _days(history: SourceHistory, counts: DailyCounts, pipelines: Places, places: Places) -> dict[str, Any]:
    days = counts.first_day + places
    row = {"period": DAY, "pipeline": pipelines, "day": days, "is_final": counts.is_final[places], "in_outages": np.nan}
    row["newest_failed"] = False
    for suffix, width in TRAILING_DAYS.items():
        sums = (trailing_sums(matrix, width)[pipelines, places] for matrix in (counts.completed, counts.failed))
        row |= _with_rate(suffix, *sums)
    return row | {"is_judged": days >= (history.window.first - EPOCH).days}


def _span(history: SourceHistory, period: str, counts: Counts) -> dict[str, Any]:
    pipelines = np.flatnonzero(counts[0])
    completed, failed, in_outages = counts[1:4, pipelines].astype(np.float64)
    last_failure, last_success = counts[4:, pipelines]
    row = {"period": period, "pipeline": pipelines, "day": (history.last_day - EPOCH).days, "is_final": False}
    row |= {"in_outages": in_outages, "newest_failed": last_failure >= last_success, "is_judged": True}
    return row | _with_rate("", completed, failed)


def _with_rate(suffix: str, completed: Numbers, failed: Numbers) -> dict[str, Any]:
    rate, low, high = rate_with_interval(failed, completed)
    return {
        f"decided{suffix}": completed,
        f"failed{suffix}": failed,
        f"failure_rate{suffix}": rate,
        f"failure_rate{suffix}_low": low,
        f"failure_rate{suffix}_high": high,
    }


def _judged(periods: Mapping[str, Any], past: SummedCounts, rule: WorseRule) -> dict[str, Any]:
    """Periods with what is usual before each, the probability of their failures, and the verdict."""
    told = np.nan_to_num(periods["in_outages"])
    reasons = _why_not(periods["whole_days"], periods["decided"] - told, past)
    less = np.minimum(told + periods["newest_failed"], periods["failed"])
    failed, completed = periods["failed"] - less, periods["decided"] - less
    is_judged = np.broadcast_to(periods["is_judged"], failed.shape)
    is_tested = is_judged & ~np.any([np.broadcast_to(holds, failed.shape) for holds in reasons.values()], axis=0)
    p_values, q_values = np.full((2, len(failed)), np.nan)
    p_values[is_tested] = surprise(failed[is_tested], completed[is_tested], past.at(is_tested))
    q_values[is_tested] = _adjusted(p_values[is_tested], np.broadcast_to(periods["day"], failed.shape)[is_tested])
    is_certain = (q_values <= rule.false_discoveries) & (p_values <= rule.most_chance)
    is_worse = is_certain & (failed >= rule.least_failures) & _has_risen(failed, completed, past)
    verdicts = np.array([*reasons, WORSE, NORMAL], object)
    found = np.select([*reasons.values(), is_worse], [*range(len(verdicts) - 1)], len(verdicts) - 1)
    return {
        **periods,
        "baseline_days": past.days,
        "baseline_decided": past.completed,
        "baseline_failed": past.failed,
        "baseline_rate": share(past.failed, past.completed),
        "baseline_dispersion": past.dispersion(),
        "p_value": p_values,
        "q_value": q_values,
        "verdict": np.where(is_judged, verdicts[found], None),
    }


def _adjusted(p_values: Numbers, days: NDArray[np.int64]) -> Numbers:
    """The q-values, of the tests of each day."""
    q_values = np.empty(len(p_values))
    for day in np.unique(days):
        of_day = days == day
        q_values[of_day] = benjamini_hochberg(p_values[of_day])
    return q_values


def _why_not(whole_days: Any, completed: Any, past: SummedCounts) -> dict[str, Any]:
    """Where each of the reasons not to judge holds; the first one counts."""
    return {
        FEW_DAYS_READ: whole_days < BASELINE_DAYS_WITH_RUNS,
        FEW_RUNS: past.completed < BASELINE_RUNS,
        FEW_DAYS_WITH_RUNS: past.days < BASELINE_DAYS_WITH_RUNS,
        NOTHING_COMPLETED: completed == 0,
    }


def _has_risen(failed: Numbers, completed: Numbers, past: SummedCounts) -> NDArray[np.bool_]:
    """In whole numbers, since 0.3 - 0.2 is below 0.1."""
    rise = failed * past.completed - past.failed * completed
    return 100 * rise >= LEAST_RISE_PERCENT * completed * past.completed
