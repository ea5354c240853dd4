"""How often each pipeline fails by the day, the week and the month, and whether a day is worse than is usual for it.

The daily tables alone are asked, but for days that are not over: of these only runs count that had time to end, or the
quick failures among the young runs would look like a bad day. *Now* is not the calendar's today, of which little is
known in the morning, but the last 24 hours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH
from runs_assets.statistics.beta_binomial import DailyCounts, Numbers, surprise
from runs_assets.statistics.intervals import wilson_interval
from runs_assets.tables import PIPELINE_COLUMNS, column
from runs_assets.verdicts.day_counts import DayCounts, day_counts, last_24_hours, of_the_source
from runs_assets.verdicts.durations import Durations
from runs_assets.verdicts.grid import Counts, trailing
from runs_assets.verdicts.history import History
from runs_assets.verdicts.outages import Stretches

if TYPE_CHECKING:
    import pandas as pd

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
    return [
        column(f"decided{suffix}", pa.int64(), f"runs {of} that succeeded or failed", nullable=nullable),
        column(f"failed{suffix}", pa.int64(), "failed ones among them", nullable=nullable),
        column(f"failure_rate{suffix}", pa.float64(), "failed / decided; null for 0/0"),
        column(f"failure_rate{suffix}_low", pa.float64(), "lower end of its 95 % Wilson interval"),
        column(f"failure_rate{suffix}_high", pa.float64(), "upper end of its 95 % Wilson interval"),
    ]


FAILURE_TRENDS = pa.schema(
    [
        *PIPELINE_COLUMNS,
        column("scope", pa.string(), "pipeline, or source: all of its pipelines together", nullable=False),
        column("period", pa.string(), "day, or now: the 24 hours before the source was last read", nullable=False),
        column("date", pa.date32(), "the UTC day of creation; for now, the day on which it ends", nullable=False),
        column("is_final", pa.bool_(), "whether the day was settled", nullable=False),
        *_rates("", "of the period", nullable=False),
        *_rates("_7d", "of the 7 days up to and with this one", nullable=True),
        *_rates("_28d", "of the 28 days up to and with this one", nullable=True),
        column("baseline_days", pa.int64(), "final days with decided runs among the 28 before", nullable=False),
        column("baseline_decided", pa.int64(), "decided runs of these days", nullable=False),
        column("baseline_failed", pa.int64(), "failed ones among them", nullable=False),
        column("baseline_rate", pa.float64(), "baseline_failed / baseline_decided: what is usual"),
        column("baseline_dispersion", pa.float64(), "correlation of two runs of one day, 0 to 0.99"),
        column("p_value", pa.float64(), "chance of as many failures in a usual period; null if it was not tested"),
        column("q_value", pa.float64(), "p_value, adjusted for all pipelines that were tested (Benjamini-Hochberg)"),
        column("verdict", pa.string(), "worse, normal or too few runs; null for days before the judged window"),
    ]
)


@dataclass(frozen=True)
class _Periods:
    """Some periods of pipelines, or of the source: an element of each array for each row of the table.

    `past` is what is usual before each; `is_judged` says which may be judged at all.
    """

    pipeline: NDArray[np.int64]
    day: NDArray[np.int64]
    is_final: NDArray[np.bool_]
    decided: Numbers
    failed: Numbers
    past: DailyCounts
    is_judged: NDArray[np.bool_]


def failure_trends(history: History, stretches: Stretches, durations: Durations, names: Mapping[str, str]) -> pa.Table:
    """The table (schema `FAILURE_TRENDS`) of a source, sorted by scope, period, pipeline and date.

    For every stored day, a row for each pipeline with runs and one for the source; and the same for now. Only days of
    the window are judged: a day is worse when the failures are more than chance explains (false discoveries among the
    source's pipelines at most 5 %), at least 3, and at least 10 points more often than usual.
    """
    import pandas as pd  # noqa: PLC0415  (see `history`)

    by_pipeline = day_counts(history, stretches, durations)
    now = last_24_hours(history, durations)
    parts = [(PIPELINE, by_pipeline, now), (SOURCE, of_the_source(by_pipeline), now.sum(axis=1, keepdims=True))]
    table = pd.concat([frame for part in parts for frame in _frames(history, *part)], ignore_index=True)
    ids = np.array([*history.pipelines, None], object)
    table["source"] = history.source
    table["pipeline_id"] = ids[table["pipeline"].where(table["scope"] == PIPELINE, len(ids) - 1)]
    table["pipeline_name"] = [names.get(pipeline or "") for pipeline in table["pipeline_id"]]
    table["date"] = table["day"].to_numpy().astype("datetime64[D]")
    ordered = table.sort_values(["scope", "period", "pipeline", "date"])
    return pa.Table.from_pandas(ordered[FAILURE_TRENDS.names], schema=FAILURE_TRENDS, preserve_index=False)


def _frames(history: History, scope: str, counts: DayCounts, now: Counts) -> "Iterator[pd.DataFrame]":
    baselines = counts.baselines()
    by_day = _by_day(history, counts, baselines)
    spans = {
        (suffix, name): trailing(summed, width)[by_day.pipeline, by_day.day - counts.first_day]
        for suffix, width in SPANS.items()
        for name, summed in (("decided", counts.decided), ("failed", counts.failed))
    }
    yield _frame(scope, DAY, by_day, spans)
    yield _frame(scope, NOW, _now(history, counts, baselines, now), {})


def _by_day(history: History, counts: DayCounts, baselines: DailyCounts) -> _Periods:
    rows, columns = np.nonzero(counts.present)
    day = counts.first_day + columns
    is_judged = day >= (history.window.first - EPOCH).days
    decided, failed = (matrix[rows, columns].astype(np.float64) for matrix in (counts.decided, counts.failed))
    past = baselines.at((rows, columns))
    return _Periods(rows, day, counts.is_final[columns], decided, failed, past, is_judged)


def _now(history: History, counts: DayCounts, baselines: DailyCounts, now: Counts) -> _Periods:
    rows = np.flatnonzero(now[0])
    before_it = np.full(len(rows), max((history.until_us - DAY_US) // DAY_US - counts.first_day, 0))
    day = np.full(len(rows), (history.last_day - EPOCH).days)
    past, yes = baselines.at((rows, before_it)), np.ones(len(rows), np.bool_)
    decided, failed = (number[rows].astype(np.float64) for number in now[1:])
    return _Periods(rows, day, ~yes, decided, failed, past, yes)


def _frame(scope: str, period: str, of: _Periods, spans: Mapping[tuple[str, str], Numbers]) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415  (see `history`)

    frame = pd.DataFrame({"scope": scope, "period": period, "pipeline": of.pipeline, "day": of.day})
    frame["is_final"] = of.is_final
    counted = {("", "decided"): of.decided, ("", "failed"): of.failed, **spans}
    for suffix in ("", *SPANS):
        decided, failed = (counted.get((suffix, name)) for name in ("decided", "failed"))
        _add_rates(frame, suffix, decided, failed)
    frame["baseline_days"], frame["baseline_decided"] = of.past.days.astype(int), of.past.decided.astype(int)
    frame["baseline_failed"] = of.past.failed.astype(int)
    frame["baseline_rate"] = _share(of.past.failed, of.past.decided)
    frame["baseline_dispersion"] = of.past.dispersion()
    _judge(frame, of, is_alone=scope == SOURCE)
    return frame


def _add_rates(frame: "pd.DataFrame", suffix: str, decided: Numbers | None, failed: Numbers | None) -> None:
    if decided is None or failed is None:
        for name in ("decided", "failed", "failure_rate"):
            frame[f"{name}{suffix}"] = None
        frame[f"failure_rate{suffix}_low"] = frame[f"failure_rate{suffix}_high"] = None
        return
    frame[f"decided{suffix}"], frame[f"failed{suffix}"] = decided.astype(int), failed.astype(int)
    frame[f"failure_rate{suffix}"] = _share(failed, decided)
    frame[f"failure_rate{suffix}_low"], frame[f"failure_rate{suffix}_high"] = wilson_interval(
        failed.astype(np.int64), decided.astype(np.int64)
    )


def _judge(frame: "pd.DataFrame", of: _Periods, *, is_alone: bool) -> None:
    """Add the chance of each period, and what is to be said of it."""
    is_tested = (
        of.is_judged & (of.decided > 0) & (of.past.decided >= BASELINE_RUNS) & (of.past.days >= BASELINE_FINAL_DAYS)
    )
    p_values = np.full(len(frame), np.nan)
    p_values[is_tested] = surprise(of.failed[is_tested], of.decided[is_tested], of.past.at(is_tested))
    frame["p_value"] = p_values
    tested = frame.loc[is_tested].groupby("day")["p_value"]
    frame["q_value"] = frame["p_value"] if is_alone else tested.transform(_adjusted)
    is_worse = (frame["q_value"] <= FALSE_DISCOVERIES) & (of.failed >= LEAST_FAILURES) & _has_risen(of)
    verdict = np.where(is_tested, np.where(is_worse, WORSE, NORMAL), TOO_FEW_RUNS).astype(object)
    verdict[~of.is_judged] = None
    frame["verdict"] = verdict


def _has_risen(of: _Periods) -> NDArray[np.bool_]:
    """Whether the rate is at least 10 points above the usual one; in whole numbers, since 0.3 - 0.2 is below 0.1."""
    rise = of.failed * of.past.decided - of.past.failed * of.decided
    return np.asarray(100 * rise >= LEAST_RISE_PERCENT * of.decided * of.past.decided)


def _adjusted(p_values: "pd.Series[float]") -> Any:
    """For the false discovery rate: Y. Benjamini, Y. Hochberg, JRSS B 57 (1995), 289-300."""
    from scipy.stats import false_discovery_control  # noqa: PLC0415  (a second)

    return false_discovery_control(p_values, method="bh")


def _share(part: Numbers, whole: Numbers) -> Numbers:
    share: Numbers = np.divide(part, whole, out=np.full(len(whole), np.nan), where=np.asarray(whole) > 0)
    return share
