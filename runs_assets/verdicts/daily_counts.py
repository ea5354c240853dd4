"""How many runs of each pipeline completed and failed on each day, and what was usual before a day.

Counts are matrices: axis 0 is the pipeline, axis 1 the UTC day, without gaps; so sums over the days before a day take
no loop over days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US
from runs_assets.statistics.beta_binomial import Numbers, SummedCounts
from runs_assets.status import RunStatus
from runs_assets.tables import Frame
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory
from runs_assets.verdicts.success_durations import SuccessDurations

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class DailyCounts:
    """Matrices of pipelines by UTC days, from `first_day` (days since 1970-01-01) on.

    `present` says which of them have a row in the daily `failure_rates`, `is_usual` which no confirmed outage touches.
    `is_stored` and `is_final` are of the days.
    """

    first_day: int
    completed: Counts
    failed: Counts
    present: Flags
    is_usual: Flags
    is_stored: Flags
    is_final: Flags

    def baselines(self) -> SummedCounts:
        """Over the final, usual days with completed runs among the 28 before each day; matrices."""
        counts = self.is_usual & self.is_final & (self.completed > 0)
        n, f = np.where(counts, self.completed, 0), np.where(counts, self.failed, 0)
        share = np.divide(f**2, n, out=np.zeros(n.shape), where=n > 0)
        summed = (trailing_sums(matrix, BASELINE_DAYS)[:, :-1] for matrix in (counts, n, f, n**2, share))
        return SummedCounts(*(np.pad(matrix, ((0, 0), (1, 0))) for matrix in summed))

    def of_the_source(self) -> "DailyCounts":
        """All pipelines together, as one row; outages of single ones are part of what is usual for a source."""
        completed, failed = (matrix.sum(axis=0, keepdims=True) for matrix in (self.completed, self.failed))
        is_usual, present = np.ones(completed.shape, np.bool_), self.is_stored[None, :]
        return DailyCounts(self.first_day, completed, failed, present, is_usual, self.is_stored, self.is_final)


def daily_counts(history: SourceHistory, streaks: Sequence[FailureStreak], durations: SuccessDurations) -> DailyCounts:
    """The counts of all stored days; of a day of the window that is not whole, of the runs that had time to end."""
    first = (history.days[0].day - EPOCH).days
    size = (len(history.pipelines), first, (history.days[-1].day - EPOCH).days - first + 1)
    rates = history.rates.assign(rows=1)
    rows, completed, failed = (counts_by_day(rates, column, *size) for column in ("rows", "completed", "failed"))
    is_stored, is_final = np.zeros(size[2], np.bool_), np.zeros(size[2], np.bool_)
    for coverage in history.days:
        day = (coverage.day - EPOCH).days
        place = day - first
        is_stored[place], is_final[place] = True, coverage.is_final
        if not coverage.is_whole and coverage.day in history.window:
            known = counts_between(history, durations, day * DAY_US, (day + 1) * DAY_US)
            _, completed[:, place], failed[:, place] = known
    return DailyCounts(first, completed, failed, rows > 0, _is_usual(history, streaks, *size), is_stored, is_final)


def counts_between(history: SourceHistory, durations: SuccessDurations, start_us: int, end_us: int) -> Counts:
    """Three rows: of each pipeline, the runs created in [start, end), the completed and the failed.

    Completed and failed are those among them that had time to end: older than 95 % of the successes take.
    """
    runs = history.runs[(history.runs["created_us"] >= start_us) & (history.runs["created_us"] < end_us)]
    needs_us = np.nan_to_num(durations.p95)[runs["pipeline"].to_numpy()] * SECOND_US
    is_ripe = runs["created_us"] <= history.until_us - needs_us
    failed = runs["status"] == RunStatus.FAILED
    completed = failed | (runs["status"] == RunStatus.SUCCEEDED)
    chosen = [runs["pipeline"], runs.loc[is_ripe & completed, "pipeline"], runs.loc[is_ripe & failed, "pipeline"]]
    return np.stack([np.bincount(numbers.to_numpy(), minlength=len(history.pipelines)) for numbers in chosen])


def counts_by_day(frame: Frame, column: str, pipelines: int, first_day: int, days: int) -> Counts:
    """The sums of `column` by the columns `pipeline` and `day`, 0 where there is no row; days outside are left out."""
    inside = (frame["day"] >= first_day) & (frame["day"] < first_day + days)
    rows, places = frame.loc[inside, "pipeline"].to_numpy(), frame.loc[inside, "day"].to_numpy() - first_day
    summed = np.bincount(rows * days + places, frame.loc[inside, column].to_numpy(), pipelines * days)
    return summed.astype(np.int64).reshape(pipelines, days)


def trailing_sums(counts: NDArray[np.generic], width: int) -> Numbers:
    """At each day, the sum over the `width` days up to and including it."""
    total = np.cumsum(np.asarray(counts, np.float64), axis=1)
    total[:, width:] -= total[:, :-width].copy()
    return total


def _is_usual(history: SourceHistory, streaks: Sequence[FailureStreak], pipelines: int, first: int, days: int) -> Flags:
    usual = np.ones((pipelines, days), np.bool_)
    for streak in streaks:
        if streak.is_confirmed:
            end_us = history.until_us if streak.ended_at_us is None else streak.ended_at_us
            begin, end = streak.failing_since_us // DAY_US - first, end_us // DAY_US - first
            usual[streak.pipeline, max(begin, 0) : end + 1] = False
    return usual
