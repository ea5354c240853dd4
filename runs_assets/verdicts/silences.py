"""Pipelines that should have run and did not, or that have not succeeded for much longer than they usually take.

Only what is usual can be missed. Where the watch file has no expectation for a pipeline, that is a run on each weekday,
if its daily counts were regular; a success within twice the longest time between successes, if they were; and a run
within three times the longest time between runs, if it has many. Days that were not read whole prove nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US, from_us, to_us
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema
from runs_assets.verdicts.daily_counts import Counts, counts_by_day
from runs_assets.verdicts.source_history import BASELINE_DAYS, SourceHistory
from runs_assets.watch_file import Expectation

NO_RUNS, NO_SUCCESS = "no_runs", "no_success"
WEEKDAY, INTERVAL, EXPECTATION = "weekday", "interval", "expectation"
OPEN, ENDED, GIVEN_UP = "open", "ended", "given up"

Instants = NDArray[np.int64]
MOST_IRREGULAR = 0.25
WEEKS, WEEK = 4, 7
GIVEN_UP_US = 28 * DAY_US

SCHEMA = pipeline_schema(
    column("kind", pa.string(), "no_runs or no_success", nullable=False),
    column("basis", pa.string(), "why a run was expected: weekday, interval or expectation", nullable=False),
    column("since", TIMESTAMP, "when the last run was created, or the last completed one ended, UTC", nullable=False),
    column("expected_by", TIMESTAMP, "from when on the run or success was overdue, UTC", nullable=False),
    column("ended_at", TIMESTAMP, "when the next run was created, or completed, UTC; null while it goes on"),
    column("usual_interval_seconds", pa.float64(), "longest usual interval of 28 days, seconds; null for other bases"),
    column("state", pa.string(), "open, ended, or given up after 28 days", nullable=False),
)
SILENCES = Table(
    name="silences",
    description="Pipelines that did not run when they should have, or did not succeed for far too long.",
    schema=SCHEMA,
    version="1",
    preview=("kind", "basis", "since", "expected_by", "ended_at", "state"),
    preview_order=(("since", "descending"),),
)


class Silence(NamedTuple):
    """A time for which a pipeline did not run or succeed, in microseconds since the epoch."""

    pipeline: int
    kind: str
    basis: str
    since_us: int
    expected_by_us: int
    ended_at_us: int | None
    usual_interval_seconds: float | None = None


def silences(history: SourceHistory, expectations: Mapping[int, Expectation], names: Mapping[str, str]) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source's silences that were open in its window, by pipeline and beginning.

    `expectations` are those of single pipelines, by number; the other rules then do not apply to them.
    """
    start_us = to_us(history.window.start)
    found = [one for one in _found(history, expectations) if one.ended_at_us is None or one.ended_at_us >= start_us]
    found.sort(key=lambda silence: (silence.pipeline, silence.since_us, silence.kind))
    return pa.Table.from_pylist([_row(silence, history, names) for silence in found], schema=SCHEMA)


def _found(history: SourceHistory, expectations: Mapping[int, Expectation]) -> Iterator[Silence]:
    coverage, until_us = _Coverage(history), history.until_us
    completed = history.completed[["pipeline", "ended_us", "failed"]]
    many = len(history.pipelines)
    created = _times_by_pipeline(history.runs, "created_us", many)
    ended = _times_by_pipeline(completed, "ended_us", many)
    succeeded = _times_by_pipeline(completed[~completed["failed"]], "ended_us", many)
    for number in range(many):
        if (expectation := expectations.get(number)) is not None:
            yield from _overdue(number, created[number], expectation, coverage, until_us)
        else:
            yield from _missed_days(number, created[number], coverage, to_us(history.window.start))
            yield from _long_without(WITHOUT_SUCCESS, number, succeeded[number], ended[number], coverage, until_us)
            yield from _long_without(WITHOUT_RUNS, number, created[number], created[number], coverage, until_us)


class _Coverage:
    """A source's runs by pipeline and day, up to when days were read, and before which days counts were regular."""

    def __init__(self, history: SourceHistory) -> None:
        self.first_day = (history.days[0].day - EPOCH).days
        size = (history.days[-1].day - EPOCH).days - self.first_day + 1
        self.runs: Counts = counts_by_day(history.rates, "runs", len(history.pipelines), self.first_day, size)
        self.seen_until_us = np.zeros(size, np.int64)
        self.is_whole = np.zeros(size, np.bool_)
        for known in history.days:
            place = (known.day - EPOCH).days - self.first_day
            self.seen_until_us[place], self.is_whole[place] = to_us(known.seen_until), known.is_whole
        self.is_regular = np.zeros(self.runs.shape, np.bool_)
        for day in range(BASELINE_DAYS, size):
            if self.is_whole[day - BASELINE_DAYS : day].all():
                self.is_regular[:, day] = _regular(self.runs[:, day - BASELINE_DAYS : day])

    def was_regular(self, pipeline: int, instant_us: int) -> bool:
        """Whether the counts of the 28 days before the day of an instant were regular; not known after the newest."""
        place = self._place(instant_us)
        return place < len(self.seen_until_us) and bool(self.is_regular[pipeline, place])

    def was_read(self, start_us: int, end_us: int) -> bool:
        """Whether every run created in [start, end) is known; none is that would be created after the newest day."""
        last = self._place(end_us - 1)
        if last >= len(self.seen_until_us):
            return False
        return bool(self.is_whole[self._place(start_us) : last].all() and self.seen_until_us[last] >= end_us)

    def _place(self, instant_us: int) -> int:
        return instant_us // DAY_US - self.first_day


