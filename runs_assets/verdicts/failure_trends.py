"""How often each pipeline fails, by day, 7 and 28 days, and whether a day is worse than usual.

Counts come from the daily tables. Of days that were not read to their end only runs count that had time to end, or the
quick failures among the young runs would look like a bad day. *Now* is the last 24 hours, since little is known of a
calendar day in the morning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH
from runs_assets.statistics.beta_binomial import Numbers, SummedCounts, surprise
from runs_assets.statistics.intervals import wilson_interval
from runs_assets.statistics.significance import benjamini_hochberg
from runs_assets.tables import Frame, Table, column, pipeline_schema
from runs_assets.verdicts.daily_counts import Counts, DailyCounts, daily_counts, last_24_hours, trailing_sums
from runs_assets.verdicts.outages import FailureStreaks
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.success_durations import SuccessDurations

PIPELINE, SOURCE = "pipeline", "source"
DAY, NOW = "day", "now"
WORSE, NORMAL, TOO_FEW_RUNS = "worse", "normal", "too few runs"

FALSE_DISCOVERIES = 0.05
LEAST_RISE_PERCENT = 10
LEAST_FAILURES = 3
BASELINE_RUNS = 20
BASELINE_FINAL_DAYS = 7
SPANS = {"_7d": 7, "_28d": 28}


def _rates(suffix: str, of: str, *, nullable: bool) -> list[pa.Field]:
    unless = "; null for now" if nullable else ""
    return [
        column(f"decided{suffix}", pa.int64(), f"runs {of} that succeeded or failed{unless}", nullable=nullable),
        column(f"failed{suffix}", pa.int64(), f"how many of them failed{unless}", nullable=nullable),
        column(f"failure_rate{suffix}", pa.float64(), f"failed{suffix} / decided{suffix}; null for 0/0"),
        column(f"failure_rate{suffix}_low", pa.float64(), "lower end of its 95 % Wilson interval"),
        column(f"failure_rate{suffix}_high", pa.float64(), "upper end of its 95 % Wilson interval"),
    ]


SCHEMA = pipeline_schema(
    column("scope", pa.string(), "pipeline, or source: all of its pipelines together", nullable=False),
    column("period", pa.string(), "day, or now: the 24 hours before the source was last read", nullable=False),
    column("date", pa.date32(), "the UTC day of creation; for now, the day on which it ends", nullable=False),
    column("is_final", pa.bool_(), "whether the day was settled", nullable=False),
    *_rates("", "of the period", nullable=False),
    *_rates("_7d", "of the 7 days up to and including this one", nullable=True),
    *_rates("_28d", "of the 28 days up to and including this one", nullable=True),
    column("baseline_days", pa.int64(), "final days with completed runs among the 28 before", nullable=False),
    column("baseline_decided", pa.int64(), "completed runs of these days", nullable=False),
    column("baseline_failed", pa.int64(), "how many of them failed", nullable=False),
    column("baseline_rate", pa.float64(), "baseline_failed / baseline_decided, the usual rate; null for 0/0"),
    column("baseline_dispersion", pa.float64(), "correlation of two runs of one day, 0 to 0.99"),
    column("p_value", pa.float64(), "probability of as many failures if all is as usual; null if not tested"),
    column("q_value", pa.float64(), "p_value, adjusted for all pipelines that were tested (Benjamini-Hochberg)"),
    column("verdict", pa.string(), "worse, normal or too few runs; null for days before the judged window"),
)
FAILURE_TRENDS = Table(
    name="failure_trends",
    description="How often each pipeline failed, by day, 7 and 28 days and in the last 24 hours, and what is unusual.",
    schema=SCHEMA,
    version="1",
    preview=("period", "date", "decided", "failed", "failure_rate", "baseline_rate", "q_value", "verdict"),
    preview_order=(("period", "descending"), ("p_value", "ascending")),
)


@dataclass(frozen=True)
class _Periods:
    """Periods of pipelines, or of the source: each array has an element for each row of the table.

    `past` is what is usual before each; `is_judged` is false for days before the window.
    """

    pipeline: NDArray[np.int64]
    day: NDArray[np.int64]
    is_final: NDArray[np.bool_]
    completed: Numbers
    failed: Numbers
    past: SummedCounts
    is_judged: NDArray[np.bool_]


def failure_trends(
    history: SourceHistory, streaks: FailureStreaks, durations: SuccessDurations, names: Mapping[str, str]
) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source, sorted by scope, period, pipeline and date.

    For every stored day, a row for each pipeline with runs and one for the source; and the same for now. Only days of
    the window are judged: a day is worse if its failures are more than chance explains (at most 5 % false discoveries
    among the source's pipelines), at least 3, and the rate is at least 10 points above the usual one.
    """
    import pandas as pd  # noqa: PLC0415  (every Dagster process would wait for it)

    by_pipeline = daily_counts(history, streaks, durations)
    now = last_24_hours(history, durations)
    parts = [(PIPELINE, by_pipeline, now), (SOURCE, by_pipeline.of_the_source(), now.sum(axis=1, keepdims=True))]
    table = pd.concat([frame for part in parts for frame in _frames(history, *part)], ignore_index=True)
    ids = np.array([*history.pipelines, None], object)
    table["source"] = history.source
    table["pipeline_id"] = ids[table["pipeline"].where(table["scope"] == PIPELINE, len(ids) - 1)]
    table["pipeline_name"] = [names.get(pipeline or "") for pipeline in table["pipeline_id"]]
    table["date"] = table["day"].to_numpy().astype("datetime64[D]")
    ordered = table.sort_values(["scope", "period", "pipeline", "date"])
    return pa.Table.from_pandas(ordered[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def _frames(history: SourceHistory, scope: str, counts: DailyCounts, now: Counts) -> Iterator[Frame]:
    baselines = counts.baselines()
    by_day = _by_day(history, counts, baselines)
    spans = {
        (suffix, name): trailing_sums(summed, width)[by_day.pipeline, by_day.day - counts.first_day]
        for suffix, width in SPANS.items()
        for name, summed in (("completed", counts.completed), ("failed", counts.failed))
    }
    yield _frame(scope, DAY, by_day, spans)
    yield _frame(scope, NOW, _now(history, counts, baselines, now), {})


def _by_day(history: SourceHistory, counts: DailyCounts, baselines: SummedCounts) -> _Periods:
    rows, columns = np.nonzero(counts.present)
    day = counts.first_day + columns
    is_judged = day >= (history.window.first - EPOCH).days
    completed, failed = (matrix[rows, columns].astype(np.float64) for matrix in (counts.completed, counts.failed))
    past = baselines.at((rows, columns))
    return _Periods(rows, day, counts.is_final[columns], completed, failed, past, is_judged)


def _now(history: SourceHistory, counts: DailyCounts, baselines: SummedCounts, now: Counts) -> _Periods:
    rows = np.flatnonzero(now[0])
    before_it = np.full(len(rows), max((history.until_us - DAY_US) // DAY_US - counts.first_day, 0))
    day = np.full(len(rows), (history.last_day - EPOCH).days)
    past, yes = baselines.at((rows, before_it)), np.ones(len(rows), np.bool_)
    completed, failed = (number[rows].astype(np.float64) for number in now[1:])
    return _Periods(rows, day, ~yes, completed, failed, past, yes)


def _frame(scope: str, period: str, periods: _Periods, spans: Mapping[tuple[str, str], Numbers]) -> Frame:
    import pandas as pd  # noqa: PLC0415  (every Dagster process would wait for it)

    frame = pd.DataFrame({"scope": scope, "period": period, "pipeline": periods.pipeline, "day": periods.day})
    frame["is_final"] = periods.is_final
    counted = {("", "completed"): periods.completed, ("", "failed"): periods.failed, **spans}
    for suffix in ("", *SPANS):
        _add_rates(frame, suffix, counted.get((suffix, "completed")), counted.get((suffix, "failed")))
    past = periods.past
    frame["baseline_days"], frame["baseline_decided"] = past.days.astype(int), past.completed.astype(int)
    frame["baseline_failed"] = past.failed.astype(int)
    frame["baseline_rate"], frame["baseline_dispersion"] = _share(past.failed, past.completed), past.dispersion()
    _judge(frame, periods, is_alone=scope == SOURCE)
    return frame


def _add_rates(frame: Frame, suffix: str, completed: Numbers | None, failed: Numbers | None) -> None:
    rate = f"failure_rate{suffix}"
    if completed is None or failed is None:
        frame[[f"decided{suffix}", f"failed{suffix}", rate, f"{rate}_low", f"{rate}_high"]] = None
        return
    frame[f"decided{suffix}"], frame[f"failed{suffix}"] = completed.astype(int), failed.astype(int)
    frame[rate] = _share(failed, completed)
    frame[f"{rate}_low"], frame[f"{rate}_high"] = wilson_interval(failed.astype(np.int64), completed.astype(np.int64))


def _judge(frame: Frame, periods: _Periods, *, is_alone: bool) -> None:
    """Add the probability of each period, and the verdict."""
    past, failed, completed = periods.past, periods.failed, periods.completed
    is_known = (past.completed >= BASELINE_RUNS) & (past.days >= BASELINE_FINAL_DAYS)
    is_tested = periods.is_judged & (completed > 0) & is_known
    p_values = np.full(len(frame), np.nan)
    p_values[is_tested] = surprise(failed[is_tested], completed[is_tested], past.at(is_tested))
    frame["p_value"] = p_values
    tested = frame.loc[is_tested].groupby("day")["p_value"]
    frame["q_value"] = frame["p_value"] if is_alone else tested.transform(benjamini_hochberg)
    is_worse = (frame["q_value"] <= FALSE_DISCOVERIES) & (failed >= LEAST_FAILURES) & _has_risen(periods)
    verdict = np.where(is_tested, np.where(is_worse, WORSE, NORMAL), TOO_FEW_RUNS).astype(object)
    verdict[~periods.is_judged] = None
    frame["verdict"] = verdict


def _has_risen(periods: _Periods) -> NDArray[np.bool_]:
    """Whether the rate is at least 10 points above the usual one; in whole numbers, since 0.3 - 0.2 is below 0.1."""
    rise = periods.failed * periods.past.completed - periods.past.failed * periods.completed
    return np.asarray(100 * rise >= LEAST_RISE_PERCENT * periods.completed * periods.past.completed)


def _share(part: Numbers, whole: Numbers) -> Numbers:
    share: Numbers = np.divide(part, whole, out=np.full(len(whole), np.nan), where=np.asarray(whole) > 0)
    return share
