"""How long the successes of each pipeline take, and which runs are open for longer than anything seen of it.

A run is open for too long when it exceeds the longest success of 28 days, and what their median and 95 % quantile say
of the tail. It hangs as long as somebody may be waiting for it. Nobody waits for a run after which a newer one of its
pipeline has succeeded, nor for one that is abandoned: open for longer than its limit and a further day. Abandoned runs
are counted, and are no reason for anything. A pipeline is stuck when its runs start and do not end, or wait and do not
start: each single run may still be all right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.days import DAY_US, SECOND_US, to_us
from runs_assets.statistics.beta_binomial import Numbers
from runs_assets.statistics.quantiles import quantile
from runs_assets.statistics.significance import mann_whitney_greater_p
from runs_assets.status import TERMINAL, RunStatus
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, Table, column, pipeline_schema, with_columns
from runs_assets.verdicts.columns import by_pipeline, have_status, newest
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
    ended_us, failed, seconds = (completed[name].to_numpy() for name in ("ended_us", "failed", "duration_seconds"))
    is_known = ~failed & ~np.isnan(seconds) & (ended_us > earliest_us)
    age_us, count = history.until_us - ended_us, len(history.pipelines)
    is_recent = age_us < RECENT_DAYS * DAY_US
    spans = (is_recent, ~is_recent, age_us < BASELINE_DAYS * DAY_US)
    recent, earlier, month = (by_pipeline(completed, "duration_seconds", count, is_known & span) for span in spans)
    medians = _quantiles(recent, 0.5), _quantiles(earlier, 0.5)
    are_enough = np.minimum(_sizes(recent), _sizes(earlier)) >= MIN_SUCCESSES
    ratio = np.divide(*medians, out=np.full(count, np.nan), where=are_enough & (medians[1] > 0))
    is_slower = np.zeros(count, np.bool_)
    for number in np.flatnonzero(ratio >= SLOWER_RATIO):
        is_slower[number] = mann_whitney_greater_p(recent[number], earlier[number]) <= SIGNIFICANCE
    p50, p95, longest = (_quantiles(month, share) for share in (0.5, 0.95, 1.0))
    return SuccessDurations(p50, p95, longest, _sizes(month), *medians, ratio, is_slower)


def _quantiles(parts: Sequence[Numbers], share: float) -> Numbers:
    return np.array([quantile(part, share) for part in parts], np.float64)


def _sizes(parts: Sequence[Numbers]) -> NDArray[np.int64]:
    return np.array([len(part) for part in parts], np.int64)


def open_too_long(
    history: SourceHistory, durations: SuccessDurations, abandoned_after_hours: float = ABANDONED_AFTER_HOURS
) -> pa.Table:
    """The open runs that exceed the limit of their pipeline (`SuccessDurations.limits`).

    With `open_since` (microseconds since the epoch), `open_seconds`, `limit_seconds`, and `is_abandoned`: open for more
    than some hours beyond the limit.
    """
    runs = history.open_runs
    created_us, started_us, observed_us = (
        runs[name].to_numpy() for name in ("created_us", "started_us", "observed_us")
    )
    since_us = np.where(started_us >= 0, started_us, created_us)
    seconds, limits = (observed_us - since_us) / SECOND_US, durations.limits[runs["pipeline"].to_numpy()]
    is_abandoned = seconds > limits + abandoned_after_hours * HOUR_SECONDS
    measured = {"open_since": since_us, "open_seconds": seconds, "limit_seconds": limits, "is_abandoned": is_abandoned}
    return with_columns(runs, **measured).filter(seconds > limits)


def abandoned_runs(history: SourceHistory, too_long: pa.Table) -> list[int]:
    """How many runs of each pipeline, by its number, were created in the window and are abandoned."""
    numbers, created_us = too_long["pipeline"].to_numpy(), too_long["created_us"].to_numpy()
    counted = (created_us >= to_us(history.window.start)) & too_long["is_abandoned"].to_numpy()
    counts: list[int] = np.bincount(numbers[counted], minlength=len(history.pipelines)).tolist()
    return counts


def hanging_runs(history: SourceHistory, durations: SuccessDurations, too_long: pa.Table) -> pa.Table:
    """One row (schema `SCHEMA`) per hanging run created in the window, sorted by pipeline, then longest first.

    A run hangs when it is open for too long (`open_too_long`), no run created after it has succeeded, and it is not
    abandoned.
    """
    succeeded = _newest(history, history.runs, have_status(history.runs, RunStatus.SUCCEEDED))
    numbers, created_us = too_long["pipeline"].to_numpy(), too_long["created_us"].to_numpy()
    is_waited_for = (created_us >= succeeded[numbers]) & ~too_long["is_abandoned"].to_numpy()
    runs = too_long.filter((created_us >= to_us(history.window.start)) & is_waited_for)
    runs = runs.sort_by([("pipeline", "ascending"), ("open_seconds", "descending"), ("run_id", "ascending")])
    numbers = runs["pipeline"].to_numpy()
    about = [history.about(number) for number in numbers]
    found = with_columns(
        runs,
        open_since=runs["open_since"].cast(TIMESTAMP),
        observed_at=runs["observed_us"].cast(TIMESTAMP),
        p50_seconds=durations.p50[numbers],
        p95_seconds=durations.p95[numbers],
        longest_seconds=durations.longest[numbers],
        successes=durations.successes[numbers],
        **{field.name: pa.array([row[field.name] for row in about], field.type) for field in PIPELINE_COLUMNS},
    )
    return found.select(SCHEMA.names).cast(SCHEMA)


def stuck_since(history: SourceHistory, too_long: pa.Table) -> dict[int, int]:
    """By the number of each stuck pipeline, since when: the creation of the first of the runs, microseconds.

    Stuck is a pipeline of which 3 or more open runs exceed its limit and none created after the first of them has ended
    (`not ending`); or of which 3 or more have waited for longer than any completed run of 28 days did, at least 30
    minutes, and none created after the first of them has started (`not starting`). The newest of them is at most 28
    days old. Nothing is known of waits of a source that does not say when 10 or more runs of the pipeline started.
    """
    month_us = history.until_us - BASELINE_DAYS * DAY_US
    ended = _newest(history, history.runs, have_status(history.runs, *TERMINAL))
    started = _newest(history, history.open_runs, history.open_runs["started_us"].to_numpy() >= 0)
    not_ending = _unbroken(too_long, ended, month_us)
    not_starting = _unbroken(_waiting(history, month_us), np.maximum(ended, started), month_us)
    found = not_ending | not_starting
    return found | {number: min(not_ending[number], found[number]) for number in not_ending}


def _newest(history: SourceHistory, runs: pa.Table, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """When the newest of the chosen runs of each pipeline was created, by its number; -1 where there is none."""
    numbers, created_us = (runs[name].to_numpy()[chosen] for name in ("pipeline", "created_us"))
    return newest(numbers, created_us, len(history.pipelines))


def _unbroken(runs: pa.Table, broken_by: NDArray[np.int64], month_us: int) -> dict[int, int]:
    """When the first of the runs created after a pipeline's newest other one was created, where they are enough."""
    unbroken = by_pipeline(
        runs, "created_us", len(broken_by), runs["created_us"].to_numpy() > broken_by[runs["pipeline"].to_numpy()]
    )
    are_stuck = (len(created) >= STUCK_RUNS and created[-1] > month_us for created in unbroken)
    return {number: int(unbroken[number][0]) for number, is_stuck in enumerate(are_stuck) if is_stuck}


def _waiting(history: SourceHistory, month_us: int) -> pa.Table:
    """The runs that have not started and have waited for longer than usual."""
    names = ("pipeline", "created_us", "ended_us", "duration_seconds")
    numbers, created_us, ended_us, seconds = (history.completed[name].to_numpy() for name in names)
    is_known = ~np.isnan(seconds) & (ended_us > month_us)
    numbers, took_us = numbers[is_known], np.round(seconds[is_known] * SECOND_US).astype(np.int64)
    longest = newest(numbers, ended_us[is_known] - took_us - created_us[is_known], len(history.pipelines))
    are_enough = np.bincount(numbers, minlength=len(longest)) >= LIMIT_SUCCESSES
    usual = np.where(are_enough, np.maximum(longest, LEAST_WAIT_US), np.inf)
    runs = history.open_runs.filter(pc.less(history.open_runs["started_us"], 0))
    waits_us = runs["observed_us"].to_numpy() - runs["created_us"].to_numpy()
    return runs.filter(waits_us > usual[runs["pipeline"].to_numpy()])
