"""Every stretch of failures without a success between, and which of them are more than bad luck.

Runs count in the order in which they ended. Dry, cancelled and open runs neither begin nor end a stretch.

Three failures in a row say little of a pipeline that often fails, or that fails in clusters. A stretch is *confirmed*
at the failure at which its chance falls below 0.1, shared among all the places where a stretch could have begun: the
pipeline's decided runs of 28 days, times the source's pipelines. The chance is that of a pipeline like this one on
the 28 days before: each day has a rate of its own, drawn from a beta distribution, and all its runs of the stretch
fail. For a pipeline without clusters this is the failure rate to the power of the number of failures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, to_us
from runs_assets.statistics.beta_binomial import DailyCounts, beta_of
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, column
from runs_assets.verdicts.history import BASELINE_DAYS, History

if TYPE_CHECKING:
    import pandas as pd

MIN_FAILURES = 3
FALSE_ALARMS = 0.1
"""How many healthy stretches may be confirmed, in 28 days and over all pipelines of a source."""
LEAST_DISPERSION = 0.02
"""No pipeline's runs are taken for quite independent, even if four weeks show no clusters."""
MOST_FAILURES = 10_000
"""How far the number of failures that would confirm a stretch is looked for."""

OUTAGES = pa.schema(
    [
        *PIPELINE_COLUMNS,
        column("failing_since", TIMESTAMP, "when the first failure of the stretch ended, UTC", nullable=False),
        column("last_failure_at", TIMESTAMP, "when the last one ended, UTC", nullable=False),
        column("failures", pa.int64(), "failures in a row", nullable=False),
        column("sites_affected", pa.int64(), "how many sites they are of; null where no run has one"),
        column("last_success_at", TIMESTAMP, "when the last success before ended, UTC; null if none is known"),
        column("ended_at", TIMESTAMP, "when the first success after ended, UTC; null = still failing"),
        column("recovery_seconds", pa.float64(), "ended_at - failing_since, seconds"),
        column("is_confirmed", pa.bool_(), "whether it is more than bad luck", nullable=False),
        column(
            "alert_after",
            pa.int64(),
            "failures in a row at which it is confirmed, or would be if more came on its last day; null above 10,000",
        ),
        column("confirmed_at", TIMESTAMP, "when the failure that confirms it ended, UTC"),
        column("first_run_id", pa.string(), "the first of the failed runs", nullable=False),
        column("latest_run_id", pa.string(), "the last of them", nullable=False),
        column("baseline_decided", pa.int64(), "decided runs of the 28 days before, outages left out", nullable=False),
        column("baseline_failed", pa.int64(), "failed ones among them", nullable=False),
    ]
)


class Stretch(NamedTuple):
    """A stretch of a pipeline: instants in microseconds since the epoch, None where there is none."""

    pipeline: int
    failing_since: int
    last_failure_at: int
    failures: int
    sites_affected: int | None
    last_success_at: int | None
    ended_at: int | None
    is_confirmed: bool
    alert_after: int | None
    confirmed_at: int | None
    first_run_id: str
    latest_run_id: str
    baseline_decided: int
    baseline_failed: int


@dataclass(frozen=True)
class Stretches:
    """All stretches of a source in the read days, of each pipeline the oldest first."""

    found: tuple[Stretch, ...]

    def within(self, start_us: int) -> list[Stretch]:
        """Those that still went on at `start_us`, or began after."""
        return [stretch for stretch in self.found if stretch.ended_at is None or stretch.ended_at >= start_us]


def stretches_of(history: History) -> Stretches:
    """Find every stretch of at least three failures, and shorter ones that have not ended."""
    decided = history.decided
    active = _active_pipelines(decided)
    groups = decided.groupby("pipeline", sort=True)
    return Stretches(
        tuple(
            stretch for _, group in groups for stretch in _Pipeline(group, history.runs["run_id"], active).stretches()
        )
    )


def outages(history: History, stretches: Stretches, names: Mapping[str, str]) -> pa.Table:
    """The table (schema `OUTAGES`) of a source's stretches in its window, sorted by pipeline and beginning."""
    start = to_us(history.window.start)
    long = (stretch for stretch in stretches.within(start) if stretch.failures >= MIN_FAILURES)
    rows = [_row(stretch, history, names) for stretch in long]
    return pa.Table.from_pylist(rows, schema=OUTAGES)


def _row(stretch: Stretch, history: History, names: Mapping[str, str]) -> dict[str, Any]:
    recovery = None if stretch.ended_at is None else (stretch.ended_at - stretch.failing_since) / SECOND_US
    return {**stretch._asdict(), **history.about(stretch.pipeline, names), "recovery_seconds": recovery}


