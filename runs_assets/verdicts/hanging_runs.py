"""How long the successes of each pipeline take, and which runs are open for longer than anything seen of it.

A run is open for too long when it exceeds the longest success of 28 days, and what their median and 95 % quantile say
of the tail. It hangs as long as somebody may be waiting for it. Nobody waits for a run after which a newer one of its
pipeline has succeeded, nor for one that is abandoned: open for longer than its limit and a further day. Abandoned runs
are counted, and are no reason for anything. A pipeline is stuck when its runs start and do not end, or wait and do not
start: each single run may still be all right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, to_us
from runs_assets.statistics.beta_binomial import Numbers
from runs_assets.statistics.significance import mann_whitney_greater_p
from runs_assets.status import TERMINAL
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, Frame, Table, column, pipeline_schema
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

RECENT_DAYS = 7
MIN_SUCCESSES = 20
SLOWER_RATIO = 1.5
SIGNIFICANCE = 0.01

TAIL = 2.4
"""Of log-normal durations p95 is at p50 * exp(1.645 s), and 1 in 25,000 beyond p50 * (p95 / p50)^2.4 (3.95 s)."""
LEAST_LIMIT_SECONDS = 30 * 60.0
UNKNOWN_LIMIT_SECONDS = 24 * 3600.0
LIMIT_SUCCESSES = 10
"""With fewer successes nothing is known of the tail, and `UNKNOWN_LIMIT_SECONDS` is the limit."""

ABANDONED_AFTER_HOURS = 24.0
"""How long after its limit an open run is abandoned, hours: whoever waited has looked by the next working day."""
HOUR_SECONDS = 3600.0

STUCK_RUNS = 3
"""One or two runs that hang are single runs; the third in a row is the pipeline."""
LEAST_WAIT_US = 30 * 60 * SECOND_US
"""A queue of half an hour is nobody's trouble, microseconds."""

SCHEMA = pipeline_schema(
    column("run_id", pa.string(), "the run", nullable=False),
    column("status", pa.string(), "queued, running or paused; unknown for a word of no known meaning", nullable=False),
    column("open_since", TIMESTAMP, "when it started, or was created if it has not started, UTC", nullable=False),
    column("observed_at", TIMESTAMP, "when the API last showed it open, UTC", nullable=False),
    column("open_seconds", pa.float64(), "observed_at - open_since, seconds", nullable=False),
    column("limit_seconds", pa.float64(), "how long a run may be open before it hangs, seconds", nullable=False),
    column("p50_seconds", pa.float64(), "median duration of its pipeline's successes, seconds"),
    column("p95_seconds", pa.float64(), "95 % quantile of these durations, seconds"),
    column("longest_seconds", pa.float64(), "the longest of these durations, seconds"),
    column("successes", pa.int64(), "how many successes of the last 28 days that is based on", nullable=False),
)
HANGING_RUNS = Table(
    name="hanging_runs",
    description="Runs that have been open for longer than any success of their pipeline, and are still waited for.",
    schema=SCHEMA,
    version="3",
    preview=("run_id", "status", "open_since", "open_seconds", "limit_seconds"),
    preview_order=(("open_seconds", "descending"),),
)


@dataclass(frozen=True)
class SuccessDurations:
    """Of each pipeline, by its number, in seconds: NaN where nothing is known.

    `p50` and `p95` are quantiles over the `successes` that ended in the last 28 days (linear interpolation), `longest`
    is the longest. `recent` and `earlier` are the medians of the last 7 days and of the 28 days before those, `ratio`
    is recent / earlier where both have at least 20 successes; `is_slower` where it is at least 1.5 and a rank test
    agrees at 1 %.
    """

    p50: Numbers
    p95: Numbers
    longest: Numbers
    successes: NDArray[np.int64]
    recent: Numbers
    earlier: Numbers
    ratio: Numbers
    is_slower: NDArray[np.bool_]

    @property
    def limits(self) -> Numbers:
        """How long a run may be open, seconds: max(longest, p50 * (p95 / p50)^2.4), and at least 30 minutes.

        24 hours where fewer than 10 successes are known.
        """
        spread = np.divide(self.p95, self.p50, out=np.ones(len(self.p50)), where=self.p50 > 0)
        known = np.fmax(np.fmax(self.longest, self.p50 * spread**TAIL), LEAST_LIMIT_SECONDS)
        return np.where(self.successes >= LIMIT_SUCCESSES, known, UNKNOWN_LIMIT_SECONDS)