def _regular(counts: Counts) -> NDArray[np.bool_]:
    """Whether counts of 28 days vary little within each weekday: pooled variance / mean at most 0.25.

    The variance has 21 degrees of freedom: four weeks, less a mean for each of seven weekdays. Of a Poisson process the
    quotient is about 1, of a timetable about 0.
    """
    by_weekday = counts.reshape(len(counts), WEEKS, WEEK).astype(np.float64)
    spread = ((by_weekday - by_weekday.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)) / ((WEEKS - 1) * WEEK)
    mean = counts.mean(axis=1)
    return np.asarray((mean > 0) & (spread <= MOST_IRREGULAR * mean), np.bool_)


def _missed_days(number: int, created: Instants, coverage: _Coverage, start_us: int) -> Iterator[Silence]:
    """Whole days without runs, where the same weekday had some in each of the four weeks before.

    Regular are the 28 days before that of the last run: on that day itself a pipeline may have stopped at noon.
    """
    runs, silent_until_us = coverage.runs[number], start_us
    for day in np.flatnonzero(coverage.is_whole & (runs == 0)).tolist():
        day_us = (coverage.first_day + day) * DAY_US
        after = int(np.searchsorted(created, day_us))
        if day_us < silent_until_us or not after:
            continue
        last_us, end_us = int(created[after - 1]), day_us + DAY_US
        is_known = coverage.was_regular(number, last_us) and coverage.was_read(last_us, end_us)
        if not is_known or not all(runs[day - WEEK * week] for week in range(1, WEEKS + 1)):
            continue
        ended_us = int(created[after]) if after < len(created) else None
        yield Silence(number, NO_RUNS, WEEKDAY, last_us, end_us, ended_us)
        if ended_us is None:
            return
        silent_until_us = ended_us


@dataclass(frozen=True)
class _Interval:
    """A silence of this kind is longer than `factor` times the longest time between `least` or more of 28 days."""

    kind: str
    factor: int
    least: int
    must_be_regular: bool


WITHOUT_SUCCESS = _Interval(NO_SUCCESS, factor=2, least=8, must_be_regular=True)
WITHOUT_RUNS = _Interval(NO_RUNS, factor=3, least=50, must_be_regular=False)


def _long_without(
    rule: _Interval, number: int, usual: Instants, ends_it: Instants, coverage: _Coverage, until_us: int
) -> Iterator[Silence]:
    """Times without any of `ends_it`, of which `usual` are a part and say which times are usual; both in order.

    A failure ends a time without success: whether a pipeline that fails instead is down is for `outages`.
    """
    nexts_us = np.append(ends_it[1:], until_us)
    for place in _candidates(rule, usual, ends_it, nexts_us - ends_it):
        last_us = int(ends_it[place])
        newest = int(np.searchsorted(usual, last_us, side="right")) - 1
        first = int(np.searchsorted(usual, usual[newest] - BASELINE_DAYS * DAY_US, side="right"))
        if newest - first + 1 < rule.least or (rule.must_be_regular and not coverage.was_regular(number, last_us)):
            continue
        longest_us = int(np.diff(usual[first : newest + 1]).max())
        overdue_us = last_us + rule.factor * longest_us
        if overdue_us < nexts_us[place] and coverage.was_read(last_us, overdue_us):
            ended_us = int(nexts_us[place]) if place + 1 < len(ends_it) else None
            yield Silence(number, rule.kind, INTERVAL, last_us, overdue_us, ended_us, longest_us / SECOND_US)


def _candidates(rule: _Interval, usual: Instants, ends_it: Instants, waits: Instants) -> list[int]:
    """The waits that are too long for the fewest that must be known: no other can be for all of 28 days."""
    if len(usual) < rule.least:
        return []
    longest = np.lib.stride_tricks.sliding_window_view(np.diff(usual), rule.least - 1).max(axis=1)
    known = np.searchsorted(usual, ends_it, side="right") - rule.least
    is_long = (known >= 0) & (waits > rule.factor * longest[np.maximum(known, 0)])
    places: list[int] = np.flatnonzero(is_long).tolist()
    return places


def _overdue(
    number: int, created: Instants, expectation: Expectation, coverage: _Coverage, until_us: int
) -> Iterator[Silence]:
    """Times without a run that are longer than expected."""
    for last_us, next_us in zip(created.tolist(), [*created[1:].tolist(), None], strict=True):
        overdue_us = to_us(expectation.overdue_at(from_us(last_us)))
        if overdue_us < (until_us if next_us is None else next_us) and coverage.was_read(last_us, overdue_us):
            yield Silence(number, NO_RUNS, EXPECTATION, last_us, overdue_us, next_us)


def _times_by_pipeline(runs: Any, column: str, pipelines: int) -> list[Instants]:
    """The instants of each pipeline's runs, in order."""
    numbers, times = runs["pipeline"].to_numpy(), runs[column].to_numpy()
    order = np.lexsort((times, numbers))
    return np.split(times[order], np.searchsorted(numbers[order], np.arange(1, pipelines)))


def _row(silence: Silence, history: SourceHistory, names: Mapping[str, str]) -> dict[str, Any]:
    columns = {name.removesuffix("_us"): value for name, value in silence._asdict().items()}
    is_given_up = history.until_us - silence.since_us >= GIVEN_UP_US
    state = ENDED if silence.ended_at_us is not None else GIVEN_UP if is_given_up else OPEN
    return {**history.about(silence.pipeline, names), **columns, "state": state}
