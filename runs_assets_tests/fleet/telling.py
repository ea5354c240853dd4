"""What is told of a world, look by look, and what is flagged meanwhile."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from runs_assets.days import DAY_US, SECOND_US
from runs_assets_tests.fleet import product
from runs_assets_tests.fleet.as_of import Past
from runs_assets_tests.fleet.product import Told
from runs_assets_tests.fleet.timetables import DAYS, HOUR_US, WINDOW_US
from runs_assets_tests.fleet.world import World

LAST_US = 3 * HOUR_US
"""How long before the end of the last UTC day the looks end: in Berlin that day is over two hours before."""
ECHO_US = 2 * DAY_US
"""For how long after a trouble a message about its pipeline is an echo of it."""


@dataclass(frozen=True)
class Course:
    """Everything that was told in the judged days, and how many (healthy pipeline, look) were in each state.

    They end at `ends_at`, microseconds. `seconds_a_look` are those of the simulation and of the product.
    """

    world: World
    ends_at: int
    told: Sequence[Told]
    states: Counter[str]
    seconds_a_look: tuple[float, float]


def follow(world: World, step_hours: int = 1, days: int = DAYS) -> Course:
    """Look every so many hours, from a day before the judged days on."""
    past, memory, told, states = Past(world), product.start(), list[Told](), Counter[str]()
    looks = np.arange(WINDOW_US - DAY_US, WINDOW_US + days * DAY_US - LAST_US, step_hours * HOUR_US) + SECOND_US // 2
    own = others = 0.0
    for now in looks.tolist():
        begin = perf_counter()
        history = past.as_of(now)
        middle = perf_counter()
        look = product.look(history, memory)
        own, others, memory = own + middle - begin, others + perf_counter() - middle, look.memory
        if now > WINDOW_US:
            told += look.told
            ill = _ill_at(world, now)
            states.update(state for pipeline, state in look.states.items() if pipeline not in ill)
    return Course(world, WINDOW_US + days * DAY_US, told, states, (own / len(looks), others / len(looks)))


def _ill_at(world: World, now: int) -> set[str]:
    """The pipelines with a trouble, or shortly after one; all of them with one of the platform."""
    begun = [it for it in world.troubles if it.begins_at <= now < it.ends_at + max(it.slack, ECHO_US) and it.is_real]
    if any(trouble.pipeline is None for trouble in begun):
        return set(world.pipelines)
    return {trouble.pipeline for trouble in begun if trouble.pipeline is not None}