def success_durations(history: SourceHistory) -> SuccessDurations:
    """The durations of all pipelines of a source, as of `read_until`."""
    completed, earliest_us = history.completed, history.until_us - (RECENT_DAYS + BASELINE_DAYS) * DAY_US
    is_known = ~completed["failed"] & completed["duration_seconds"].notna() & (completed["ended_us"] > earliest_us)
    known = completed.loc[is_known, ["pipeline", "ended_us", "duration_seconds"]]
    age_us = history.until_us - known["ended_us"]
    count = len(history.pipelines)
    is_recent = age_us < RECENT_DAYS * DAY_US
    month, recent = known[age_us < BASELINE_DAYS * DAY_US], known[is_recent]
    earlier = known[~is_recent]
    medians = _quantiles(recent, 0.5, count), _quantiles(earlier, 0.5, count)
    are_enough = np.minimum(_sizes(recent, count), _sizes(earlier, count)) >= MIN_SUCCESSES
    ratio = np.divide(*medians, out=np.full(count, np.nan), where=are_enough & (medians[1] > 0))
    is_slower = _is_slower(ratio, recent, earlier)
    p50, p95, longest = (_quantiles(month, quantile, count) for quantile in (0.5, 0.95, 1.0))
    return SuccessDurations(p50, p95, longest, _sizes(month, count), *medians, ratio, is_slower)


def _quantiles(runs: Frame, quantile: float, count: int) -> Numbers:
    known = runs.groupby("pipeline")["duration_seconds"].quantile(quantile)
    return known.reindex(range(count)).to_numpy(np.float64)


def _sizes(runs: Frame, count: int) -> NDArray[np.int64]:
    return np.bincount(runs["pipeline"].to_numpy(), minlength=count)


def _is_slower(ratio: Numbers, recent: Frame, earlier: Frame) -> NDArray[np.bool_]:
    """Whether the recent durations of a pipeline are longer by the ratio and by the test."""
    is_slower = np.zeros(len(ratio), np.bool_)
    for number in np.flatnonzero(ratio >= SLOWER_RATIO):
        durations = (part.loc[part["pipeline"] == number, "duration_seconds"].to_numpy() for part in (recent, earlier))
        is_slower[number] = mann_whitney_greater_p(*durations) <= SIGNIFICANCE
    return is_slower


def open_too_long(
    history: SourceHistory, durations: SuccessDurations, abandoned_after_hours: float = ABANDONED_AFTER_HOURS
) -> Frame:
    """The open runs that exceed the limit of their pipeline (`SuccessDurations.limits`).

    With `open_since` (microseconds since the epoch), `open_seconds`, `limit_seconds`, and `is_abandoned`: open for more
    than some hours beyond the limit.
    """
    runs = history.open_runs
    since_us = runs["started_us"].where(runs["started_us"] >= 0, runs["created_us"])
    runs = runs.assign(
        open_since=since_us,
        open_seconds=(runs["observed_us"] - since_us) / SECOND_US,
        limit_seconds=durations.limits[runs["pipeline"].to_numpy()],
    )
    runs = runs[runs["open_seconds"] > runs["limit_seconds"]]
    abandoned_seconds = runs["limit_seconds"] + abandoned_after_hours * HOUR_SECONDS
    return runs.assign(is_abandoned=runs["open_seconds"] > abandoned_seconds)


def abandoned_runs(history: SourceHistory, too_long: Frame) -> list[int]:
    """How many runs of each pipeline, by its number, were created in the window and are abandoned."""
    runs = too_long[(too_long["created_us"] >= to_us(history.window.start)) & too_long["is_abandoned"]]
    counts: list[int] = _sizes(runs, len(history.pipelines)).tolist()
    return counts


