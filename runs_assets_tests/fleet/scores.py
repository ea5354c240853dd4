"""How well what was told fits what was planted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from runs_assets.days import DAY_US
from runs_assets_tests.fleet.families import NEVER
from runs_assets_tests.fleet.product import CALM, Told
from runs_assets_tests.fleet.telling import ECHO_US, Course
from runs_assets_tests.fleet.timetables import HOUR_US
from runs_assets_tests.fleet.troubles import Trouble


@dataclass(frozen=True)
class Outcome:
    """What came of one planted trouble.

    `hours` and `failures` are from its first run, failed or missing, to the first message; infinite if there was none.
    `openings` of incidents about it; `others` are messages about single pipelines beside the ones about the source,
    and about one pipeline all that are no opening. `is_closed` is None where it is too late in the window to say.
    """

    trouble: Trouble
    hours: float = inf
    failures: float = inf
    openings: int = 0
    notices: int = 0
    others: int = 0
    is_closed: bool | None = None

    @property
    def is_told(self) -> bool:
        """Whether there was a message, be it a notice."""
        return self.openings + self.notices > 0


@dataclass(frozen=True)
class Score:
    """Of one world. `false` openings have no planted reason, `echoes` come soon after one; `notices` likewise false."""

    name: str
    pipelines: int
    outcomes: Sequence[Outcome]
    false: Sequence[Told]
    echoes: Sequence[Told]
    notices: Sequence[Told]
    states: Counter[str] = field(default_factory=Counter)
    milliseconds: tuple[float, float] = (0, 0)

    @property
    def flagged(self) -> float:
        """The share of healthy (pipeline, look) that somebody is asked to look at."""
        return sum(count for state, count in self.states.items() if state not in CALM) / max(self.states.total(), 1)


def score(course: Course) -> Score:
    """Compare what was told with what was planted."""
    troubles = course.world.troubles
    outcomes = [_outcome(trouble, course) for trouble in troubles if trouble.begins_at <= course.ends_at - DAY_US]
    news = [told for told in course.told if told.opens or told.is_notice]
    stray = [told for told in news if not any(_is_about(told, trouble) for trouble in troubles if trouble.is_real)]
    echoes = [told for told in stray if any(_is_echo(told, trouble) for trouble in troubles if trouble.is_real)]
    false = [told for told in stray if told not in echoes]
    return Score(
        name=course.world.name,
        pipelines=len(course.world.pipelines),
        outcomes=outcomes,
        false=[told for told in false if told.opens],
        echoes=[told for told in echoes if told.opens],
        notices=[told for told in false if told.is_notice],
        states=course.states,
        milliseconds=(course.seconds_a_look[0] * 1e3, course.seconds_a_look[1] * 1e3),
    )


def _is_about(told: Told, trouble: Trouble) -> bool:
    """A message about a pipeline or the source; while the platform is in trouble, about any of its pipelines."""
    is_its = trouble.pipeline in {None, told.pipeline}
    return is_its and trouble.begins_at <= told.at <= trouble.counts_until


def _is_echo(told: Told, trouble: Trouble) -> bool:
    is_its = trouble.pipeline in {None, told.pipeline}
    return is_its and trouble.counts_until < told.at <= max(trouble.ends_at + ECHO_US, trouble.counts_until)


def _outcome(trouble: Trouble, course: Course) -> Outcome:
    about = [told for told in course.told if _is_about(told, trouble)]
    mine = [told for told in about if told.pipeline == trouble.pipeline]
    openings, notices = [told for told in mine if told.opens], [told for told in mine if told.is_notice]
    first = min((told.at for told in (*openings, *notices)), default=None)
    later = [told for told in course.told if told.pipeline == trouble.pipeline and first and told.at >= first]
    return Outcome(
        trouble,
        hours=inf if first is None else (first - trouble.begins_at) / HOUR_US,
        failures=inf if first is None else _failures(course, trouble, first),
        openings=len(openings),
        notices=len(notices),
        others=len(about) - len(mine) if trouble.pipeline is None else len(mine) - len(openings) - len(notices),
        is_closed=_is_closed(later, trouble, course.ends_at) if openings else None,
    )


def _failures(course: Course, trouble: Trouble, until: int) -> int:
    """How many of the runs that it hit had failed by then."""
    world = course.world
    hit = np.isin(world.run_ids, list(trouble.run_ids)) if trouble.run_ids else np.zeros(len(world.runs), np.bool_)
    ended = world.runs["ended"].to_numpy()
    return int((hit & world.runs["failed"].to_numpy() & (ended <= until) & (ended < NEVER)).sum())


def _is_closed(later: Iterable[Told], trouble: Trouble, until: int) -> bool | None:
    """Whether the last that was told of it until it counts no more is that it is over."""
    if trouble.counts_until > until:
        return None
    steps = [told for told in later if told.at <= trouble.counts_until and (told.opens or told.closes)]
    return bool(steps) and steps[-1].closes
