"""Pipelines that should have run and did not, or that have not succeeded for much longer than they usually take.

Only what is usual can be missed. Where nobody said what to expect of a pipeline, that is a run on each weekday, if its
daily counts were regular; a success within twice the longest time between successes, if they were; and a run within
three times the longest time between runs, if it has many. Nothing is judged from days that were not read whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US, from_us, to_us
from runs_assets.tables import PIPELINE_COLUMNS, TIMESTAMP, column
from runs_assets.verdicts.grid import Counts, grid
from runs_assets.verdicts.history import BASELINE_DAYS, History

NO_RUNS, NO_SUCCESS = "no_runs", "no_success"
WEEKDAY, INTERVAL, EXPECTATION = "weekday", "interval", "expectation"
OPEN, ENDED, GIVEN_UP = "open", "ended", "given up"

Instants = NDArray[np.int64]
MOST_IRREGULAR = 0.25
WEEKS, WEEK = 4, 7
GIVEN_UP_US = 28 * DAY_US

SILENCES = pa.schema(
    [
        *PIPELINE_COLUMNS,
        column("kind", pa.string(), "no_runs or no_success", nullable=False),
        column("basis", pa.string(), "why it was expected: weekday, interval or expectation", nullable=False),
        column(
            "since", TIMESTAMP, "creation of the last run, or end of the last decided one, before, UTC", nullable=False
        ),
        column("expected_by", TIMESTAMP, "when it was overdue, UTC", nullable=False),
        column("ended_at", TIMESTAMP, "creation of the next run, or end of the next decided one, UTC; null = none yet"),
        column(
            "usual_interval_seconds", pa.float64(), "the longest time between runs, or successes, of 28 days, seconds"
        ),
        column("state", pa.string(), "open, ended, or given up after 28 days", nullable=False),
    ]
)


class Expectation(Protocol):
    """How often somebody says that a pipeline runs."""

    def overdue_at(self, last_run: datetime) -> datetime:
        """When the next run has been missed (aware), after a run created at `last_run` (aware)."""
        ...


class Silence(NamedTuple):
    """A pipeline's silence; instants in microseconds since the epoch."""

    pipeline: int
    kind: str
    basis: str
    since: int
    expected_by: int
    ended_at: int | None
    usual_interval_seconds: float | None = None


def silences(history: History, expectations: Mapping[int, Expectation], names: Mapping[str, str]) -> pa.Table:
    """The table (schema `SILENCES`) of a source's silences that were open in its window, by pipeline and beginning.

    `expectations` are those of single pipelines, by number; the other rules then do not apply to them.
    """
    start = to_us(history.window.start)
    found = [
        silence for silence in _found(history, expectations) if silence.ended_at is None or silence.ended_at >= start
    ]
    found.sort(key=lambda silence: (silence.pipeline, silence.since, silence.kind))
    return pa.Table.from_pylist([_row(silence, history, names) for silence in found], schema=SILENCES)


def _found(history: History, expectations: Mapping[int, Expectation]) -> Iterator[Silence]:
    counts, decided = _Counts(history), history.decided[["pipeline", "ended_at", "failed"]]
    many = len(history.pipelines)
    created = _times_by_pipeline(history.runs, "created_at", many)
    succeeded, ended = (_times_by_pipeline(runs, "ended_at", many) for runs in (decided[~decided["failed"]], decided))
    for number in range(many):
        if (expectation := expectations.get(number)) is not None:
            yield from _missed(number, created[number], expectation, counts, history.until_us)
        else:
            yield from _missed_days(number, created[number], counts, to_us(history.window.start))
            yield from _long_without(
                WITHOUT_SUCCESS, number, succeeded[number], ended[number], counts, history.until_us
            )
            yield from _long_without(WITHOUT_RUNS, number, created[number], created[number], counts, history.until_us)


class _Counts:
    """A source's runs by pipeline and day, up to when each day was read, and where counts were regular before a day."""

    def __init__(self, history: History) -> None:
        self.first_day = (history.days[0].day - EPOCH).days
        size = (history.days[-1].day - EPOCH).days - self.first_day + 1
        self.runs: Counts = grid(history.rates, "runs", len(history.pipelines), self.first_day, size)
        self.seen_until = np.zeros(size, np.int64)
        self.is_whole = np.zeros(size, np.bool_)
        for worth in history.days:
            place = (worth.day - EPOCH).days - self.first_day
            self.seen_until[place], self.is_whole[place] = to_us(worth.seen_until), worth.is_whole
        self.is_regular = np.zeros(self.runs.shape, np.bool_)
        for day in range(BASELINE_DAYS, size):
            if self.is_whole[day - BASELINE_DAYS : day].all():
                self.is_regular[:, day] = _regular(self.runs[:, day - BASELINE_DAYS : day])

    def was_regular(self, pipeline: int, us: int) -> bool:
        """Whether the counts of the 28 days before the day of an instant were regular; not known after the newest."""
        place = self._place(us)
        return place < len(self.seen_until) and bool(self.is_regular[pipeline, place])

    def was_read(self, start_us: int, end_us: int) -> bool:
        """Whether every run created in [start, end) is known; none is that would be created after the newest day."""
        last = self._place(end_us - 1)
        if last >= len(self.seen_until):
            return False
        return bool(self.is_whole[self._place(start_us) : last].all() and self.seen_until[last] >= end_us)

    def _place(self, us: int) -> int:
        return us // DAY_US - self.first_day