def hanging_runs(history: SourceHistory, durations: SuccessDurations, too_long: Frame) -> pa.Table:
    """One row (schema `SCHEMA`) per hanging run created in the window, sorted by pipeline, then longest first.

    A run hangs when it is open for too long (`open_too_long`), no run created after it has succeeded, and it is not
    abandoned.
    """
    succeeded = history.completed.loc[~history.completed["failed"], ["pipeline", "created_us"]]
    newest = succeeded.groupby("pipeline")["created_us"].max().reindex(too_long["pipeline"], fill_value=-1).to_numpy()
    is_waited_for = (too_long["created_us"] >= newest) & ~too_long["is_abandoned"]
    runs = too_long[(too_long["created_us"] >= to_us(history.window.start)) & is_waited_for]
    runs = runs.sort_values(["pipeline", "open_seconds", "run_id"], ascending=[True, False, True])
    numbers = runs["pipeline"].to_numpy()
    about: list[Any] = [history.about(number) for number in numbers]
    found = runs.assign(
        observed_at=runs["observed_us"],
        p50_seconds=durations.p50[numbers],
        p95_seconds=durations.p95[numbers],
        longest_seconds=durations.longest[numbers],
        successes=durations.successes[numbers],
        **{field.name: [row[field.name] for row in about] for field in PIPELINE_COLUMNS},
    )
    return pa.Table.from_pandas(found[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def stuck_since(history: SourceHistory, too_long: Frame) -> dict[int, int]:
    """By the number of each stuck pipeline, since when: the creation of the first of the runs, microseconds.

    Stuck is a pipeline of which 3 or more open runs exceed its limit and none created after the first of them has ended
    (`not ending`); or of which 3 or more have waited for longer than any completed run of 28 days did, at least 30
    minutes, and none created after the first of them has started (`not starting`). The newest of them is at most 28
    days old. Nothing is known of waits of a source that does not say when 10 or more runs of the pipeline started.
    """
    month_us = history.until_us - BASELINE_DAYS * DAY_US
    ended = _newest(history, history.runs[history.runs["status"].isin(TERMINAL)])
    started = _newest(history, history.open_runs[history.open_runs["started_us"] >= 0])
    not_ending = _unbroken(too_long, ended, month_us)
    not_starting = _unbroken(_waiting(history, month_us), np.maximum(ended, started), month_us)
    found = not_ending | not_starting
    return found | {number: min(not_ending[number], found[number]) for number in not_ending}


def _newest(history: SourceHistory, runs: Frame) -> NDArray[np.int64]:
    """When the newest of the runs of each pipeline was created, by its number; -1 where there is none."""
    newest = np.full(len(history.pipelines), -1, np.int64)
    np.maximum.at(newest, runs["pipeline"].to_numpy(), runs["created_us"].to_numpy())
    return newest


def _unbroken(runs: Frame, broken_by: NDArray[np.int64], month_us: int) -> dict[int, int]:
    """When the first of the runs created after a pipeline's newest other one was created, where they are enough."""
    unbroken = runs[runs["created_us"] > broken_by[runs["pipeline"].to_numpy()]]
    created = unbroken.groupby("pipeline")["created_us"].agg(["size", "min", "max"])
    firsts = created.loc[(created["size"] >= STUCK_RUNS) & (created["max"] > month_us), "min"]
    return {int(number): int(first) for number, first in firsts.items()}


def _waiting(history: SourceHistory, month_us: int) -> Frame:
    """The runs that have not started and have waited for longer than usual."""
    completed = history.completed[history.completed["duration_seconds"].notna()]
    completed = completed[completed["ended_us"] > month_us]
    took_us = (completed["duration_seconds"] * SECOND_US).round().astype("int64")
    waits = (completed["ended_us"] - took_us - completed["created_us"]).groupby(completed["pipeline"])
    longest = waits.max()[waits.size() >= LIMIT_SUCCESSES].clip(lower=LEAST_WAIT_US)
    runs = history.open_runs[history.open_runs["started_us"] < 0]
    usual = longest.reindex(runs["pipeline"]).to_numpy()
    return runs[(runs["observed_us"] - runs["created_us"]).to_numpy() > usual]
