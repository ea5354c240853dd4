"""Failures in a row, and which of these streaks are more than bad luck.

Runs count in the order in which they ended. Dry, cancelled and open runs neither begin nor end a streak.

Three failures in a row say little about a pipeline that often fails, or that fails in clusters. A streak is *confirmed*
at the failure at which its probability falls below 0.1, shared among all the places where a streak could have begun:
the pipeline's completed runs of 28 days, times the source's pipelines. The probability is that of a pipeline like this
one in the 28 days before: each day has a rate of its own, drawn from a beta distribution, and all its runs of the
streak fail. For a pipeline without clusters this is the failure rate to the power of the number of failures.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, to_us
from runs_assets.statistics.beta_binomial import SummedCounts, beta_of
from runs_assets.tables import TIMESTAMP, Frame, Table, column, pipeline_schema
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

MIN_FAILURES = 3
FALSE_ALARMS = 0.1
"""How many streaks of healthy pipelines may be confirmed, in 28 days and over all pipelines of a source."""
LEAST_DISPERSION = 0.02
"""No pipeline's runs are taken to be independent, even if four weeks show no clusters."""
MOST_FAILURES = 10_000
"""Up to here, the number of failures that would confirm a streak is searched for."""

SCHEMA = pipeline_schema(
    column("failing_since", TIMESTAMP, "when the first failure of the streak ended, UTC", nullable=False),
    column("last_failure_at", TIMESTAMP, "when its last failure ended, UTC", nullable=False),
    column("failures", pa.int64(), "failures in a row", nullable=False),
    column("sites_affected", pa.int64(), "number of sites whose runs failed; null where no run has a site"),
    column("last_success_at", TIMESTAMP, "when the last success before it ended, UTC; null if none is known"),
    column("ended_at", TIMESTAMP, "when the first success after it ended, UTC; null while it goes on"),
    column("recovery_seconds", pa.float64(), "ended_at - failing_since, seconds; null while it goes on"),
    column("is_confirmed", pa.bool_(), "whether it is more than bad luck", nullable=False),
    column("alert_after", pa.int64(), "failures in a row at which it is, or would be, confirmed; null above 10,000"),
    column("confirmed_at", TIMESTAMP, "when the failure that confirms it ended, UTC; null if none does"),
    column("first_run_id", pa.string(), "the first of the failed runs", nullable=False),
    column("latest_run_id", pa.string(), "the last of the failed runs", nullable=False),
    column("baseline_decided", pa.int64(), "completed runs of 28 days before, outages excluded", nullable=False),
    column("baseline_failed", pa.int64(), "how many of them failed", nullable=False),
)
OUTAGES = Table(
    name="outages",
    description="Three or more failures of a pipeline in a row, and whether that is more than bad luck.",
    schema=SCHEMA,
    version="1",
    preview=("failing_since", "failures", "ended_at", "is_confirmed", "alert_after", "sites_affected", "latest_run_id"),
    preview_order=(("failing_since", "descending"),),
)


class FailureStreak(NamedTuple):
    """Failures of a pipeline in a row; None where there is no such instant."""

    pipeline: int
    failing_since_us: int
    last_failure_at_us: int
    failures: int
    sites_affected: int | None
    last_success_at_us: int | None
    ended_at_us: int | None
    is_confirmed: bool
    alert_after: int | None
    confirmed_at_us: int | None
    first_run_id: str
    latest_run_id: str
    baseline_decided: int
    baseline_failed: int

    def row(self) -> dict[str, Any]:
        """By the columns of `outages`."""
        recovery = None if self.ended_at_us is None else (self.ended_at_us - self.failing_since_us) / SECOND_US
        columns = {name.removesuffix("_us"): value for name, value in self._asdict().items()}
        return columns | {"recovery_seconds": recovery}


def going_on_since(start_us: int, streaks: Iterable[FailureStreak]) -> list[FailureStreak]:
    """The streaks that still went on at `start_us`, or began after."""
    return [streak for streak in streaks if streak.ended_at_us is None or streak.ended_at_us >= start_us]


def failure_streaks(history: SourceHistory) -> list[FailureStreak]:
    """Every streak of three or more failures, and shorter ones that go on; by pipeline, the oldest first."""
    completed = history.completed
    active, run_ids = _active_pipelines(completed), history.runs["run_id"]
    groups = completed.groupby("pipeline", sort=True)
    return [streak for _, group in groups for streak in _Pipeline(group, run_ids, active).streaks()]


def outages(history: SourceHistory, streaks: Iterable[FailureStreak], names: Mapping[str, str]) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source's streaks in its window, sorted by pipeline and beginning."""
    long = (it for it in going_on_since(to_us(history.window.start), streaks) if it.failures >= MIN_FAILURES)
    return pa.Table.from_pylist([{**history.about(it.pipeline, names), **it.row()} for it in long], schema=SCHEMA)


