"""Failures in a row, and which of these streaks are more than bad luck.

Runs count in the order in which they ended. Dry, cancelled and open runs neither begin nor end a streak. A streak is
*confirmed* at the failure at which it is first one of the kinds of `streak_rules`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.days import DAY_US, EPOCH, SECOND_US, to_us
from runs_assets.statistics.beta_binomial import SummedCounts
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema
from runs_assets.verdicts.columns import numbered, split_by_pipeline
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory, read_days
from runs_assets.verdicts.streak_rules import (
    FAILING_FAILURES,
    MIN_FAILURES,
    RARE_A_DAY,
    Past,
    StreakKind,
    kind_of,
    thresholds,
)

NEVER = np.iinfo(np.int64).max
UNSEEN_DAYS = 7
"""A pipeline that first ran less than so many days after the first day read whole may have run before."""

SCHEMA = pipeline_schema(
    column("failing_since", TIMESTAMP, "when the first failure of the streak ended, UTC", nullable=False),
    column("last_failure_at", TIMESTAMP, "when its last failure ended, UTC", nullable=False),
    column("failures", pa.int64(), "failures in a row", nullable=False),
    column("sites_affected", pa.int64(), "number of sites whose runs failed; null where no run has a site"),
    column("last_success_at", TIMESTAMP, "when the last success before it ended, UTC; null if none is known"),
    column("ended_at", TIMESTAMP, "when the first success after it ended, UTC; null while it goes on"),
    column("recovery_seconds", pa.float64(), "ended_at - failing_since, seconds; null while it goes on"),
    column("is_confirmed", pa.bool_(), "whether it is more than bad luck", nullable=False),
    column("kind", pa.string(), "down, failing or never succeeded; null if not confirmed"),
    column("alert_after", pa.int64(), "failures in a row at which it is, or would be, confirmed; null above 10,000"),
    column("confirmed_at", TIMESTAMP, "when the failure that confirms it ended, UTC; null if none does"),
    column("first_run_id", pa.string(), "the first of the failed runs", nullable=False),
    column("latest_run_id", pa.string(), "the last of the failed runs", nullable=False),
    column("baseline_decided", pa.int64(), "completed runs of 28 days before, outages excluded", nullable=False),
    column("baseline_failed", pa.int64(), "how many of them failed", nullable=False),
)
OUTAGES = Table(
    name="outages",
    description="Three or more failures of a pipeline in a row, or fewer if already more than bad luck.",
    schema=SCHEMA,
    version="3",
    preview=("failing_since", "failures", "ended_at", "kind", "alert_after", "sites_affected", "latest_run_id"),
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
    kind: StreakKind | None
    alert_after: int | None
    confirmed_at_us: int | None
    first_run_id: str
    latest_run_id: str
    baseline_decided: int
    baseline_failed: int
    runs_rarely: bool

    @property
    def is_confirmed(self) -> bool:
        """Whether it is of a kind, and so more than bad luck."""
        return self.kind is not None

    def row(self) -> dict[str, Any]:
        """By the columns of `outages`."""
        recovery = None if self.ended_at_us is None else (self.ended_at_us - self.failing_since_us) / SECOND_US
        columns = {name.removesuffix("_us"): value for name, value in self._asdict().items()}
        return columns | {"recovery_seconds": recovery, "is_confirmed": self.is_confirmed}


def going_on_since(start_us: int, streaks: Iterable[FailureStreak]) -> list[FailureStreak]:
    """The streaks that still went on at `start_us`, or began after."""
    return [streak for streak in streaks if streak.ended_at_us is None or streak.ended_at_us >= start_us]


def failure_streaks(history: SourceHistory) -> list[FailureStreak]:
    """Every streak of three or more failures, and shorter ones that are confirmed or go on; by pipeline, in order."""
    completed = _Completed.of(history.completed)
    source = _Source(
        history.runs["run_id"],
        _active_pipelines(completed),
        _firsts(history.runs, "created_us", history),
        _seen_from_their_first_run(history),
    )
    return [streak for part in completed.by_pipeline() for streak in _Pipeline(part, source).streaks()]


def outages(history: SourceHistory, streaks: Iterable[FailureStreak]) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source's streaks in its window, sorted by pipeline and beginning."""
    shown = (
        it
        for it in going_on_since(to_us(history.window.start), streaks)
        if it.failures >= MIN_FAILURES or it.is_confirmed
    )
    return pa.Table.from_pylist([{**history.about(it.pipeline), **it.row()} for it in shown], schema=SCHEMA)


