"""How many runs of each pipeline completed and failed on each day, and what was usual before a day.

Counts are matrices: axis 0 is the pipeline, axis 1 the UTC day, without gaps; so sums over the days before a day take
no loop over days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US
from runs_assets.statistics.beta_binomial import Numbers, SummedCounts
from runs_assets.status import RunStatus
from runs_assets.tables import with_columns
from runs_assets.verdicts.columns import have_status, newest
from runs_assets.verdicts.hanging_runs import SuccessDurations
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_END = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class DailyCounts:
    """Matrices of pipelines by UTC days, from `first_day` (days since 1970-01-01) on.

    `present` says which of them have a row in the daily `failure_rates`, `is_usual` which no confirmed outage touches.
    `is_stored`, `is_whole` and `is_final` are of the days.
    """

    first_day: int
    completed: Counts
    failed: Counts
    present: Flags
    is_usual: Flags
    is_stored: Flags
    is_whole: Flags
    is_final: Flags

    def baselines(self) -> SummedCounts:
        """Over the usual days read whole, with completed runs, among the 28 before each day; matrices.

        Whether a day is final does not matter: one run that never ends would take its day from every baseline.
        """
        counts = self.is_usual & self.is_whole & (self.completed > 0)
        n, f = np.where(counts, self.completed, 0), np.where(counts, self.failed, 0)
        share = np.divide(f**2, n, out=np.zeros(n.shape), where=n > 0)
        return SummedCounts(*map(_sums_before, (counts, n, f, n**2, share)))

    def whole_days(self) -> Numbers:
        """How many of the 28 days before each day were read whole."""
        return _sums_before(self.is_whole[None, :]).ravel()

    def of_the_source(self) -> "DailyCounts":
        """All pipelines together, as one row; outages of single ones are part of what is usual for a source."""
        completed, failed = (matrix.sum(axis=0, keepdims=True) for matrix in (self.completed, self.failed))
        is_usual, present = np.ones(completed.shape, np.bool_), self.is_stored[None, :]
        return replace(self, completed=completed, failed=failed, present=present, is_usual=is_usual)


def daily_counts(history: SourceHistory, streaks: Sequence[FailureStreak], durations: SuccessDurations) -> DailyCounts:
    """The counts of all stored days; of a day of the window that is not whole, of the runs that had time to end."""
    first = (history.days[0].day - EPOCH).days
    size = (len(history.pipelines), first, (history.days[-1].day - EPOCH).days - first + 1)
    rates = with_columns(history.rates, rows=np.ones(len(history.rates), np.int64))
    rows, completed, failed = (counts_by_day(rates, column, *size) for column in ("rows", "completed", "failed"))
    is_stored, is_whole, is_final = np.zeros((3, size[2]), np.bool_)
    for coverage in history.days:
        day = (coverage.day - EPOCH).days
        place = day - first
        is_stored[place], is_whole[place], is_final[place] = True, coverage.is_whole, coverage.is_final
        if not coverage.is_whole and coverage.day in history.window:
            known = counts_between(history, durations, day * DAY_US, (day + 1) * DAY_US)
            _, completed[:, place], failed[:, place], *_ = known
    is_usual = _is_usual(history, streaks, *size)
    return DailyCounts(first, completed, failed, rows > 0, is_usual, is_stored, is_whole, is_final)


def counts_between(
    history: SourceHistory,
    durations: SuccessDurations,
    start_us: int,
    end_us: int,
    streaks: Iterable[FailureStreak] = (),
) -> Counts:
    """Six rows: of each pipeline, the runs created in [start, end), the completed, the failed, those in past outages.

    All but the first are those that had time to end, older than 95 % of the successes take; the fourth are the failures
    of confirmed streaks that are over. The last two are when the newest failure and the newest success ended, in
    microseconds since the epoch; -1 if there is none.
    """
    created_us = history.runs["created_us"].to_numpy()
    runs = history.runs.select(["pipeline", "status", "created_us", "ended_us"])
    runs = runs.filter((created_us >= start_us) & (created_us < end_us))
    numbers, many = runs["pipeline"].to_numpy(), len(history.pipelines)
    is_ripe = runs["created_us"].to_numpy() <= history.until_us - np.nan_to_num(durations.p95)[numbers] * SECOND_US
    failed, succeeded = (is_ripe & have_status(runs, status) for status in (RunStatus.FAILED, RunStatus.SUCCEEDED))
    chosen = (slice(None), failed | succeeded, failed, failed & in_past_outages(runs, streaks))
    counts = [np.bincount(numbers[those], minlength=many) for those in chosen]
    ended_us = runs["ended_us"].to_numpy()
    return np.stack([*counts, *(newest(numbers[those], ended_us[those], many) for those in (failed, succeeded))])


def counts_by_day(rates: pa.Table, column: str, pipelines: int, first_day: int, days: int) -> Counts:
    """The sums of `column` by the columns `pipeline` and `day`, 0 where there is no row; days outside are left out."""
    rows, places, values = (rates[name].to_numpy() for name in ("pipeline", "day", column))
    places = places - first_day
    inside = (places >= 0) & (places < days)
    summed = np.bincount(rows[inside] * days + places[inside], values[inside], pipelines * days)
    return summed.astype(np.int64).reshape(pipelines, days)


def trailing_sums(counts: NDArray[np.generic], width: int) -> Numbers:
    """At each day, the sum over the `width` days up to and including it."""
    total = np.cumsum(np.asarray(counts, np.float64), axis=1)
    total[:, width:] -= total[:, :-width].copy()
    return total


def _sums_before(counts: NDArray[np.generic]) -> Numbers:
    """At each day, the sum over the 28 days before it."""
    return np.pad(trailing_sums(counts, BASELINE_DAYS)[:, :-1], ((0, 0), (1, 0)))


def in_past_outages(runs: pa.Table, streaks: Iterable[FailureStreak]) -> Flags:
    """Whether runs ended between the first and the last failure of a confirmed streak that is over."""
    numbers, ended_us = runs["pipeline"].to_numpy(), runs["ended_us"].to_numpy()
    found, first_us = np.zeros(len(runs), np.bool_), ended_us.min(initial=NO_END)
    for streak in streaks:
        if streak.is_confirmed and streak.ended_at_us is not None and streak.last_failure_at_us >= first_us:
            is_in = (ended_us >= streak.failing_since_us) & (ended_us <= streak.last_failure_at_us)
            found |= is_in & (numbers == streak.pipeline)
    return found


def _is_usual(history: SourceHistory, streaks: Sequence[FailureStreak], pipelines: int, first: int, days: int) -> Flags:
    usual = np.ones((pipelines, days), np.bool_)
    for streak in streaks:
        if streak.is_confirmed:
            end_us = history.until_us if streak.ended_at_us is None else streak.ended_at_us
            begin, end = streak.failing_since_us // DAY_US - first, end_us // DAY_US - first
            usual[streak.pipeline, max(begin, 0) : end + 1] = False
    return usual
