"""What the failures of a pipeline have in common: one site, workspace or version that fails, or a new reason.

Three spans that end when the source was last read are judged. A value of a dimension (such as site 1030) is compared
with all other runs of its pipeline in the same span, so a bad day of the pipeline is no concentration; and with its own
past, so what always failed is none either. Of a reason only failures are compared, those of the span with those before:
it is news if it becomes usual, even if no more runs fail than ever. A run whose value or reason is not known is of no
value; failures of outages that are over have no part in reasons.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, HOUR_US, from_us
from runs_assets.reasons.reason import NOT_KNOWN, Reason
from runs_assets.statistics.significance import benjamini_hochberg, fisher_greater_p
from runs_assets.tables import TIMESTAMP, Frame, Table, column, pipeline_schema
from runs_assets.verdicts.daily_counts import NO_END, in_past_outages
from runs_assets.verdicts.outages import FailureStreak
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory

REASON = "reason"
DIMENSIONS = {"site": "site_id", "workspace": "workspace_id", "version": "pipeline_version"}
"""Of runs, and the columns that have them."""
SPANS_HOURS = (24, 72, 168)
PAST_US = BASELINE_DAYS * DAY_US
FALSE_DISCOVERIES = 0.001
"""Stricter than for spans that are worse: of each pipeline many values are tested at every look."""
LEAST_FAILURES, LEAST_FAILURES_OF_A_REASON = 4, 3
LEAST_RISE_PERCENT = 30
"""How many points more of a value's runs fail than of the others, and than of its own before."""
LEAST_PAST_RUNS = 5
"""Of a value that has completed fewer in the 28 days before, nothing is usual."""
MOST_USUAL_PERCENT, LEAST_SHARE_PERCENT = 20, 80
"""Of the failures before that have a new reason, and of those in the span."""
COUNTS = ("decided", "failed", "other_decided", "other_failed", "past_decided", "past_failed")

SCHEMA = pipeline_schema(
    column("dimension", pa.string(), f"what they have in common: {', '.join((*DIMENSIONS, REASON))}", nullable=False),
    column("value", pa.string(), "the site, workspace, version or reason", nullable=False),
    column(
        "since", TIMESTAMP, "end of the first failure since its last success or another reason, UTC", nullable=False
    ),
    column("span_hours", pa.int64(), "the shortest span up to now in which it holds", nullable=False),
    column("decided", pa.int64(), "completed runs of the value in the span; of a reason, failures", nullable=False),
    column("failed", pa.int64(), "how many of them failed, or have the reason", nullable=False),
    column(
        "other_decided", pa.int64(), "other runs in the span; of a reason, failures of 28 days before", nullable=False
    ),
    column("other_failed", pa.int64(), "how many of them failed, or have the reason", nullable=False),
    column("past_rate", pa.float64(), "the same share of the value in the 28 days before; null for 0/0"),
    column("p_value", pa.float64(), "Fisher's exact test, one-sided", nullable=False),
    column("q_value", pa.float64(), "p_value, adjusted for all tests of the source", nullable=False),
    column("latest_failed_run_id", pa.string(), "the last of these failures", nullable=False),
)
FAILURE_CONCENTRATIONS = Table(
    name="failure_concentrations",
    description="What the failures of a pipeline have in common now: one site, workspace or version, or a new reason.",
    schema=SCHEMA,
    version="2",
    preview=("dimension", "value", "since", "span_hours", "decided", "failed", "other_decided", "other_failed"),
)


ReasonsOf = Callable[[pa.Table], Sequence[Reason]]
"""The reasons of failed runs (`SourceHistory.failed_runs`), in their order."""


