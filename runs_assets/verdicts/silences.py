"""Pipelines that should have run and did not, or that have not succeeded for much longer than they usually take.

Only what is regular can be missed. A pipeline without an explicit expectation is judged if its daily counts of the 28
days before were regular: on each weekday about the same number. Nothing is judged from days that were not read whole.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.days import DAY_US, EPOCH, SECOND_US, from_us, to_us
from runs_assets.schema import ABOUT_PIPELINE, TIMESTAMP, described
from runs_assets.verdicts.grid import Counts, grid
from runs_assets.verdicts.history import BASELINE_DAYS, History
from runs_assets.verdicts.outages import MIN_FAILURES

NO_RUNS, NO_SUCCESS = "no_runs", "no_success"
WEEKDAY, INTERVAL, EXPECTATION = "weekday", "interval", "expectation"
OPEN, ENDED, GIVEN_UP = "open", "ended", "given up"

MOST_IRREGULAR = 0.25
WEEKS, WEEK = 4, 7
USUAL_INTERVALS = 2
MIN_SUCCESSES = 8
GIVEN_UP_US = 28 * DAY_US

SILENCES = pa.schema(
    [
        *ABOUT_PIPELINE,
        described("kind", pa.string(), "no_runs or no_success", nullable=False),
        described("basis", pa.string(), "why it was expected: weekday, interval or expectation", nullable=False),
        described(
            "since", TIMESTAMP, "creation of the last run before, or end of the last success, UTC", nullable=False
        ),
        described("expected_by", TIMESTAMP, "when it was overdue, UTC", nullable=False),
        described("ended_at", TIMESTAMP, "creation of the next run, or end of the next success, UTC; null = none yet"),
        described("usual_interval_seconds", pa.float64(), "longest usual time between successes, seconds"),
        described("state", pa.string(), "open, ended, or given up after 28 days", nullable=False),
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
    succeeded, failed = (_times_by_pipeline(decided[decided["failed"] == it], "ended_at", many) for it in (False, True))
    for number in range(many):
        if (expectation := expectations.get(number)) is not None:
            yield from _missed(number, created[number], expectation, counts, history.until_us)
        else:
            yield from _missed_days(number, created[number], counts, to_us(history.window.start))
            yield from _without_success(number, succeeded[number], failed[number], counts, history.until_us)


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


def _missed_days(number: int, created: NDArray[np.int64], counts: _Counts, start_us: int) -> Iterator[Silence]:
    """Whole days without runs, where the same weekday had some in each of the four weeks before."""
    runs = counts.runs[number]
    silent_until = start_us
    for day in np.flatnonzero(counts.is_regular[number] & counts.is_whole & (runs == 0)).tolist():
        start = (counts.first_day + day) * DAY_US
        if start < silent_until or not all(runs[day - WEEK * week] for week in range(1, WEEKS + 1)):
            continue
        after = int(np.searchsorted(created, start))
        ended_at = int(created[after]) if after < len(created) else None
        yield Silence(number, NO_RUNS, WEEKDAY, int(created[after - 1]), start + DAY_US, ended_at)
        if ended_at is None:
            return
        silent_until = ended_at


def _without_success(
    number: int, ends: NDArray[np.int64], failures: NDArray[np.int64], counts: _Counts, until_us: int
) -> Iterator[Silence]:
    """Times without a success, and without three failures, of more than twice the longest such time of 28 days before.

    A pipeline that fails instead is not silent: whether it is down is for `outages`.
    """
    nexts = np.append(ends[1:], until_us)
    for place in _long_waits(nexts - ends):
        last = int(ends[place])
        first = int(np.searchsorted(ends, last - BASELINE_DAYS * DAY_US, side="right"))
        if place - first + 1 < MIN_SUCCESSES or not counts.was_regular(number, last):
            continue
        usual = int(np.diff(ends[first : place + 1]).max())
        overdue = last + USUAL_INTERVALS * usual
        failed = np.searchsorted(failures, overdue, side="right") - np.searchsorted(failures, last)
        if overdue < nexts[place] and failed < MIN_FAILURES and counts.was_read(last, overdue):
            ended_at = int(ends[place + 1]) if place + 1 < len(ends) else None
            yield Silence(number, NO_SUCCESS, INTERVAL, last, overdue, ended_at, usual / SECOND_US)


def _long_waits(waits: NDArray[np.int64]) -> list[int]:
    """The waits of more than twice the longest of the seven before: the others cannot be too long for 28 days."""
    enough = MIN_SUCCESSES - 1
    if len(waits) <= enough:
        return []
    longest = np.lib.stride_tricks.sliding_window_view(waits[:-1], enough).max(axis=1)
    places: list[int] = (enough + np.flatnonzero(waits[enough:] > USUAL_INTERVALS * longest)).tolist()
    return places


def _missed(
    number: int, created: NDArray[np.int64], expectation: Expectation, counts: _Counts, until_us: int
) -> Iterator[Silence]:
    """Times without a run of more than what is expected."""
    for last, after in zip(created.tolist(), [*created[1:].tolist(), None], strict=True):
        overdue = to_us(expectation.overdue_at(from_us(last)))
        if overdue < (until_us if after is None else after) and counts.was_read(last, overdue):
            yield Silence(number, NO_RUNS, EXPECTATION, last, overdue, after)


def _times_by_pipeline(runs: Any, column: str, pipelines: int) -> list[NDArray[np.int64]]:
    """The instants of each pipeline's runs, in order."""
    numbers, times = runs["pipeline"].to_numpy(), runs[column].to_numpy()
    order = np.lexsort((times, numbers))
    return np.split(times[order], np.searchsorted(numbers[order], np.arange(1, pipelines)))


def _row(silence: Silence, history: History, names: Mapping[str, str]) -> dict[str, Any]:
    pipeline_id = history.pipelines[silence.pipeline]
    return {
        **silence._asdict(),
        "source": history.source,
        "pipeline_id": pipeline_id,
        "pipeline_name": names.get(pipeline_id or ""),
        "state": _state(silence, history.until_us),
    }


def _state(silence: Silence, until_us: int) -> str:
    if silence.ended_at is not None:
        return ENDED
    return OPEN if until_us - silence.since < GIVEN_UP_US else GIVEN_UP
