"""Pipelines that should have run and did not, or that have not succeeded for much longer than they usually take.

Only what is usual can be missed (`runs_assets.verdicts.expected_runs`), or what the watch file expects. A silence ends
when the pipeline is back at its pace, or when it has shown a new one: then it has changed. What was told and has
lasted for three times the usual time is given up: the pipeline is retired. Days that were not read prove nothing.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from runs_assets.calendars import Expectation
from runs_assets.days import DAY_US, HOUR_US, SECOND_US, from_us, to_us
from runs_assets.tables import TIMESTAMP, Table, column, pipeline_schema
from runs_assets.verdicts.columns import by_pipeline
from runs_assets.verdicts.expected_runs import Gaps, OverdueRun
from runs_assets.verdicts.local_times import zone_of
from runs_assets.verdicts.overdue_successes import ends_of, without_success
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.watch_file import WatchFile

NO_RUNS, NO_SUCCESS = "no_runs", "no_success"
EXPECTATION = "expectation"
OPEN, ENDED, CHANGED, GIVEN_UP = "open", "ended", "changed", "given up"

GIVEN_UP_CYCLES, LEAST_GIVEN_UP_US = 3, 7 * DAY_US
"""How long a silence lasts from when it was overdue until nobody waits any more."""
MOST_PATIENCE_US = 4 * HOUR_US
"""A silence is not over with one run if the next is overdue within this: a slower pace begins with one run, too."""
NEW_PACE, NEW_SHARE, SAME_PACE = 3, 0.3, 1.5
"""How many gaps show a new pace, of how much of the time, and by what factor the last two of them may differ."""
HOLIDAYS_AHEAD = timedelta(days=62)

SCHEMA = pipeline_schema(
    column("kind", pa.string(), "no_runs or no_success", nullable=False),
    column("basis", pa.string(), "why a run was expected: timetable, interval, month or expectation", nullable=False),
    column("since", TIMESTAMP, "when the last run was created, or the last completed one ended, UTC", nullable=False),
    column("expected_by", TIMESTAMP, "from when on the run or success was overdue, UTC", nullable=False),
    column("ended_at", TIMESTAMP, "when the run was created, or completed, that ended it, UTC; null while it goes on"),
    column(
        "usual_interval_seconds", pa.float64(), "how long the next run usually takes to come, seconds", nullable=False
    ),
    column(
        "state",
        pa.string(),
        "open; ended; changed: the pipeline runs regularly but less often; or given up: it has lasted for 3 usual "
        "intervals, and at least 7 days, from expected_by on",
        nullable=False,
    ),
)
SILENCES = Table(
    name="silences",
    description="Pipelines that did not run when they should have, or did not succeed for far too long.",
    schema=SCHEMA,
    version="3",
    preview=("kind", "basis", "since", "expected_by", "ended_at", "state"),
    preview_order=(("since", "descending"),),
)


class Silence(NamedTuple):
    """A time for which a pipeline did not run or succeed, in microseconds since the epoch."""

    pipeline: int
    kind: str
    since_us: int
    due: OverdueRun
    ended_at_us: int | None
    has_changed: bool = False

    def state(self, until_us: int) -> str:
        """What has become of it when the source was read."""
        if self.ended_at_us is not None:
            return CHANGED if self.has_changed else ENDED
        patience_us = max(GIVEN_UP_CYCLES * self.due.usual_us, LEAST_GIVEN_UP_US)
        return GIVEN_UP if until_us - self.due.overdue_us >= patience_us else OPEN


def silences(history: SourceHistory, watch: WatchFile) -> pa.Table:
    """The rows (schema `SCHEMA`) of a source's silences that were open in its window, by pipeline and beginning.

    Where the watch file says how often a pipeline runs, that alone counts for it.
    """
    start_us = to_us(history.window.start)
    found = [one for one in _found(history, watch) if one.ended_at_us is None or one.ended_at_us >= start_us]
    found.sort(key=lambda silence: (silence.pipeline, silence.since_us, silence.kind))
    return pa.Table.from_pylist([_row(silence, history) for silence in found], schema=SCHEMA)


def _found(history: SourceHistory, watch: WatchFile) -> Iterator[Silence]:
    created_by_pipeline = by_pipeline(history.runs, "created_us", len(history.pipelines))
    ends, last_day = ends_of(history), history.last_day + HOLIDAYS_AHEAD
    for number, created in enumerate(created_by_pipeline):
        if not len(created):
            continue
        subject = history.subject(number)
        expectation = watch.expectation_of(subject)
        holidays = watch.holidays_of(subject, history.days[0].day, last_day)
        zone = ZoneInfo(expectation.timezone) if expectation else zone_of(created)
        gaps = Gaps(created, history.until_us, zone, holidays)
        if expectation and expectation.is_timed:
            yield from _overdue(number, gaps, expectation, history)
        else:
            yield from _without_runs(number, gaps, history)
            for last_us, due, ended_us in without_success(gaps, ends[number], history):
                yield Silence(number, NO_SUCCESS, last_us, due, ended_us)


def _without_runs(number: int, gaps: Gaps, history: SourceHistory) -> Iterator[Silence]:
    """The gaps that are too long, each with those that follow it before the pipeline is back at its usual pace.

    Where it has another pace from then on, only that is usual.
    """
    place = 0
    while (found := _next_too_long(place, gaps, history)) is not None:
        first, due = found
        last, changed_at = _last_of(first, gaps, history)
        ended_us = _ended_at(last, gaps) if changed_at is None else int(gaps.ends[last])
        yield Silence(number, NO_RUNS, int(gaps.created[first]), due, ended_us, changed_at is not None)
        if changed_at is not None:
            gaps, last = gaps.since(changed_at), last - changed_at
        place = last + 1


def _next_too_long(place: int, gaps: Gaps, history: SourceHistory) -> tuple[int, OverdueRun] | None:
    candidates = np.flatnonzero(gaps.is_candidate()[place:]) + place
    found = ((one, _overdue_at(one, gaps, history)) for one in candidates.tolist())
    return next(((one, due) for one, due in found if due is not None), None)


def _overdue_at(place: int, gaps: Gaps, history: SourceHistory) -> OverdueRun | None:
    """The first rule by which a run was overdue before it came, if all runs that matter are known; None if none was."""
    known = (due for due in gaps.dues(place) if due.overdue_us < gaps.ends[place])
    read = [due for due in known if history.was_read(due.known_from_us, due.overdue_us)]
    return min(read, key=lambda due: due.overdue_us, default=None)


def _last_of(first: int, gaps: Gaps, history: SourceHistory) -> tuple[int, int | None]:
    """The last of the gaps in a row that are too long; if the pipeline has a new pace, the run with which it began."""
    newest = len(gaps.created) - 1
    for last in range(first, newest + 1):
        gaps.is_told[last] = True
        changed_at = _changed_at(gaps) if last < newest else None
        if changed_at is not None or last == newest or _overdue_at(last + 1, gaps, history) is None:
            return last, changed_at
    raise AssertionError("a gap is followed by another, or is the newest")


def _changed_at(gaps: Gaps) -> int | None:
    """The run with which a new pace began; None if it has not been shown.

    It is by three gaps that were too long: they make up 30 % of the time from the first on (free Sundays are 31 %), and
    neither of the last two is more than 1.5 times as long as the other. These are usual from now on.
    """
    told = np.flatnonzero(gaps.is_told)[-NEW_PACE:]
    waits = (gaps.ends - gaps.created)[told]
    if len(told) < NEW_PACE or waits[1:].max() > SAME_PACE * waits[1:].min():
        return None
    if NEW_SHARE * (gaps.ends[told[-1]] - gaps.created[told[0]]) > waits.sum():
        return None
    gaps.is_told[told[1:]] = False
    return int(told[0]) + 1


def _ended_at(last: int, gaps: Gaps) -> int | None:
    """When a pipeline was back: with its next run, or once it had run again in time if that was due soon after."""
    back, newest = last + 1, len(gaps.created) - 1
    if back > newest:
        return None
    overdue_us = min((due.overdue_us for due in gaps.dues(back)), default=None)
    if overdue_us is None or overdue_us - gaps.created[back] > MOST_PATIENCE_US:
        return int(gaps.created[back])
    return int(gaps.created[back + 1]) if back < newest else None


def _overdue(number: int, gaps: Gaps, expectation: Expectation, history: SourceHistory) -> Iterator[Silence]:
    """The gaps that are longer than expected."""
    waits = gaps.ends - gaps.created
    for place in np.flatnonzero(waits > expectation.shortest // timedelta(microseconds=1)).tolist():
        begin_us, end_us = int(gaps.created[place]), int(gaps.ends[place])
        last_run = from_us(begin_us)
        expected_us = to_us(expectation.expected_after(last_run, gaps.resting_days))
        overdue_us = to_us(expectation.overdue_at(last_run, gaps.resting_days))
        if overdue_us < end_us and history.was_read(begin_us, overdue_us):
            due = OverdueRun(overdue_us, EXPECTATION, expected_us - begin_us, begin_us)
            yield Silence(number, NO_RUNS, begin_us, due, end_us if place + 1 < len(waits) else None)


def _row(silence: Silence, history: SourceHistory) -> dict[str, Any]:
    return {
        **history.about(silence.pipeline),
        "kind": silence.kind,
        "basis": silence.due.basis,
        "since": silence.since_us,
        "expected_by": silence.due.overdue_us,
        "ended_at": silence.ended_at_us,
        "usual_interval_seconds": silence.due.usual_us / SECOND_US,
        "state": silence.state(history.until_us),
    }