@dataclass(frozen=True)
class _Source:
    """What streaks depend on beside the pipeline's completed runs.

    `active` is by day (since 1970-01-01), `first_runs_us` by pipeline.
    """

    run_ids: pa.ChunkedArray
    active: Mapping[int, int]
    first_runs_us: NDArray[np.int64]
    newcomers: frozenset[int]


class _Completed(NamedTuple):
    """The columns of `SourceHistory.completed`, or the part of one pipeline; `site` is a number, -1 if unknown."""

    pipeline: NDArray[np.int64]
    ended_us: NDArray[np.int64]
    failed: NDArray[np.bool_]
    place: NDArray[np.int64]
    site: NDArray[np.int64]

    @classmethod
    def of(cls, completed: pa.Table) -> Self:
        """All of them."""
        columns = [completed[name].to_numpy() for name in ("pipeline", "ended_us", "failed", "place")]
        return cls(*[*columns, numbered(completed["site_id"])[0]])

    def by_pipeline(self) -> Iterator["_Completed"]:
        """Those of each pipeline with any."""
        return (_Completed(*part) for part in split_by_pipeline(*self))


class _Pipeline:
    """The completed runs of one pipeline, in order, its counts by day, and its streaks of failures."""

    def __init__(self, completed: _Completed, source: _Source) -> None:
        self._source = source
        self._number = int(completed.pipeline[0])
        self._ended_us = completed.ended_us
        days = self._ended_us // DAY_US
        self._first_day = int(days[0])
        self._day = days - self._first_day
        self._failed, self._place, self._site = completed.failed, completed.place, completed.site
        self._n = np.bincount(self._day).astype(np.float64)
        self._f = np.bincount(self._day, self._failed)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self._failed, [False]]).astype(np.int8)))
        self._begins, self._ends = edges[::2], edges[1::2]
        self._lengths = self._ends - self._begins
        self._successes_before = self._begins - np.cumsum(self._lengths) + self._lengths
        self._began_on = self._day[self._begins]
        self._runs_rarely = self._run_rarely()

    def streaks(self) -> Iterator[FailureStreak]:
        """Those of at least three failures, and shorter ones that are confirmed or go on.

        The days of a confirmed one are no part of any later past.
        """
        is_short = self._lengths < np.where(self._runs_rarely, FAILING_FAILURES, MIN_FAILURES)
        for number in np.flatnonzero(~is_short | (self._ends == len(self._failed))).tolist():
            streak = self._streak(number)
            if streak.is_confirmed:
                last = min(int(self._ends[number]), len(self._day) - 1)
                days = slice(self._began_on[number], self._day[last] + 1)
                self._n[days] = self._f[days] = 0
                self._lengths[number] = 0
            if streak.is_confirmed or streak.failures >= MIN_FAILURES or streak.ended_at_us is None:
                yield streak

    def _streak(self, number: int) -> FailureStreak:
        begin, end = int(self._begins[number]), int(self._ends[number])
        past, sites = self._past(number), self._site[begin:end]
        pipelines = self._source.active[self._first_day + int(self._began_on[number])]
        at = thresholds(self._day[begin:end], past, pipelines)
        kind, alert_after = kind_of(end - begin, at), min(at.values(), default=None)
        return FailureStreak(
            pipeline=self._number,
            failing_since_us=int(self._ended_us[begin]),
            last_failure_at_us=int(self._ended_us[end - 1]),
            failures=end - begin,
            sites_affected=len(np.unique(sites[sites >= 0])) or None,
            last_success_at_us=int(self._ended_us[begin - 1]) if begin else None,
            ended_at_us=int(self._ended_us[end]) if end < len(self._failed) else None,
            kind=kind,
            alert_after=alert_after,
            confirmed_at_us=int(self._ended_us[begin + alert_after - 1]) if alert_after and kind else None,
            first_run_id=self._source.run_ids[self._place[begin]].as_py(),
            latest_run_id=self._source.run_ids[self._place[end - 1]].as_py(),
            baseline_decided=past.completed,
            baseline_failed=past.failed,
            runs_rarely=past.runs_rarely,
        )

    def _past(self, number: int) -> Past:
        day = int(self._began_on[number])
        n, f = (counts[max(day - BASELINE_DAYS, 0) : day] for counts in (self._n, self._f))
        n, f = n[n > 0], f[n > 0]
        sums = (len(n), n.sum(), f.sum(), (n**2).sum(), (f**2 / n).sum())
        before = slice(*np.searchsorted(self._began_on, [day - BASELINE_DAYS, day]))
        return Past(
            counts=SummedCounts(*(np.array([total], np.float64) for total in sums)),
            longest_streak=int(self._lengths[before].max(initial=0)),
            runs_rarely=bool(self._runs_rarely[number]),
            successes=int(self._successes_before[number]),
            never_succeeded=self._begins[number] == 0 and self._number in self._source.newcomers,
        )

    def _run_rarely(self) -> NDArray[np.bool_]:
        """Of each streak, whether at most 4 runs a day completed in the 28 days before its day, or since the first run.

        Those of outages count: what has failed all day for weeks does not run rarely.
        """
        total = np.concatenate([[0], np.cumsum(self._n)])
        completed = total[self._began_on] - total[np.maximum(self._began_on - BASELINE_DAYS, 0)]
        known_us = (self._first_day + self._began_on) * DAY_US - self._source.first_runs_us[self._number]
        known_us = np.minimum(known_us, BASELINE_DAYS * DAY_US)
        return np.asarray((known_us > 0) & (completed * DAY_US <= RARE_A_DAY * known_us), np.bool_)


