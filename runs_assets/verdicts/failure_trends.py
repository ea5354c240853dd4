"""How often each pipeline fails, by day, 7 and 28 days, and whether a day is worse than usual.

Counts come from the daily tables. Of days that were not read to their end only runs count that had time to end, or the
quick failures among the young runs would look like a bad day. *Now* is the last 24 hours, since little is known of a
calendar day in the morning.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from runs_assets.days import DAY_US, EPOCH, DayRange
from runs_assets.statistics.beta_binomial import Numbers, SummedCounts, surprise
from runs_assets.statistics.intervals import wilson_interval
from runs_assets.statistics.significance import benjamini_hochberg
from runs_assets.tables import Frame, Table, column, pipeline_schema
from runs_assets.verdicts.daily_counts import Counts, DailyCounts, counts_between, daily_counts, trailing_sums
from runs_assets.verdicts.outages import FailureStreak
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
SPANS = {"": 1, "_7d": 7, "_28d": 28}


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


def failure_trends(
    history: SourceHistory, streaks: Sequence[FailureStreak], durations: SuccessDurations, names: Mapping[str, str]
) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source, sorted by scope, period, pipeline and date.

    For every stored day, a row for each pipeline with runs and one for the source; and the same for now. Only days of
    the window are judged: a day is worse if its failures are more than chance explains (at most 5 % false discoveries
    among the source's pipelines), at least 3, and the rate is at least 10 points above the usual one.
    """
    import pandas as pd  # noqa: PLC0415  (every Dagster process would wait for it)

    by_pipeline = daily_counts(history, streaks, durations)
    now = counts_between(history, durations, history.until_us - DAY_US + 1, history.until_us + 1)
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
    pipelines, places = np.nonzero(counts.present)
    by_day = {
        "period": DAY,
        "pipeline": pipelines,
        "day": counts.first_day + places,
        "is_final": counts.is_final[places],
    }
    for suffix, width in SPANS.items():
        sums = (trailing_sums(matrix, width)[pipelines, places] for matrix in (counts.completed, counts.failed))
        by_day |= _with_rate(suffix, *sums)
    yield _judged({"scope": scope} | by_day, baselines.at((pipelines, places)), history.window)
    pipelines = np.flatnonzero(now[0])
    day_before = max((history.until_us - DAY_US) // DAY_US - counts.first_day, 0)
    last_day = (history.last_day - EPOCH).days
    of_now = {"scope": scope, "period": NOW, "pipeline": pipelines, "day": last_day, "is_final": False}
    of_now |= _with_rate("", *now[1:, pipelines].astype(np.float64))
    yield _judged(of_now, baselines.at((pipelines, day_before)), history.window)


def _with_rate(suffix: str, completed: Numbers, failed: Numbers) -> dict[str, Any]:
    low, high = wilson_interval(failed.astype(np.int64), completed.astype(np.int64))
    return {
        f"decided{suffix}": completed,
        f"failed{suffix}": failed,
        f"failure_rate{suffix}": _share(failed, completed),
        f"failure_rate{suffix}_low": low,
        f"failure_rate{suffix}_high": high,
    }


def _judged(periods: Mapping[str, Any], past: SummedCounts, window: DayRange) -> Frame:
    """Periods with what is usual before each, the probability of their failures, and the verdict."""
    import pandas as pd  # noqa: PLC0415  (every Dagster process would wait for it)

    frame = pd.DataFrame(periods).assign(
        baseline_days=past.days,
        baseline_decided=past.completed,
        baseline_failed=past.failed,
        baseline_rate=_share(past.failed, past.completed),
        baseline_dispersion=past.dispersion(),
        p_value=np.nan,
    )
    failed, completed = periods["failed"], periods["decided"]
    is_judged = ((frame["period"] == NOW) | (frame["day"] >= (window.first - EPOCH).days)).to_numpy()
    is_known = (past.completed >= BASELINE_RUNS) & (past.days >= BASELINE_FINAL_DAYS)
    is_tested = is_judged & is_known & (completed > 0)
    frame.loc[is_tested, "p_value"] = surprise(failed[is_tested], completed[is_tested], past.at(is_tested))
    frame["q_value"] = frame.loc[is_tested].groupby("day")["p_value"].transform(benjamini_hochberg)
    # In whole numbers, since 0.3 - 0.2 is below 0.1.
    has_risen = (
        100 * (failed * past.completed - past.failed * completed) >= LEAST_RISE_PERCENT * completed * past.completed
    )
    is_worse = (frame["q_value"] <= FALSE_DISCOVERIES) & (failed >= LEAST_FAILURES) & has_risen
    verdict = pd.Series(np.where(is_tested, np.where(is_worse, WORSE, NORMAL), TOO_FEW_RUNS))
    return frame.assign(verdict=verdict.where(is_judged))


def _share(part: Numbers, whole: Numbers) -> Numbers:
    share: Numbers = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share