class _Pipeline:
    """The completed runs of one pipeline, in order, and its counts by day."""

    def __init__(self, completed: Frame, run_ids: Any, active: dict[int, int]) -> None:
        self._active = active
        self._number = int(completed["pipeline"].iloc[0])
        self._ended_us = completed["ended_us"].to_numpy()
        days = self._ended_us // DAY_US
        self._first_day = int(days[0])
        self._day = days - self._first_day
        self._failed = completed["failed"].to_numpy()
        self._place, self._run_ids = completed["place"].to_numpy(), run_ids
        self._site = completed["site_id"].factorize()[0]
        self._n = np.bincount(self._day).astype(np.float64)
        self._f = np.bincount(self._day, self._failed)

    def streaks(self) -> Iterator[FailureStreak]:
        """Those of at least three failures, and a shorter one that goes on.

        The days of a confirmed one are no part of any later past.
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self._failed, [False]]).astype(np.int8)))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - begin >= MIN_FAILURES or end == len(self._failed):
                streak = self._streak(begin, end)
                if streak.is_confirmed:
                    days = slice(self._day[begin], self._day[min(end, len(self._day) - 1)] + 1)
                    self._n[days] = self._f[days] = 0
                yield streak

    def _streak(self, begin: int, end: int) -> FailureStreak:
        day, sites = int(self._day[begin]), self._site[begin:end]
        past = self._past(day)
        limit = np.log(FALSE_ALARMS / (max(past.completed[0], 1) * self._active[self._first_day + day]))
        alert_after = _alert_after(self._day[begin:end], past, limit)
        is_confirmed = alert_after is not None and alert_after <= end - begin
        return FailureStreak(
            pipeline=self._number,
            failing_since_us=int(self._ended_us[begin]),
            last_failure_at_us=int(self._ended_us[end - 1]),
            failures=end - begin,
            sites_affected=len(np.unique(sites[sites >= 0])) or None,
            last_success_at_us=int(self._ended_us[begin - 1]) if begin else None,
            ended_at_us=int(self._ended_us[end]) if end < len(self._failed) else None,
            is_confirmed=is_confirmed,
            alert_after=alert_after,
            confirmed_at_us=int(self._ended_us[begin + alert_after - 1]) if alert_after and is_confirmed else None,
            first_run_id=self._run_ids.iloc[self._place[begin]],
            latest_run_id=self._run_ids.iloc[self._place[end - 1]],
            baseline_decided=int(past.completed[0]),
            baseline_failed=int(past.failed[0]),
        )

    def _past(self, day: int) -> SummedCounts:
        """The counts of the 28 days before a day."""
        n, f = (counts[max(day - BASELINE_DAYS, 0) : day] for counts in (self._n, self._f))
        n, f = n[n > 0], f[n > 0]
        sums = (len(n), n.sum(), f.sum(), (n**2).sum(), (f**2 / n).sum())
        return SummedCounts(*(np.array([total], np.float64) for total in sums))


def _alert_after(days: NDArray[np.int64], past: SummedCounts, limit: float) -> int | None:
    """After how many failures, which ended on `days`, the probability is at most exp(`limit`).

    If these are too few, further ones on the last day count too; None if that takes more than 10,000.
    """
    a, b = (float(parameter[0]) for parameter in beta_of(past.mean(), np.maximum(past.dispersion(), LEAST_DISPERSION)))
    _, begins, sizes = np.unique(days, return_index=True, return_counts=True)
    place = np.arange(len(days)) - np.repeat(begins, sizes)
    most = max(MOST_FAILURES - len(days), 0)
    for further in (0, min(100, most), most):  # a hundred are nearly always enough
        places = np.append(place, place[-1] + 1 + np.arange(further))
        # The failures before one on its day make a bad day, and so the next failure, more likely.
        is_below = np.cumsum(np.log((a + places) / (a + b + places))) <= limit
        is_below[: MIN_FAILURES - 1] = False
        if is_below.any():
            return int(is_below.argmax()) + 1
    return None


def _active_pipelines(completed: Frame) -> dict[int, int]:
    """For each day on which any run ended, how many pipelines had completed runs that ended on the 28 days before."""
    days_of = completed[["pipeline"]].assign(day=completed["ended_us"] // DAY_US).drop_duplicates()
    active = {}
    for day in days_of["day"].unique().tolist():
        is_before = (days_of["day"] < day) & (days_of["day"] >= day - BASELINE_DAYS)
        active[day] = max(int(days_of.loc[is_before, "pipeline"].nunique()), 1)
    return active
