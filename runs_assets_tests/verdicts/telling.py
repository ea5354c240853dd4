"""What is told of a source: its final tables, as they were at a look every hour, through the product's own decision.

A rule calls a pipeline down or silent from one instant on, and until another. Both are certain when they come and do
not change later, so that the final tables say what was known at any time (`test_telling.py` shows it). Half a second
past the hour nothing begins or ends in a simulated history, which is exact to the second.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from runs_assets.alerts.evaluation import evaluate
from runs_assets.alerts.lifecycle import Decision, Event
from runs_assets.alerts.memory import Memory
from runs_assets.alerts.observation import Observation
from runs_assets.alerts.pipelines import PipelineDecision
from runs_assets.days import SECOND_US, from_us, to_us
from runs_assets.verdicts.outages import failure_streaks, going_on_since
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import GIVEN_UP_CYCLES, LEAST_GIVEN_UP_US, silences
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.streak_rules import MIN_FAILURES, StreakKind
from runs_assets.watch_entries import Severity
from runs_assets.watch_file import WatchFile
from runs_assets_tests.verdicts.history_tables import frame_of

Instants = NDArray[np.int64]

DOWN, FAILING, SILENT = "down", "failing", "silent"
HOUR_US = 3_600 * SECOND_US
NEVER = np.iinfo(np.int64).max
NOTHING = dict.fromkeys(PIPELINE_HEALTH.schema.names) | {
    "state": "ok",
    "failures": 0,
    "successes": 0,
    "decided_24h": 0,
    "failed_24h": 0,
}


@dataclass(frozen=True)
class Trouble:
    """A pipeline (by its number) that is down, failing or silent from `certain_at` to before `ended_at`, which may be `NEVER`.

    Instants are microseconds since the epoch; `since` is as in `pipeline_health`. It takes `failures` until it is
    certain that the pipeline is down or failing; what is first failing and then down counts as down from the beginning.
    """

    pipeline: int
    state: str
    since: int
    certain_at: int
    ended_at: int
    failures: int = 0


@dataclass(frozen=True)
class Told:
    """A message about a pipeline, by its number (None for the source as a whole), at the look at `at`."""

    at: int
    pipeline: int | None
    event: Event
    state: str


def troubles_of(history: SourceHistory) -> list[Trouble]:
    """What the product's rules find."""
    found = [
        Trouble(
            one.pipeline,
            FAILING if one.kind is StreakKind.FAILING else DOWN,
            one.failing_since_us,
            one.confirmed_at_us,
            _or_never(one.ended_at_us),
            one.alert_after or 0,
        )
        for one in going_on_since(to_us(history.window.start), failure_streaks(history))
        if one.confirmed_at_us is not None
    ]
    numbers = {pipeline_id: number for number, pipeline_id in enumerate(history.pipelines)}
    for row in silences(history, WatchFile()).to_pylist():
        since, ended_at = to_us(row["since"]), _or_never(row["ended_at"] and to_us(row["ended_at"]))
        expected_by, usual = to_us(row["expected_by"]), int(row["usual_interval_seconds"] * SECOND_US)
        until = min(ended_at, expected_by + max(GIVEN_UP_CYCLES * usual, LEAST_GIVEN_UP_US))
        found.append(Trouble(numbers[row["pipeline_id"]], SILENT, since, expected_by, until))
    return found


def three_in_a_row(history: SourceHistory) -> list[Trouble]:
    """What a rule without any past finds: that a pipeline is down from its third failure in a row on."""
    return [
        Trouble(number, DOWN, int(ends[begin]), int(ends[begin + MIN_FAILURES - 1]), until, MIN_FAILURES)
        for number, runs in _by_pipeline(history.completed)
        for ends in [runs["ended_us"].to_numpy()]
        for begin, end in _streaks(runs["failed"].to_numpy())
        for until in [int(ends[end]) if end < len(ends) else NEVER]
    ]


def _by_pipeline(runs: pa.Table) -> Iterator[tuple[int, pd.DataFrame]]:
    for _, group in frame_of(runs).groupby("pipeline"):
        yield int(group["pipeline"].iloc[0]), group


def _streaks(failed: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], failed, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    is_long = ends - begins >= MIN_FAILURES
    return zip(begins[is_long].tolist(), ends[is_long].tolist(), strict=True)


def _or_never(us: int | None) -> int:
    return NEVER if us is None else us


def every_hour(history: SourceHistory) -> Instants:
    """The instants of the looks, from the beginning of the window to its end."""
    start, end = to_us(history.window.start), to_us(history.window.end)
    return np.arange(start, end + HOUR_US, HOUR_US) + SECOND_US // 2


