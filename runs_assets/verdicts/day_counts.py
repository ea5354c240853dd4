"""How many runs of each pipeline were decided and failed on each day, and what was usual before a day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US
from runs_assets.statistics.beta_binomial import DailyCounts
from runs_assets.status import RunStatus
from runs_assets.verdicts.durations import Durations
from runs_assets.verdicts.grid import Counts, before, grid
from runs_assets.verdicts.history import BASELINE_DAYS, History
from runs_assets.verdicts.outages import Stretches

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class DayCounts:
    """Matrices of pipelines by UTC days, from `first_day` (days since 1970-01-01) on without gaps.

    `present` says which of them have a row in the daily `failure_rates`, `is_usual` which no confirmed outage touches.
    `is_stored` and `is_final` are of the days.
    """

    first_day: int
    decided: Counts
    failed: Counts
    present: Truths
    is_usual: Truths
    is_stored: Truths
    is_final: Truths

    def baselines(self) -> DailyCounts:
        """The sums over the final, usual days among the 28 before each day, those with decided runs alone; matrices."""
        counts = self.is_usual & self.is_final & (self.decided > 0)
        n, f = np.where(counts, self.decided, 0), np.where(counts, self.failed, 0)
        share = np.divide(f**2, n, out=np.zeros(n.shape), where=n > 0)
        return DailyCounts(*(before(summed, BASELINE_DAYS) for summed in (counts, n, f, n**2, share)))


def day_counts(history: History, stretches: Stretches, durations: Durations) -> DayCounts:
    """The counts of all stored days; of a day of the window that is not whole, of the runs that had time to end."""
    first = (history.days[0].day - EPOCH).days
    size = (len(history.pipelines), first, (history.days[-1].day - EPOCH).days - first + 1)
    rates = history.rates.assign(rows=1)
    rows, decided, failed = (grid(rates, column, *size) for column in ("rows", "decided", "failed"))
    is_stored, is_final = np.zeros(size[2], np.bool_), np.zeros(size[2], np.bool_)
    for worth in history.days:
        day = (worth.day - EPOCH).days
        place = day - first
        is_stored[place], is_final[place] = True, worth.is_final
        if not worth.is_whole and worth.day in history.window:
            known = _counts_between(history, durations, day * DAY_US, (day + 1) * DAY_US)
            _, decided[:, place], failed[:, place] = known
    is_usual = _is_usual(history, stretches, *size)
    return DayCounts(first, decided, failed, rows > 0, is_usual, is_stored, is_final)


def of_the_source(counts: DayCounts) -> DayCounts:
    """All pipelines together, as one row; outages of single ones are part of what is usual for a source."""
    decided, failed = (matrix.sum(axis=0, keepdims=True) for matrix in (counts.decided, counts.failed))
    is_usual, present = np.ones(decided.shape, np.bool_), counts.is_stored[None, :]
    return DayCounts(counts.first_day, decided, failed, present, is_usual, counts.is_stored, counts.is_final)


def last_24_hours(history: History, durations: Durations) -> Counts:
    """Of each pipeline the runs created in the 24 hours up to `read_until`, and the decided and failed ones among them.

    An array of three rows; decided and failed are those that had time to end.
    """
    return _counts_between(history, durations, history.until_us - DAY_US + 1, history.until_us + 1)


def _counts_between(history: History, durations: Durations, start_us: int, end_us: int) -> Counts:
    """Of the runs created in [start, end); one had time to end if it is older than 95 % of the successes take."""
    runs = history.runs[(history.runs["created_at"] >= start_us) & (history.runs["created_at"] < end_us)]
    needs_us = np.nan_to_num(durations.p95)[runs["pipeline"].to_numpy()] * SECOND_US
    is_ripe = runs["created_at"] <= history.until_us - needs_us
    failed = runs["status"] == RunStatus.FAILED
    decided = failed | (runs["status"] == RunStatus.SUCCEEDED)
    chosen = [runs["pipeline"], runs.loc[is_ripe & decided, "pipeline"], runs.loc[is_ripe & failed, "pipeline"]]
    return np.stack([np.bincount(numbers.to_numpy(), minlength=len(history.pipelines)) for numbers in chosen])


def _is_usual(history: History, stretches: Stretches, pipelines: int, first: int, days: int) -> Truths:
    usual = np.ones((pipelines, days), np.bool_)
    for stretch in stretches.found:
        if stretch.is_confirmed:
            end_us = history.until_us if stretch.ended_at is None else stretch.ended_at
            begin, end = stretch.failing_since // DAY_US - first, end_us // DAY_US - first
            usual[stretch.pipeline, max(begin, 0) : end + 1] = False
    return usual