def failure_concentrations(history: SourceHistory, streaks: Sequence[FailureStreak], reasons_of: ReasonsOf) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source's pipelines: one for each value that holds, sorted by pipeline and value.

    Tested are values that could be found by their numbers of runs, whatever failed: at least four completed runs in the
    span beside others, and four failures of the pipeline (of reasons: three failures with a known one, and some
    before). A value is found if its failures are more than chance explains (at most 0.1 % false discoveries among all
    tests of the source), the last run of it failed, and its rate is 30 points above that of the others and its own; a
    reason if it is that of the last failure, of at least 80 % in the span, and of at most 20 % before.
    """
    runs = _runs_of_failing(history)
    failures = failures_with_reasons(history, runs, streaks, reasons_of)
    tests = [*_tests_of_values(runs, history.until_us), *_tests_of_reasons(failures, history.until_us)]
    found = sorted(_found(tests), key=lambda test: (test["pipeline"], test["dimension"], test["value"]))
    return pa.Table.from_pylist([_row(history, test, runs, failures) for test in found], schema=SCHEMA)


def failures_with_reasons(
    history: SourceHistory, runs: Frame, streaks: Iterable[FailureStreak], reasons_of: ReasonsOf
) -> Frame:
    """The failed ones of some completed `runs` with their `reason`; without those of outages that are over."""
    failed = runs[runs["failed"]]
    reasons = reasons_of(history.failed_runs(failed["place"].to_numpy()))
    known = failed.assign(reason=np.array([reason.reason for reason in reasons], object))
    return known[~in_past_outages(known, streaks) & (known["reason"] != NOT_KNOWN.reason)]


def _runs_of_failing(history: SourceHistory) -> Frame:
    """The completed runs of the longest span and its past, of pipelines with enough failures to be tested."""
    completed, longest_us = history.completed, max(SPANS_HOURS) * HOUR_US
    ended_us = completed["ended_us"]
    is_recent = (ended_us > history.until_us - longest_us) & completed["failed"]
    failures = np.bincount(completed.loc[is_recent, "pipeline"], minlength=len(history.pipelines))
    chosen = np.flatnonzero(failures >= LEAST_FAILURES_OF_A_REASON)
    return completed[(ended_us > history.until_us - longest_us - PAST_US) & completed["pipeline"].isin(chosen)]


def _tests_of_values(runs: Frame, until_us: int) -> Iterator[Frame]:
    for dimension, name in DIMENSIONS.items():
        named = runs.loc[runs[name].notna(), ["pipeline", name, "ended_us", "failed"]]
        if len(named):
            groups = named.groupby(["pipeline", name], observed=True)
            values = groups["failed"].last().rename("last_failed").reset_index().rename(columns={name: "value"})
            values = values.astype({"value": object})
            numbers = groups.ngroup().to_numpy().astype(np.int64)
            for hours in SPANS_HOURS:
                tests = _tests_of_span(values, numbers, named, runs, until_us - hours * HOUR_US)
                yield tests.assign(dimension=dimension, span_hours=hours)


def _tests_of_span(values: Frame, numbers: NDArray[Any], named: Frame, runs: Frame, start_us: int) -> Frame:
    """The `values` that are tested in the span from `start_us` on; `numbers` has that of each of the `named` runs."""
    now = _counts(numbers, named, start_us, NO_END, len(values))
    past = _counts(numbers, named, start_us - PAST_US, start_us, len(values))
    pipelines = runs["pipeline"].to_numpy()
    of_all = _counts(pipelines, runs, start_us, NO_END, int(pipelines.max()) + 1)[:, values["pipeline"].to_numpy()]
    is_tested = (now[0] >= LEAST_FAILURES) & (of_all[0] > now[0]) & (of_all[1] >= LEAST_FAILURES)
    now, others, past = (counts[:, is_tested] for counts in (now, of_all - now, past))
    found = values[is_tested]
    is_news = _has_risen(now, past) | (past[0] < LEAST_PAST_RUNS)
    goes_on = found["last_failed"].to_numpy(np.bool_) & (now[1] >= LEAST_FAILURES)
    counts = dict(zip(COUNTS, (*now, *others, *past), strict=True))
    clear: Frame = found.assign(**counts, is_clear=_has_risen(now, others) & is_news & goes_on)
    return clear


def _counts(numbers: NDArray[np.int64], runs: Frame, start_us: int, end_us: int, count: int) -> NDArray[np.int64]:
    """Of the runs that ended in (start, end], by their number: the completed ones, and the failed."""
    ended_us = runs["ended_us"].to_numpy()
    inside = (ended_us > start_us) & (ended_us <= end_us)
    failed = inside & runs["failed"].to_numpy()
    return np.stack([np.bincount(numbers[chosen], minlength=count) for chosen in (inside, failed)])


def _has_risen(now: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.bool_]:
    """In whole numbers, since 0.5 - 0.2 is below 0.3; the past of runs that there were none of has not risen."""
    (decided, failed), (other_decided, other_failed) = now, before
    rise = failed * other_decided - other_failed * decided
    return np.asarray(100 * rise >= LEAST_RISE_PERCENT * decided * other_decided, np.bool_)


def _tests_of_reasons(failures: Frame, until_us: int) -> Iterator[Frame]:
    groups = failures.groupby(["pipeline", "reason"])
    values = groups.size().reset_index()[["pipeline", "reason"]].rename(columns={"reason": "value"})
    numbers = groups.ngroup().to_numpy().astype(np.int64)
    is_newest = ~failures["pipeline"].duplicated(keep="last").to_numpy()
    is_last = np.isin(np.arange(len(values)), numbers[is_newest])
    for hours in SPANS_HOURS:
        start_us = until_us - hours * HOUR_US
        times = ((start_us, NO_END), (start_us - PAST_US, start_us))
        counts = [_counts(numbers, failures, *time, len(values))[0] for time in times]
        yield _tests_of_reasons_in(values.assign(is_last=is_last), *counts).assign(dimension=REASON, span_hours=hours)


def _tests_of_reasons_in(values: Frame, failed: NDArray[np.int64], other_failed: NDArray[np.int64]) -> Frame:
    """The `values` that are tested in a span, by how many failures have each of them in it, and before."""
    pipelines = values["pipeline"].to_numpy()
    decided, other_decided = (np.bincount(pipelines, counts)[pipelines] for counts in (failed, other_failed))
    is_enough = np.minimum(decided, failed + other_failed) >= LEAST_FAILURES_OF_A_REASON
    is_tested = (failed > 0) & is_enough & (other_decided > 0)
    is_usual = 100 * other_failed > MOST_USUAL_PERCENT * other_decided
    is_main = (100 * failed >= LEAST_SHARE_PERCENT * decided) & (failed >= LEAST_FAILURES_OF_A_REASON)
    is_clear = ~is_usual & is_main & values["is_last"].to_numpy()
    columns = (decided, failed, other_decided, other_failed, other_decided, other_failed)
    counts = {name: column[is_tested] for name, column in zip(COUNTS, columns, strict=True)}
    tested: Frame = values[is_tested].assign(**counts, is_clear=is_clear[is_tested])
    return tested


def _found(tests: Sequence[Frame]) -> list[dict[str, Any]]:
    """Of the tests that hold, the one in the shortest span for each value of a pipeline."""
    import pandas as pd  # noqa: PLC0415  (every Dagster process would wait for it)

    table = pd.concat([test for test in tests if len(test)] or tests[:1], ignore_index=True)
    if table.empty:
        return []
    table = table.astype(dict.fromkeys(COUNTS, np.int64))
    counts = (table[name].to_numpy() for name in ("failed", "decided", "other_failed", "other_decided"))
    table["p_value"] = fisher_greater_p(*counts)
    table["q_value"] = benjamini_hochberg(table["p_value"])
    holds = table["is_clear"].astype(bool) & (table["q_value"] <= FALSE_DISCOVERIES)
    shortest = table[holds].sort_values("span_hours").drop_duplicates(["pipeline", "dimension", "value"])
    return [{str(name): value for name, value in row.items()} for row in shortest.to_dict("records")]


def _row(history: SourceHistory, test: Mapping[str, Any], runs: Frame, failures: Frame) -> dict[str, Any]:
    """Since the first of the last failures of the value among its runs, or of the reason among the failures."""
    if test["dimension"] == REASON:
        those = failures[failures["pipeline"] == test["pipeline"]]
        is_it = (those["reason"] == test["value"]).to_numpy()
    else:
        name = DIMENSIONS[test["dimension"]]
        those = runs[(runs["pipeline"] == test["pipeline"]) & (runs[name] == test["value"])]
        is_it = those["failed"].to_numpy()
    others = np.flatnonzero(~is_it)
    first = int(others[-1]) + 1 if len(others) else 0
    return {
        **history.about(test["pipeline"]),
        **test,
        "since": from_us(int(those["ended_us"].iloc[first])),
        "past_rate": test["past_failed"] / test["past_decided"] if test["past_decided"] else None,
        "latest_failed_run_id": history.runs["run_id"].iloc[those["place"].iloc[-1]],
    }
