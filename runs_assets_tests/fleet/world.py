"""The histories of a fleet: a healthy one, one whose pipelines have troubles, and one whose platform has some.

The same seed gives the same histories. The first 56 days are only learned from; the 30 that are judged begin on
16 March 2026.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets_tests.fleet.families import HEALTHY, WITH_HOLIDAYS, runs_of
from runs_assets_tests.fleet.platform import EVENTS
from runs_assets_tests.fleet.timetables import BEGIN_US, END_US, HOLIDAYS, Draws, local
from runs_assets_tests.fleet.troubles import PLANNED, Planned, Trouble, Wish

HEALTHY_WORLD, PIPELINES, PLATFORM = "healthy", "pipelines", "platform"
WORLDS = (HEALTHY_WORLD, PIPELINES, PLATFORM)
BESIDE = 0.3
"""Which share of the healthy pipelines there is beside those with troubles."""
LEAST_SLACK_US = DAY_US
HOLIDAY = "public holiday"


@dataclass(frozen=True)
class World:
    """A source's runs in the order of their creation, its pipelines in that of their first runs, and its troubles.

    `runs` has the columns of `families.runs_of`, and the number of the `pipeline`.
    """

    name: str
    pipelines: tuple[str, ...]
    runs: pd.DataFrame
    troubles: tuple[Trouble, ...]

    @cached_property
    def run_ids(self) -> NDArray[np.object_]:
        """The id of each run."""
        return np.array([f"run-{place:06}" for place in range(len(self.runs))], object)


@dataclass(frozen=True)
class _Spot:
    """A planted trouble whose pipeline is still a number."""

    family: str
    pipeline: int
    begins_at: int
    ends_at: int
    wish: Wish


def make_world(kind: str, seed: int, share: float = 1.0) -> World:
    """One of the `WORLDS`; with `share` of the healthy pipelines, and of the troubles of single ones."""
    rng = np.random.default_rng([seed, WORLDS.index(kind)])
    planned = PLANNED[:: round(1 / share)] if kind == PIPELINES else ()
    beside = share * (BESIDE if kind == PIPELINES else 1)
    families = [family for count, family in HEALTHY for _ in range(_rounded(count * beside, rng))]
    frames, spots = [], list[_Spot]()
    for number, plan in enumerate((*planned, *(Planned(family, ()) for family in families))):
        runs = runs_of(plan.family, rng)
        for name, plant in plan.plants:
            runs, begins_at, ends_at = plant(runs, rng)
            spots.append(_Spot(name, number, begins_at, ends_at, plan.wish))
        if plan.family is WITH_HOLIDAYS:
            spots.append(_holiday(number))
        frames.append(runs.assign(pipeline=number))
    names = [plan.family.name for plan in planned] + [family.name for family in families]
    runs = pd.concat(frames, ignore_index=True)
    inside = (runs["created"] >= BEGIN_US) & (runs["created"] < END_US)
    runs = runs[inside].sort_values("created", kind="stable", ignore_index=True)
    return _world(kind, runs, names, spots, rng)


def _rounded(count: float, rng: Draws) -> int:
    """Up or down, by chance."""
    return int(count + rng.uniform())


def _holiday(number: int) -> _Spot:
    """From Good Friday to the Tuesday after Easter."""
    return _Spot(HOLIDAY, number, local(HOLIDAYS[0], 0), local(HOLIDAYS[1], 47), Wish.NOT_TOLD)


def _world(kind: str, runs: pd.DataFrame, names: Sequence[str], spots: Sequence[_Spot], rng: Draws) -> World:
    events = list[Trouble]()
    for event in EVENTS if kind == PLATFORM else ():
        runs, trouble = event(runs, rng)
        events.append(trouble)
    order = runs["pipeline"].drop_duplicates().tolist()
    ranks = {number: rank for rank, number in enumerate(order)}
    pipelines = tuple(f"{rank:03} {names[number]}" for rank, number in enumerate(order))
    runs = runs.assign(pipeline=runs["pipeline"].map(ranks)).reset_index(drop=True)
    world = World(kind, pipelines, runs, ())
    return World(kind, pipelines, runs, (*_troubles(world, spots, ranks), *events))


def _troubles(world: World, spots: Sequence[_Spot], ranks: dict[int, int]) -> Iterator[Trouble]:
    for spot in spots:
        rank = ranks[spot.pipeline]
        mine = world.runs[world.runs["pipeline"] == rank]
        gaps = np.diff(mine["created"].to_numpy())
        during = mine["is_hit"] & mine["created"].between(spot.begins_at, spot.ends_at)
        yield Trouble(
            family=spot.family,
            pipeline=world.pipelines[rank],
            begins_at=spot.begins_at,
            ends_at=spot.ends_at,
            slack=max(LEAST_SLACK_US, 2 * int(np.median(gaps))) if len(gaps) else LEAST_SLACK_US,
            run_ids=frozenset(world.run_ids[during[during].index.to_numpy()].tolist()),
            wish=spot.wish,
        )
