"""The histories of a fleet: a healthy one, one whose pipelines have troubles, and one whose platform has some.

The same seed gives the same histories. The first 56 days are only learned from; the 30 that are judged begin on
16 March 2026.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets_tests.fleet.families import HEALTHY, WITH_HOLIDAYS, runs_of
from runs_assets_tests.fleet.platform import EVENT_DAYS, EVENTS, OF_A_WORKSPACE, Event
from runs_assets_tests.fleet.timetables import BEGIN_US, END_US, HOLIDAYS, Draws, local
from runs_assets_tests.fleet.troubles import FEW, PLANNED, Planned, Spot, Trouble, Wish

HEALTHY_WORLD, PIPELINES, PLATFORM, SHORT = "healthy", "pipelines", "platform", "short"
WORLDS = (HEALTHY_WORLD, PIPELINES, PLATFORM)
BESIDE = 0.3
"""Which share of the healthy pipelines there is beside those with troubles."""
WORKSPACES = 12
"""Of different sizes: the largest has some three of ten pipelines."""
LEAST_SLACK_US = DAY_US
HOLIDAY = "public holiday"


@dataclass(frozen=True)
class World:
    """A source's runs in the order of their creation, its pipelines in that of their first runs, and its troubles.

    `runs` has the columns of `families.runs_of`, and the numbers of the `pipeline` and its `workspace`.
    """

    name: str
    pipelines: tuple[str, ...]
    runs: pd.DataFrame
    troubles: tuple[Trouble, ...]

    @cached_property
    def run_ids(self) -> NDArray[np.object_]:
        """The id of each run."""
        return np.array([f"run-{place:06}" for place in range(len(self.runs))], object)


def make_world(kind: str, seed: int, share: float = 1.0) -> World:
    """One of the `WORLDS`, or a `SHORT` one; with `share` of the healthy pipelines."""
    rng = np.random.default_rng([seed, *kind.encode()])
    planned = _planned(kind)
    beside = share * (BESIDE if planned else 1)
    healthy = [Planned(family, ()) for count, family in HEALTHY for _ in range(_rounded(count * beside, rng))]
    frames, spots = [], list[Spot]()
    for number, plan in enumerate((*planned, *healthy)):
        runs = runs_of(plan.family, rng)
        for name, plant in plan.plants:
            runs, begins_at, ends_at = plant(runs, rng)
            spots.append(Spot(name, number, begins_at, ends_at, plan.wish))
        if plan.family is WITH_HOLIDAYS:
            spots.append(_holiday(number))
        frames.append(runs.assign(pipeline=number, workspace=_workspace(number)))
    runs = pd.concat(frames, ignore_index=True)
    inside = (runs["created"] >= BEGIN_US) & (runs["created"] < END_US)
    runs = runs[inside].sort_values("created", kind="stable", ignore_index=True)
    for event, day in _events(kind, rng):
        runs, spot = event(runs, day, rng)
        spots.append(spot)
    return _world(kind, runs, [plan.family.name for plan in (*planned, *healthy)], spots)


def _planned(kind: str) -> tuple[Planned, ...]:
    """Into which pipelines something is planted: of the short form, one of each family."""
    if kind == SHORT:
        return tuple(next(plan for plan in PLANNED if plan.plants[0][0] == name) for name in FEW)
    return PLANNED if kind == PIPELINES else ()


def _events(kind: str, rng: Draws) -> list[tuple[Event, int]]:
    """Which things happen to the platform, and on which judged days."""
    if kind == SHORT:
        return [(EVENTS[-1], EVENT_DAYS[-1])]
    order: list[int] = rng.permutation(EVENT_DAYS).tolist()
    return [*zip(EVENTS, order, strict=True), OF_A_WORKSPACE] if kind == PLATFORM else []


def _rounded(count: float, rng: Draws) -> int:
    """Up or down, by chance."""
    return int(count + rng.uniform())


def _workspace(number: int) -> int:
    """Of a pipeline: multiples of the golden ratio are spread evenly, and squares of them are mostly small."""
    return int(WORKSPACES * (number * (5**0.5 - 1) / 2 % 1) ** 2)


def _holiday(number: int) -> Spot:
    """From Good Friday to the Tuesday after Easter."""
    return Spot(HOLIDAY, number, local(HOLIDAYS[0], 0), local(HOLIDAYS[1], 47), Wish.NOT_TOLD)


def _world(kind: str, runs: pd.DataFrame, names: Sequence[str], spots: Sequence[Spot]) -> World:
    order: list[int] = runs["pipeline"].drop_duplicates().tolist()
    ranks: dict[int | None, int] = {number: rank for rank, number in enumerate(order)}
    pipelines = tuple(f"{rank:03} {names[number]}" for rank, number in enumerate(order))
    runs = runs.assign(pipeline=runs["pipeline"].map(ranks)).reset_index(drop=True)
    world = World(kind, pipelines, runs, ())
    return replace(world, troubles=tuple(_trouble(world, spot, ranks.get(spot.pipeline)) for spot in spots))


def _trouble(world: World, spot: Spot, rank: int | None) -> Trouble:
    mine = world.runs if rank is None else world.runs[world.runs["pipeline"] == rank]
    gaps = np.diff(mine["created"].to_numpy())
    during = mine["is_hit"] & mine["created"].between(spot.begins_at, spot.ends_at)
    return Trouble(
        family=spot.family,
        pipeline=None if rank is None else world.pipelines[rank],
        begins_at=spot.begins_at,
        ends_at=spot.ends_at,
        slack=max(LEAST_SLACK_US, 2 * int(np.median(gaps))) if len(gaps) else LEAST_SLACK_US,
        run_ids=frozenset(world.run_ids[during[during].index.to_numpy()].tolist()),
        wish=spot.wish,
    )
