"""Whether a source as a whole is in trouble: many of its pipelines fail, or do not run, at once.

Pipelines count, not runs, or one busy pipeline would speak for a platform. Three spans that end when the source was
last read are judged, 30 minutes, 2 hours and 12 hours: a short one shows a total failure soon, a long one a partial
one.

A pipeline is *failing* in a span if at least half of its runs that ended there failed, the last one among them. How
many do so by chance follows from their own usual rates; the source is failing if many more do, or if many more than by
chance have a failure at all, which shows soon that a part of all runs fails. A pipeline is *missing* if it ran at the
same hours in each of the four weeks before and now has not. The source is silent if most of those expected are missing,
or if no run at all was created for much longer than ever before.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US, from_us
from runs_assets.statistics.beta_binomial import beta_of, upper_tail
from runs_assets.statistics.significance import binomial_tail
from runs_assets.tables import TIMESTAMP, Table, column
from runs_assets.verdicts.columns import split_by_pipeline
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

OK, FAILING, SILENT = "ok", "failing", "silent"
SPANS_MINUTES = (30, 120, 720)
MINUTE_US = 60 * SECOND_US
WEEK_US, WEEKS = 7 * DAY_US, 4
GRACE_US = 60 * MINUTE_US
"""How late a run may be before its pipeline is missing: more than the clocks change by."""
LEAST_PIPELINES, MANY_PIPELINES, LEAST_SHARE, MISSING_SHARE = 5, 8, 0.15, 0.6
MOST_USUAL_RATE = 0.2
"""Of the pipelines whose failures count: one that often fails anyway says little of a platform."""
CHANCE = 1e-5
"""About 2,000 looks of three spans a month then find 0.06 failing sources by chance."""
CHANCE_OF_ANY = 5e-5
"""The same of pipelines with any failure: an upper bound, to which no look at two healthy months came close."""
LEAST_SILENCE_US, LONGER = 15 * MINUTE_US, 1.5
MOST_GAPS = 100
DISPERSION = 0.1

SCHEMA = pa.schema(
    [
        column("source", pa.string(), "the source", nullable=False),
        column("state", pa.string(), "failing, silent or ok", nullable=False),
        column("since", TIMESTAMP, "when the first of the failures ended, or the last run was created, UTC"),
        column("span_minutes", pa.int64(), "how far back failing or missing pipelines were counted; null if ok"),
        column("active", pa.int64(), "pipelines with completed runs, or expected ones if it is silent", nullable=False),
        column("affected", pa.int64(), "how many of them are failing, or missing", nullable=False),
        column("usual", pa.float64(), "how many would be failing by chance; null if it is silent"),
        column("pipeline_ids", pa.list_(pa.string()), "the affected pipelines, sorted; null stands for no pipeline"),
        column("common_dimension", pa.string(), "workspace or site, if they have one in common and others are well"),
        column("common_value", pa.string(), "which workspace or site; active pipelines are then those that ran for it"),
        column("source_read_until", TIMESTAMP, "up to when the source was read, UTC", nullable=False),
    ]
)
SOURCE_HEALTH = Table(
    name="source_health",
    description="One row per source: whether many of its pipelines fail, or do not run, at once.",
    schema=SCHEMA,
    version="3",
    preview=("state", "since", "affected", "active", "usual", "span_minutes", "source_read_until"),
)


class Ended(NamedTuple):
    """The runs that ended in a span; of each of their `pipelines` how many, how many failed, if the last one did."""

    span_minutes: int
    start_us: int
    runs: pa.Table
    pipelines: NDArray[np.int64]
    counts: NDArray[np.float64]
    failures: NDArray[np.float64]
    last_failed: NDArray[np.bool_]


class Affected(NamedTuple):
    """The pipelines, by number, that are failing or missing at the end of a span."""

    state: str
    since_us: int
    span_minutes: int | None
    active: int
    pipelines: list[int]
    usual: float | None = None

    @property
    def chance(self) -> float:
        """At most the probability that as many fail by chance.

        The number of independent events with different probabilities exceeds its mean less often than a binomial one
        with their average: W. Hoeffding, Annals of Mathematical Statistics 27 (1956), 713-721.
        """
        return binomial_tail(len(self.pipelines), self.active, (self.usual or 0.0) / self.active)

    def is_over_by(self, shorter: "Affected") -> bool:
        """Whether far fewer are failing in a shorter span than there would be if all this went on."""
        goes_on = len(self.pipelines) / self.active * shorter.active
        return goes_on >= LEAST_PIPELINES and len(shorter.pipelines) <= goes_on / 4

    @property
    def are_many(self) -> bool:
        """Whether there are enough of them for a matter of the source."""
        count = len(self.pipelines)
        share = LEAST_SHARE if self.state == FAILING else MISSING_SHARE
        enough = count >= share * self.active or (self.state == FAILING and count >= MANY_PIPELINES)
        return count >= LEAST_PIPELINES and enough


def source_health(history: SourceHistory) -> pa.Table:
    """The one row (schema `SCHEMA`) of a source."""
    found = _all_silent(history) or _failing(history) or _missing(history)
    row: dict[str, Any] = {"source": history.source, "state": OK, "active": 0, "affected": 0}
    if found:
        row |= columns_of(found, history)
    return pa.Table.from_pylist([row | {"source_read_until": history.read_until}], schema=SCHEMA)


def columns_of(found: Affected, history: SourceHistory) -> dict[str, Any]:
    """Of a source, or of a value that its pipelines have in common."""
    columns = {name: getattr(found, name) for name in ("state", "span_minutes", "active", "usual")}
    ids = sorted((history.pipelines[number] for number in found.pipelines), key=lambda one: (one is None, one))
    return columns | {"since": from_us(found.since_us), "affected": len(found.pipelines), "pipeline_ids": ids}


def _all_silent(history: SourceHistory) -> Affected | None:
    """No run of any pipeline for 1.5 times the longest usual time without one, and 15 minutes."""
    created_us, numbers = (history.runs[name].to_numpy() for name in ("created_us", "pipeline"))
    created = np.sort(created_us)
    if not len(created) or not history.was_read(history.until_us - BASELINE_DAYS * DAY_US, history.until_us):
        return None
    last_us, longest = int(created[-1]), _longest_usual_gap(created)
    if longest is None or history.until_us - last_us <= max(LONGER * longest, LEAST_SILENCE_US):
        return None
    lately = np.unique(numbers[created_us > last_us - DAY_US])
    return Affected(SILENT, last_us, None, len(lately), lately.tolist())


def _longest_usual_gap(created: NDArray[np.int64]) -> int | None:
    """The longest usual time between two runs in the 28 days before the last one, microseconds; None if unknown.

    A time is unusual if it is longer than 1.5 times the longest usual one of the 28 days before it, once these are
    known. Only the 100 longest are looked at: no other can matter.
    """
    gaps = np.diff(created)
    usual: list[tuple[int, int]] = []
    for place in np.sort(np.argsort(gaps, kind="stable")[-MOST_GAPS:]).tolist():
        begins, gap = int(created[place]), int(gaps[place])
        before = [other for ended, other in usual if ended > begins - BASELINE_DAYS * DAY_US]
        is_learnt = begins - int(created[0]) >= BASELINE_DAYS * DAY_US
        if not (is_learnt and before and gap > LONGER * max(before)):
            usual.append((begins + gap, gap))
    return max((gap for ended, gap in usual if ended > int(created[-1]) - BASELINE_DAYS * DAY_US), default=None)


def _failing(history: SourceHistory) -> Affected | None:
    """In the shortest span in which more pipelines fail than by chance, if they still do."""
    recent, rates = runs_that_count(history)
    shorter: list[tuple[Affected, Affected]] = []
    for span in SPANS_MINUTES:
        ended = ended_in(span, recent, history.until_us)
        kinds = (failing(ended, rates), _failed(ended, rates))
        for place, (found, chance) in enumerate(zip(kinds, (CHANCE, CHANCE_OF_ANY), strict=True)):
            if found.are_many and found.chance <= chance and not any(found.is_over_by(one[place]) for one in shorter):
                return found
        shorter.append(kinds)
    return None


def runs_that_count(history: SourceHistory) -> tuple[pa.Table, NDArray[np.float64]]:
    """The completed runs of the longest span, of pipelines that seldom fail; and the usual rates of all pipelines."""
    completed, longest_us = history.completed, history.until_us - SPANS_MINUTES[-1] * MINUTE_US
    ended_us, numbers, failed = (completed[name].to_numpy() for name in ("ended_us", "pipeline", "failed"))
    is_past = (ended_us <= longest_us) & (ended_us > longest_us - BASELINE_DAYS * DAY_US)
    rates = _usual_rates(numbers[is_past], failed[is_past], len(history.pipelines))
    return completed.filter((ended_us > longest_us) & (rates[numbers] < MOST_USUAL_RATE)), rates


def _usual_rates(numbers: NDArray[np.int64], failed: NDArray[np.bool_], pipelines: int) -> NDArray[np.float64]:
    """The failure rate of each pipeline, drawn a little towards one half: (failed + 0.5) / (completed + 1)."""
    completed = np.bincount(numbers, minlength=pipelines)
    return (np.bincount(numbers, failed, pipelines) + 0.5) / (completed + 1)


def ended_in(span: int, recent: pa.Table, until_us: int) -> Ended:
    """Those of the runs that ended in the minutes before `until_us`, microseconds since the epoch."""
    start_us = until_us - span * MINUTE_US
    runs = recent.filter(recent["ended_us"].to_numpy() > start_us)
    parts = [*split_by_pipeline(runs["pipeline"].to_numpy(), runs["failed"].to_numpy())]
    pipelines = np.array([numbers[0] for numbers, _ in parts], np.int64)
    counts = np.array([len(failed) for _, failed in parts], np.float64)
    failures = np.array([failed.sum() for _, failed in parts], np.float64)
    last_failed = np.array([failed[-1] for _, failed in parts], np.bool_)
    return Ended(span, start_us, runs, pipelines, counts, failures, last_failed)


def failing(ended: Ended, rates: NDArray[np.float64]) -> Affected:
    """The pipelines of which at least half of the runs failed, the last one among them."""
    return _affected(ended, rates, np.ceil(ended.counts / 2), ended.last_failed)


def _failed(ended: Ended, rates: NDArray[np.float64]) -> Affected:
    """The pipelines with any failure, whichever run was the last."""
    return _affected(ended, rates, np.ones(len(ended.counts)), np.ones(len(ended.counts), np.bool_))


def _affected(
    ended: Ended, rates: NDArray[np.float64], least: NDArray[np.float64], may_count: NDArray[np.bool_]
) -> Affected:
    """Of the pipelines that may count, those with at least so many failures; and how many there would be by chance."""
    numbers = ended.pipelines
    a, b = beta_of(rates[numbers], np.full(len(numbers), DISPERSION))
    usual = float(upper_tail(least, ended.counts, a, b).sum())
    members = numbers[(ended.failures >= least) & may_count]
    pipelines, failed, ended_us = (ended.runs[name].to_numpy() for name in ("pipeline", "failed", "ended_us"))
    failures_us = ended_us[failed & np.isin(pipelines, members)]
    since_us = int(failures_us.min()) if len(members) else ended.start_us
    return Affected(FAILING, since_us, ended.span_minutes, len(numbers), members.tolist(), usual)


def _missing(history: SourceHistory) -> Affected | None:
    """In the shortest span in which most of the expected pipelines are missing."""
    runs, until_us, count = history.runs, history.until_us, len(history.pipelines)
    if not history.was_read(until_us - (WEEKS + 1) * WEEK_US, until_us):
        return None
    created_us, numbers = runs["created_us"].to_numpy(), runs["pipeline"].to_numpy()
    for span in SPANS_MINUTES:
        start_us, end_us = until_us - GRACE_US - span * MINUTE_US, until_us - GRACE_US
        weeks = [
            np.bincount(numbers[(created_us > start_us - back) & (created_us <= end_us - back)], minlength=count) > 0
            for back in range(WEEK_US, (WEEKS + 1) * WEEK_US, WEEK_US)
        ]
        has_run = np.bincount(numbers[created_us > start_us - GRACE_US], minlength=count) > 0
        is_expected = np.logical_and.reduce(weeks)
        members = np.flatnonzero(is_expected & ~has_run).tolist()
        found = Affected(SILENT, start_us, span, int(is_expected.sum()), members)
        if found.are_many:
            return found
    return None