class _Pipeline:
    """The decided runs of one pipeline, in order, and what its past says at each of its days."""

    def __init__(self, decided: "pd.DataFrame", run_ids: "pd.Series[str]", active: dict[int, int]) -> None:
        self._active = active
        self._number = int(decided["pipeline"].iloc[0])
        self._ended_at = decided["ended_at"].to_numpy()
        self._day = self._ended_at // DAY_US
        self._failed = decided["failed"].to_numpy()
        self._run_id = run_ids.iloc[decided["place"]]
        self._site = decided["site_id"].factorize()[0]
        self._first_day = int(self._day[0])
        self._n = np.bincount(self._day - self._first_day).astype(np.float64)
        self._f = np.bincount(self._day - self._first_day, self._failed)

    def stretches(self) -> Iterator[Stretch]:
        """Those of at least three failures, and a shorter one that goes on.

        The days of a confirmed one are no part of any later past.
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self._failed, [False]]).astype(np.int8)))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - begin >= MIN_FAILURES or end == len(self._failed):
                stretch = self._stretch(begin, end)
                if stretch.is_confirmed:
                    last = end if stretch.ended_at is not None else end - 1
                    self._forget(int(self._day[begin]), int(self._day[last]))
                yield stretch

    def _stretch(self, begin: int, end: int) -> Stretch:
        past = self._past(int(self._day[begin]))
        limit = np.log(FALSE_ALARMS / (max(past.decided[0], 1) * self._active.get(int(self._day[begin]), 1)))
        alert_after = _alert_after(self._day[begin:end], past, limit)
        is_confirmed = alert_after is not None and alert_after <= end - begin
        sites = self._site[begin:end]
        return Stretch(
            pipeline=self._number,
            failing_since=int(self._ended_at[begin]),
            last_failure_at=int(self._ended_at[end - 1]),
            failures=end - begin,
            sites_affected=len(np.unique(sites[sites >= 0])) or None,
            last_success_at=int(self._ended_at[begin - 1]) if begin else None,
            ended_at=int(self._ended_at[end]) if end < len(self._failed) else None,
            is_confirmed=is_confirmed,
            alert_after=alert_after,
            confirmed_at=int(self._ended_at[begin + alert_after - 1]) if alert_after and is_confirmed else None,
            first_run_id=self._run_id.iloc[begin],
            latest_run_id=self._run_id.iloc[end - 1],
            baseline_decided=int(past.decided[0]),
            baseline_failed=int(past.failed[0]),
        )

    def _past(self, day: int) -> DailyCounts:
        """The counts of the 28 days before a day."""
        stop = max(day - self._first_day, 0)
        days = slice(max(stop - BASELINE_DAYS, 0), stop)
        n, f = self._n[days], self._f[days]
        n, f = n[n > 0], f[n > 0]
        sums = (len(n), n.sum(), f.sum(), (n**2).sum(), (f**2 / n).sum())
        return DailyCounts(*(np.array([total], np.float64) for total in sums))

    def _forget(self, first: int, last: int) -> None:
        days = slice(first - self._first_day, last - self._first_day + 1)
        self._n[days] = self._f[days] = 0


def _alert_after(days: NDArray[np.int64], past: DailyCounts, limit: float) -> int | None:
    """After how many failures, which ended on `days`, the chance is at most exp(`limit`).

    If these are too few, further ones on the last day count too; None if that takes more than 10,000.
    """
    a, b = (float(parameter[0]) for parameter in beta_of(past.mean(), np.maximum(past.dispersion(), LEAST_DISPERSION)))
    _, begins, sizes = np.unique(days, return_index=True, return_counts=True)
    place = np.arange(len(days)) - np.repeat(begins, sizes)
    found = _first_below(place, 0.0, a, b, limit, already=0)
    if found is not None:
        return found
    so_far = float(_log_chances(place, a, b).sum())
    most = max(MOST_FAILURES - len(days), 0)
    for many in (min(100, most), most):  # a hundred are nearly always enough
        further = place[-1] + 1 + np.arange(many)
        if (found := _first_below(further, so_far, a, b, limit, already=len(days))) is not None:
            return found
    return None


def _first_below(
    place: NDArray[np.int64], so_far: float, a: float, b: float, limit: float, *, already: int
) -> int | None:
    is_below = so_far + np.cumsum(_log_chances(place, a, b)) <= limit
    is_below[: max(MIN_FAILURES - 1 - already, 0)] = False
    return already + int(is_below.argmax()) + 1 if is_below.any() else None


def _log_chances(place: NDArray[np.int64], a: float, b: float) -> NDArray[np.float64]:
    """Of each failure, given what the `place` failures before it on its day have told about the day's rate."""
    return np.log((a + place) / (a + b + place))


def _active_pipelines(decided: "pd.DataFrame") -> dict[int, int]:
    """For each day on which any run ended, how many pipelines had decided runs that ended on the 28 days before."""
    days_of = decided[["pipeline"]].assign(day=decided["ended_at"] // DAY_US).drop_duplicates()
    return {day: max(_pipelines_before(days_of, day), 1) for day in days_of["day"].unique().tolist()}


def _pipelines_before(days_of: "pd.DataFrame", day: int) -> int:
    is_before = (days_of["day"] < day) & (days_of["day"] >= day - BASELINE_DAYS)
    return int(days_of.loc[is_before, "pipeline"].nunique())