def _active_pipelines(completed: _Completed) -> dict[int, int]:
    """For each day on which any run ended, how many pipelines had completed runs that ended on the 28 days before.

    Each run makes its pipeline active from the next day on; where an earlier one does that already, from its end on.
    """
    days = completed.ended_us // DAY_US
    is_new = (np.diff(completed.pipeline, prepend=-1) != 0) | (np.diff(days, prepend=-1) != 0)
    numbers, days = completed.pipeline[is_new], days[is_new]
    ends = days + BASELINE_DAYS + 1
    begins = np.where(np.diff(numbers, prepend=-1) == 0, np.maximum(days + 1, np.roll(ends, 1)), days + 1)
    asked = np.unique(days)
    begun, ended = (np.searchsorted(np.sort(edges), asked, side="right") for edges in (begins, ends))
    return dict(zip(asked.tolist(), np.maximum(begun - ended, 1).tolist(), strict=True))


def _seen_from_their_first_run(history: SourceHistory) -> frozenset[int]:
    """The pipelines whose first run ever is known, and that had not succeeded before the days whose runs are read."""
    whole = [(it.day - EPOCH).days for it in history.days if it.is_whole]
    rates = history.rates.filter(pc.greater(history.rates["runs"], 0))
    firsts = _firsts(rates, "day", history)
    seen = np.flatnonzero(firsts >= min(whole) + UNSEEN_DAYS) if whole else firsts[:0]
    numbers, days, completed, failed = (rates[name].to_numpy() for name in ("pipeline", "day", "completed", "failed"))
    succeeded = numbers[(days < (read_days(history.window).first - EPOCH).days) & (completed > failed)]
    return frozenset(seen.tolist()) - frozenset(succeeded.tolist())


def _firsts(rows: pa.Table, column: str, history: SourceHistory) -> NDArray[np.int64]:
    """The least value of a column of each pipeline, by its number; `NEVER` where there is none."""
    found = np.full(len(history.pipelines), NEVER)
    np.minimum.at(found, rows["pipeline"].to_numpy(), rows[column].to_numpy())
    return found
