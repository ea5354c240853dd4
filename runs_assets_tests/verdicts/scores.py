"""How well what was told fits what was planted: what was false, and how soon the rest was told and closed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from runs_assets.alerts.lifecycle import Event
from runs_assets.days import DAY_US
from runs_assets_tests.verdicts.history_tables import frame_of
from runs_assets_tests.verdicts.simulated import Planted, Simulation
from runs_assets_tests.verdicts.telling import DOWN, HOUR_US, Told, Trouble

HOUR = float(HOUR_US)
GRACE_US = 2 * HOUR_US
"""What just before midnight is missed may be found after it, microseconds."""


@dataclass(frozen=True)
class Outcome:
    """What came of one planted outage or silence.

    `in_time` is whether it was told by when it had to be: an outage at the first look after the rule's k-th failure, a
    silence at the first look after its first UTC day without runs, or two hours after the first missed run. `hours` are from its first run, failed or
    missed, to the message; infinite if there was none. `failures` is that k.
    """

    is_told_once: bool
    in_time: bool
    is_closed_once: bool
    hours: float
    failures: int = 0


@dataclass(frozen=True)
class Score:
    """Of one simulation. `false` are the messages that nothing planted was the reason for."""

    false: Sequence[Told]
    outages: Sequence[Outcome]
    silences: Sequence[Outcome]

    @property
    def false_openings(self) -> int:
        """How many of these begin something; the others remind of it or end it."""
        return _openings(self.false)

    @property
    def is_flawless(self) -> bool:
        """Whether all that was planted was told and closed as it has to be."""
        outcomes = [*self.outages, *self.silences]
        return all(one.is_told_once and one.in_time and one.is_closed_once for one in outcomes)


@dataclass(frozen=True)
class _Runs:
    """One pipeline's runs: all by creation, and the ends of those that failed and succeeded."""

    created: np.ndarray
    failures: np.ndarray
    successes: pd.DataFrame

    def over_at(self, planted: Planted) -> int:
        """When the first success that was created after it ended."""
        return int(self.successes.loc[self.successes["created_us"] >= planted.ends_at, "ended_us"].min())

    def back_at(self, planted: Planted) -> int:
        """When the second run after it was created: one alone may be the first of a slower pace."""
        return int(self.created[np.searchsorted(self.created, planted.ends_at) + 1])

    def failed_within(self, first: int, last: int) -> int:
        """How many failures ended from one instant to another."""
        return int(np.searchsorted(self.failures, last, side="right") - np.searchsorted(self.failures, first))

    def first_empty_day_ends(self, planted: Planted) -> int:
        """The end of the first UTC day without a run, from when it was planted on."""
        day = planted.begins_at // DAY_US
        days = set((self.created // DAY_US).tolist())
        while day in days:
            day += 1
        return (day + 1) * DAY_US


def score(simulation: Simulation, messages: Iterable[Told], troubles: Sequence[Trouble]) -> Score:
    """Compare what was told with what was planted; `troubles` are what the rules found."""
    by_pipeline: defaultdict[int | None, list[Told]] = defaultdict(list)
    for message in messages:
        by_pipeline[message.pipeline].append(message)
    outages, silences, false = [], [], []
    for number, planted in (simulation.outages | simulation.silences).items():
        runs = _runs_of(simulation, number)
        due, others = _split(by_pipeline.pop(number, []), planted.begins_at, runs.over_at(planted))
        false += others
        if number in simulation.silences:
            silences.append(_silence(due, planted, runs))
        else:
            mine = [one for one in troubles if one.pipeline == number and one.state == DOWN]
            outages.append(_outage(due, planted, runs, mine))
    false += [message for told in by_pipeline.values() for message in told]
    return Score(false, outages, silences)


def false_messages(simulation: Simulation, messages: Iterable[Told]) -> int:
    """How many messages are about healthy pipelines, or about the source as a whole."""
    planted = simulation.outages.keys() | simulation.silences.keys()
    return sum(message.pipeline not in planted for message in messages)


def _runs_of(simulation: Simulation, number: int) -> _Runs:
    runs, decided = frame_of(simulation.history.runs), frame_of(simulation.history.completed)
    mine = decided[decided["pipeline"] == number]
    return _Runs(
        created=np.sort(runs.loc[runs["pipeline"] == number, "created_us"].to_numpy()),
        failures=mine.loc[mine["failed"], "ended_us"].to_numpy(),
        successes=mine[~mine["failed"]],
    )


def _split(messages: Iterable[Told], begins_at: int, over_at: int) -> tuple[list[Told], list[Told]]:
    """Those of incidents that opened while something planted lasted, and all others."""
    due: list[Told] = []
    others: list[Told] = []
    into = others
    for message in messages:
        if message.event is Event.OPENED:
            into = due if begins_at <= message.at < over_at + HOUR_US else others
        into.append(message)
    return due, others


def _outage(messages: list[Told], planted: Planted, runs: _Runs, found: list[Trouble]) -> Outcome:
    told = next((one for one in messages if one.state == DOWN and one.event in {Event.OPENED, Event.UPDATED}), None)
    rule = next((one for one in found if one.certain_at < planted.ends_at <= one.ended_at), None)
    if told is None or rule is None:
        return Outcome(is_told_once=False, in_time=False, is_closed_once=False, hours=np.inf)
    before = runs.failed_within(rule.since, told.at - HOUR_US)
    return Outcome(
        is_told_once=_openings(messages) == 1,
        in_time=before < rule.failures <= runs.failed_within(rule.since, told.at),
        is_closed_once=_is_closed_once(messages, planted.ends_at, runs.over_at(planted)),
        hours=(told.at - planted.first_run_at) / HOUR,
        failures=rule.failures,
    )


def _silence(messages: list[Told], planted: Planted, runs: _Runs) -> Outcome:
    told = next((one for one in messages if one.event is Event.OPENED), None)
    if told is None:
        return Outcome(is_told_once=False, in_time=False, is_closed_once=False, hours=np.inf)
    return Outcome(
        is_told_once=_openings(messages) == 1,
        in_time=told.at < max(runs.first_empty_day_ends(planted), planted.first_run_at + GRACE_US) + HOUR_US,
        is_closed_once=_is_closed_once(messages, planted.ends_at, max(runs.over_at(planted), runs.back_at(planted))),
        hours=(told.at - planted.first_run_at) / HOUR,
    )


def _openings(messages: Iterable[Told]) -> int:
    return sum(message.event is Event.OPENED for message in messages)


def _is_closed_once(messages: Iterable[Told], ends_at: int, over_at: int) -> bool:
    """Whether one message says that it is over, when it is, and not later than at the first look after `over_at`."""
    ends = [message.at for message in messages if message.event is Event.RESOLVED]
    return len(ends) == 1 and ends_at <= ends[0] < over_at + HOUR_US