def _regular(counts: Counts) -> NDArray[np.bool_]:
    """Whether counts of 28 days vary little within each weekday: pooled variance / mean at most 0.25.

    The variance has 21 degrees of freedom: four weeks, less a mean for each of seven weekdays. Of a Poisson process the
    quotient is about 1, of a timetable about 0.
    """
    by_weekday = counts.reshape(len(counts), WEEKS, WEEK).astype(np.float64)
    spread = ((by_weekday - by_weekday.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)) / ((WEEKS - 1) * WEEK)
    mean = counts.mean(axis=1)
    return np.asarray((mean > 0) & (spread <= MOST_IRREGULAR * mean), np.bool_)


def _missed_days(number: int, created: Instants, counts: _Counts, start_us: int) -> Iterator[Silence]:
    """Whole days without runs, where the same weekday had some in each of the four weeks before.

    Regular are the 28 days before that of the last run: on that day itself a pipeline may have stopped at noon.
    """
    runs, silent_until = counts.runs[number], start_us
    for day in np.flatnonzero(counts.is_whole & (runs == 0)).tolist():
        start = (counts.first_day + day) * DAY_US
        after = int(np.searchsorted(created, start))
        if start < silent_until or not after:
            continue
        last, end = int(created[after - 1]), start + DAY_US
        is_known = counts.was_regular(number, last) and counts.was_read(last, end)
        if not is_known or not all(runs[day - WEEK * week] for week in range(1, WEEKS + 1)):
            continue
        ended_at = int(created[after]) if after < len(created) else None
        yield Silence(number, NO_RUNS, WEEKDAY, last, end, ended_at)
        if ended_at is None:
            return
        silent_until = ended_at


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
    rule: _Interval, number: int, usual: Instants, ends_it: Instants, counts: _Counts, until_us: int
) -> Iterator[Silence]:
    """Times without any of `ends_it`, of which `usual` are a part and say which times are usual; both in order.

    A failure ends a time without success: whether a pipeline that fails instead is down is for `outages`.
    """
    nexts = np.append(ends_it[1:], until_us)
    for place in _candidates(rule, usual, ends_it, nexts - ends_it):
        last = int(ends_it[place])
        newest = int(np.searchsorted(usual, last, side="right")) - 1
        first = int(np.searchsorted(usual, usual[newest] - BASELINE_DAYS * DAY_US, side="right"))
        if newest - first + 1 < rule.least or (rule.must_be_regular and not counts.was_regular(number, last)):
            continue
        longest = int(np.diff(usual[first : newest + 1]).max())
        overdue = last + rule.factor * longest
        if overdue < nexts[place] and counts.was_read(last, overdue):
            ended_at = int(nexts[place]) if place + 1 < len(ends_it) else None
            yield Silence(number, rule.kind, INTERVAL, last, overdue, ended_at, longest / SECOND_US)


def _candidates(rule: _Interval, usual: Instants, ends_it: Instants, waits: Instants) -> list[int]:
    """The waits that are too long for the fewest that must be known: no other can be for all of 28 days."""
    if len(usual) < rule.least:
        return []
    longest = np.lib.stride_tricks.sliding_window_view(np.diff(usual), rule.least - 1).max(axis=1)
    known = np.searchsorted(usual, ends_it, side="right") - rule.least
    is_long = (known >= 0) & (waits > rule.factor * longest[np.maximum(known, 0)])
    places: list[int] = np.flatnonzero(is_long).tolist()
    return places


def _missed(
    number: int, created: Instants, expectation: Expectation, counts: _Counts, until_us: int
) -> Iterator[Silence]:
    """Times without a run of more than what is expected."""
    for last, after in zip(created.tolist(), [*created[1:].tolist(), None], strict=True):
        overdue = to_us(expectation.overdue_at(from_us(last)))
        if overdue < (until_us if after is None else after) and counts.was_read(last, overdue):
            yield Silence(number, NO_RUNS, EXPECTATION, last, overdue, after)


def _times_by_pipeline(runs: Any, column: str, pipelines: int) -> list[Instants]:
    """The instants of each pipeline's runs, in order."""
    numbers, times = runs["pipeline"].to_numpy(), runs[column].to_numpy()
    order = np.lexsort((times, numbers))
    return np.split(times[order], np.searchsorted(numbers[order], np.arange(1, pipelines)))


def _row(silence: Silence, history: History, names: Mapping[str, str]) -> dict[str, Any]:
    state = _state(silence, history.until_us)
    return {**silence._asdict(), **history.about(silence.pipeline, names), "state": state}


def _state(silence: Silence, until_us: int) -> str:
    if silence.ended_at is not None:
        return ENDED
    return OPEN if until_us - silence.since < GIVEN_UP_US else GIVEN_UP