def told(history: SourceHistory, troubles: Iterable[Trouble]) -> Iterator[Told]:
    """Every message, in order; what was certain a day before the first look is history to it, as for the product."""
    memory = Memory()
    for look in looks_at(history, troubles, every_hour(history)):
        found = evaluate(memory, look)
        memory = found.memory
        for decision in found.decisions:
            yield _told(decision, look, history)


def looks_at(history: SourceHistory, troubles: Iterable[Trouble], instants: Instants) -> Iterator[Observation]:
    """The looks at these instants; of what is over, a look has what was not yet over at the one before."""
    last_runs, recent = _last_runs(history, instants), _runs_of_a_week(history, instants)
    opened, ended = _at_looks(troubles, instants)
    for place, now in enumerate(instants.tolist()):
        rows = _health(history, last_runs[:, place].tolist(), recent[:, place].tolist(), opened[place], now)
        over = [(trouble.state, _ended_row(history, trouble)) for trouble in ended[place]]
        outages, silent = ([row for state, row in over if (state == SILENT) is so] for so in (False, True))
        yield Observation(from_us(now), WatchFile(), rows, outages, silent)


def _at_looks(troubles: Iterable[Trouble], looks: Instants) -> tuple[Mapping[int, list[Trouble]], ...]:
    """By the numbers of the looks: the troubles that are certain and not over, and those over since the last look."""
    opened: defaultdict[int, list[Trouble]] = defaultdict(list)
    ended: defaultdict[int, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        first, stop = np.searchsorted(looks, [trouble.certain_at, trouble.ended_at]).tolist()
        for place in range(first, stop):
            opened[place].append(trouble)
        ended[stop].append(trouble)
    return opened, ended


def _last_runs(history: SourceHistory, looks: Instants) -> NDArray[np.int64]:
    """When the last run before each look was created, by pipeline and look; -1 where there is none."""
    found = np.full((len(history.pipelines), len(looks)), -1)
    for number, runs in _by_pipeline(history.runs):
        times = np.concatenate([[-1], np.sort(runs["created_us"].to_numpy())])
        found[number] = times[np.searchsorted(times, looks) - 1]
    return found


def _runs_of_a_week(history: SourceHistory, looks: Instants) -> NDArray[np.int64]:
    """How many runs were created in the 7 days before each look, by pipeline and look."""
    found = np.zeros((len(history.pipelines), len(looks)), np.int64)
    for number, runs in _by_pipeline(history.runs):
        times = np.sort(runs["created_us"].to_numpy())
        found[number] = np.searchsorted(times, looks) - np.searchsorted(times, looks - 7 * 24 * HOUR_US)
    return found


def _health(
    history: SourceHistory, last_runs: list[int], recent: list[int], opened: Iterable[Trouble], now: int
) -> list[dict[str, Any]]:
    """What `pipeline_health` says of each pipeline that has run, as far as messages depend on it."""
    by_pipeline = defaultdict(list)
    for trouble in opened:
        by_pipeline[trouble.pipeline].append(trouble)
    read_until = from_us(now)
    return [
        {
            **NOTHING,
            "source": history.source,
            "pipeline_id": pipeline_id,
            "last_run_at": from_us(last_run),
            "runs_7d": runs_7d,
            "source_read_until": read_until,
            **_state(by_pipeline[number]),
        }
        for number, (pipeline_id, last_run, runs_7d) in enumerate(
            zip(history.pipelines, last_runs, recent, strict=True)
        )
        if last_run >= 0
    ]


def _state(opened: list[Trouble]) -> dict[str, Any]:
    streak = next((trouble for trouble in opened if trouble.state != SILENT), None)
    silent = min(
        (trouble for trouble in opened if trouble.state == SILENT), key=lambda one: one.certain_at, default=None
    )
    row: dict[str, Any] = {"expected_by": from_us(silent.certain_at)} if silent else {}
    if streak:
        since = from_us(streak.since)
        row |= {"failing_since": since, "confirmed_at": from_us(streak.certain_at), "failures": streak.failures}
        row |= {"state": streak.state, "since": since}
    if streak and not (silent and streak.state == FAILING):
        return row
    return row | {"state": SILENT, "since": from_us(silent.since)} if silent else row


def _ended_row(history: SourceHistory, trouble: Trouble) -> dict[str, Any]:
    begins: datetime = from_us(trouble.since)
    return {
        "source": history.source,
        "pipeline_id": history.pipelines[trouble.pipeline],
        "failing_since": begins,
        "since": begins,
        "ended_at": None if trouble.ended_at == NEVER else from_us(trouble.ended_at),
    }


def _told(decision: Decision, look: Observation, history: SourceHistory) -> Told:
    if isinstance(decision, PipelineDecision):
        number = history.pipelines.index(decision.incident.pipeline_id)
        return Told(to_us(look.now), number, decision.event, decision.incident.state)
    return Told(to_us(look.now), None, decision.event, DOWN if decision.severity is Severity.CRITICAL else SILENT)
