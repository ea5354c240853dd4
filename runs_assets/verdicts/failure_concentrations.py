"""What the failures of a pipeline have in common: one site, workspace or version that fails, or a new reason.

Three spans that end when the source was last read are judged. A value of a dimension (such as site 1030) is compared
with all other runs of its pipeline in the same span, so a bad day of the pipeline is no concentration; and with its own
past, so what always failed is none either. Of a reason only failures are compared, those of the span with those before:
it is news if it becomes usual, even if no more runs fail than ever. A run whose value or reason is not known is of no
value; failures of outages that are over have no part in reasons.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets import arrow_functions as pc
from runs_assets.days import DAY_US, HOUR_US, from_us
from runs_assets.reasons.reason import NOT_KNOWN, Reason
from runs_assets.statistics.significance import benjamini_hochberg, fisher_greater_p
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema, with_columns
from runs_assets.verdicts.columns import numbered
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


Row = dict[str, Any]
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
    found = sorted(_found(tests), key=lambda row: (row["pipeline"], row["dimension"], row["value"]))
    rows = ({**row, **_ends(history, row, runs, failures)} for row in found)
    return pa.Table.from_pylist([{**history.about(row["pipeline"]), **row} for row in rows], schema=SCHEMA)


def failures_with_reasons(
    history: SourceHistory, runs: pa.Table, streaks: Iterable[FailureStreak], reasons_of: ReasonsOf
) -> pa.Table:
    """The failed ones of some completed `runs` with their `reason`; without those of outages that are over."""
    failed = runs.filter(runs["failed"])
    reasons = [reason.reason for reason in reasons_of(history.failed_runs(failed["place"].to_numpy()))]
    is_known = np.array([reason != NOT_KNOWN.reason for reason in reasons], np.bool_)
    known = with_columns(failed, reason=pa.array(reasons, pa.string()))
    return known.filter(~in_past_outages(known, streaks) & is_known)


def _runs_of_failing(history: SourceHistory) -> pa.Table:
    """The completed runs of the longest span and its past, of pipelines with enough failures to be tested."""
    completed, longest_us = history.completed, max(SPANS_HOURS) * HOUR_US
    numbers, ended_us, failed = (completed[name].to_numpy() for name in ("pipeline", "ended_us", "failed"))
    is_recent = (ended_us > history.until_us - longest_us) & failed
    failures = np.bincount(numbers[is_recent], minlength=len(history.pipelines))
    is_failing = failures >= LEAST_FAILURES_OF_A_REASON
    return completed.filter((ended_us > history.until_us - longest_us - PAST_US) & is_failing[numbers])


class _Values(NamedTuple):
    """What runs of pipelines have: a value for each of its runs, in order, by its number among `pipelines` and `texts`.

    The same text of two pipelines is two values.
    """

    dimension: str
    numbers: NDArray[np.int64]
    pipelines: NDArray[np.int64]
    texts: NDArray[np.object_]

    @classmethod
    def of(cls, runs: pa.Table, dimension: str, name: str) -> "_Values":
        """Those of a column of texts, of which none is null."""
        places, texts = numbered(runs[name])
        pairs = runs["pipeline"].to_numpy().astype(np.int64) * len(texts) + places
        found, numbers = np.unique(pairs, return_inverse=True)
        pipelines, places = np.divmod(found, len(texts)) if len(found) else (found, found)
        return cls(dimension, numbers, pipelines, texts[places])


class _Tests(NamedTuple):
    """The values that are tested in a span; `counts` has a row for each of `COUNTS`."""

    dimension: str
    span_hours: int
    pipelines: NDArray[np.int64]
    texts: NDArray[np.object_]
    counts: NDArray[np.int64]
    is_clear: NDArray[np.bool_]

    @classmethod
    def of(
        cls, values: _Values, hours: int, is_tested: NDArray[np.bool_], counts: Any, is_clear: NDArray[np.bool_]
    ) -> "_Tests":
        """Some of the values."""
        its = (values.pipelines[is_tested], values.texts[is_tested])
        return cls(values.dimension, hours, *its, np.stack(counts).astype(np.int64)[:, is_tested], is_clear[is_tested])


def _tests_of_values(runs: pa.Table, until_us: int) -> Iterator[_Tests]:
    for dimension, name in DIMENSIONS.items():
        named = runs.filter(pc.is_valid(runs[name]))
        if len(named):
            values = _Values.of(named, dimension, name)
            for hours in SPANS_HOURS:
                yield _tests_of_span(values, named, runs, until_us, hours)


def _tests_of_span(values: _Values, named: pa.Table, runs: pa.Table, until_us: int, hours: int) -> _Tests:
    """The `values` of the `named` ones of the runs that are tested in a span."""
    start_us, many = until_us - hours * HOUR_US, len(values.pipelines)
    now = _counts(values.numbers, named, start_us, NO_END, many)
    past = _counts(values.numbers, named, start_us - PAST_US, start_us, many)
    pipelines = runs["pipeline"].to_numpy()
    of_all = _counts(pipelines, runs, start_us, NO_END, int(pipelines.max()) + 1)[:, values.pipelines]
    is_tested = (now[0] >= LEAST_FAILURES) & (of_all[0] > now[0]) & (of_all[1] >= LEAST_FAILURES)
    is_news = _has_risen(now, past) | (past[0] < LEAST_PAST_RUNS)
    last = np.zeros(many, np.int64)
    np.maximum.at(last, values.numbers, np.arange(len(named)))
    goes_on = named["failed"].to_numpy()[last] & (now[1] >= LEAST_FAILURES)
    is_clear = _has_risen(now, of_all - now) & is_news & goes_on
    return _Tests.of(values, hours, is_tested, (*now, *(of_all - now), *past), is_clear)


def _counts(numbers: NDArray[np.int64], runs: pa.Table, start_us: int, end_us: int, count: int) -> NDArray[np.int64]:
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


def _tests_of_reasons(failures: pa.Table, until_us: int) -> Iterator[_Tests]:
    values = _Values.of(failures, REASON, REASON)
    many, is_newest = len(values.pipelines), np.diff(failures["pipeline"].to_numpy(), append=-1) != 0
    is_last = np.isin(np.arange(many), values.numbers[is_newest])
    for hours in SPANS_HOURS:
        start_us = until_us - hours * HOUR_US
        times = ((start_us, NO_END), (start_us - PAST_US, start_us))
        counts = (_counts(values.numbers, failures, *time, many)[0] for time in times)
        yield _tests_of_reasons_in(values, hours, is_last, *counts)


def _tests_of_reasons_in(
    values: _Values, hours: int, is_last: NDArray[np.bool_], failed: NDArray[np.int64], other_failed: NDArray[np.int64]
) -> _Tests:
    """The values that are tested in a span, by how many failures have each of them in it, and before."""
    pipelines = values.pipelines
    decided, other_decided = (np.bincount(pipelines, counts)[pipelines] for counts in (failed, other_failed))
    is_enough = np.minimum(decided, failed + other_failed) >= LEAST_FAILURES_OF_A_REASON
    is_tested = (failed > 0) & is_enough & (other_decided > 0)
    is_usual = 100 * other_failed > MOST_USUAL_PERCENT * other_decided
    is_main = (100 * failed >= LEAST_SHARE_PERCENT * decided) & (failed >= LEAST_FAILURES_OF_A_REASON)
    is_clear = ~is_usual & is_main & is_last
    counts = (decided, failed, other_decided, other_failed, other_decided, other_failed)
    return _Tests.of(values, hours, is_tested, counts, is_clear)


def _found(tests: Sequence[_Tests]) -> Iterable[Row]:
    """Of the tests that hold, the one in the shortest span for each value of a pipeline."""
    counts = np.concatenate([test.counts for test in tests], axis=1)
    if not counts.size:
        return []
    decided, failed, other_decided, other_failed, *_ = counts
    p_values = fisher_greater_p(failed, decided, other_failed, other_decided)
    q_values = benjamini_hochberg(p_values)
    holds = np.concatenate([test.is_clear for test in tests]) & (q_values <= FALSE_DISCOVERIES)
    values = [(int(it), test, text) for test in tests for it, text in zip(test.pipelines, test.texts, strict=True)]
    shortest: dict[tuple[Any, ...], Row] = {}
    for place in np.flatnonzero(holds).tolist():
        pipeline, test, text = values[place]
        row = {"pipeline": pipeline, "dimension": test.dimension, "value": text, "span_hours": test.span_hours}
        row |= dict(zip(COUNTS, counts[:, place].tolist(), strict=True))
        row |= {"p_value": p_values[place], "q_value": q_values[place]}
        shortest.setdefault((pipeline, test.dimension, text), row)  # the spans of a dimension ascend
    return shortest.values()


def _ends(history: SourceHistory, row: Row, runs: pa.Table, failures: pa.Table) -> Row:
    """Since the first of the last failures of the value among its runs, or of the reason among the failures."""
    if row["dimension"] == REASON:
        those = failures.filter(pc.equal(failures["pipeline"], row["pipeline"]))
        is_it = pc.equal(those["reason"], row["value"]).to_numpy()
    else:
        has_value = pc.equal(runs[DIMENSIONS[row["dimension"]]], row["value"])
        those = runs.filter(pc.and_(pc.equal(runs["pipeline"], row["pipeline"]), has_value))
        is_it = those["failed"].to_numpy()
    others = np.flatnonzero(~is_it)
    first = int(others[-1]) + 1 if len(others) else 0
    return {
        "since": from_us(those["ended_us"][first].as_py()),
        "past_rate": row["past_failed"] / row["past_decided"] if row["past_decided"] else None,
        "latest_failed_run_id": history.runs["run_id"][those["place"][-1].as_py()].as_py(),
    }
