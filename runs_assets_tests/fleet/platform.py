"""The troubles of the platform: what happens to many pipelines at once, each on a working day of its own."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets_tests.fleet.families import NEVER
from runs_assets_tests.fleet.timetables import HOUR_US, MINUTE_US, WINDOW, Draws, days, local
from runs_assets_tests.fleet.troubles import Spot

Event = Callable[[pd.DataFrame, int, Draws], tuple[pd.DataFrame, Spot]]
"""Changes the runs of a judged day, by its number."""
MANY = 30
EVENT_DAYS = (1, 4, 8, 11, 15)
"""Working days before the public holidays: tuesdays and fridays."""


def _begin(day: int, rng: Draws) -> int:
    """In the morning, local time, of a judged day."""
    chosen = days()[(WINDOW.first - days()[0]).days + day]
    return local(chosen, rng.uniform(7, 13))


def _spot(name: str, begin: int, hours: float) -> Spot:
    return Spot(name, None, begin, begin + int(hours * HOUR_US))


def failing(name: str, hours: float, *, share: float = 1.0, pipelines: int | None = None) -> Event:
    """A share of the runs that are created in some hours fails: of all pipelines, or of some that run 4 times a day."""

    def event(runs: pd.DataFrame, day: int, rng: Draws) -> tuple[pd.DataFrame, Spot]:
        spot = _spot(name, _begin(day, rng), hours)
        hit = _during(runs, spot) & (rng.uniform(size=len(runs)) < share)
        if pipelines is not None:
            hit &= runs["pipeline"].isin(_some(runs, spot, pipelines, rng)).to_numpy()
        return _failing(runs, hit), spot

    return event


def one_workspace_fails(name: str, hours: float) -> Event:
    """All runs of a workspace fail, of that with the most pipelines that run 4 times a day."""

    def event(runs: pd.DataFrame, day: int, rng: Draws) -> tuple[pd.DataFrame, Spot]:
        spot = _spot(name, _begin(day, rng), hours)
        busy = runs[runs["pipeline"].isin(_busy(runs, spot))].drop_duplicates("pipeline")
        hit = _during(runs, spot) & (runs["workspace"] == busy["workspace"].mode()[0]).to_numpy()
        return _failing(runs, hit), spot

    return event


def nothing_runs(name: str, hours: float) -> Event:
    """No run is created in some hours, nor later instead."""

    def event(runs: pd.DataFrame, day: int, rng: Draws) -> tuple[pd.DataFrame, Spot]:
        spot = _spot(name, _begin(day, rng), hours)
        return runs[~_during(runs, spot)].reset_index(drop=True), spot

    return event


def _failing(runs: pd.DataFrame, hit: NDArray[np.bool_]) -> pd.DataFrame:
    return runs.assign(
        failed=hit | runs["failed"],
        ended=runs["ended"].mask(hit & (runs["ended"] == NEVER), runs["started"] + MINUTE_US),
        exit_code=runs["exit_code"].mask(hit & ~runs["failed"], 1),
        is_hit=runs["is_hit"] | hit,
    )


def _during(runs: pd.DataFrame, spot: Spot) -> NDArray[np.bool_]:
    created = runs["created"].to_numpy()
    return np.asarray((created >= spot.begins_at) & (created < spot.ends_at), np.bool_)


def _some(runs: pd.DataFrame, spot: Spot, count: int, rng: Draws) -> list[int]:
    busy = _busy(runs, spot)
    return list(rng.choice(busy, min(count, len(busy)), replace=False).tolist())


def _busy(runs: pd.DataFrame, spot: Spot) -> NDArray[np.int64]:
    """Pipelines with 4 runs a day or more in the week before."""
    created = runs["created"]
    is_recent = (created < spot.begins_at) & (created >= spot.begins_at - 7 * DAY_US)
    found = runs.loc[is_recent, "pipeline"].value_counts()
    return np.asarray(found.index[found >= 28].sort_values(), np.int64)


OF_A_WORKSPACE = (one_workspace_fails("platform: all of one workspace fail for 6 h", 6), 6)
"""On a Sunday, so that two days are between it and all others."""
EVENTS: tuple[Event, ...] = (
    failing("platform: all fail for 2 h", 2),
    failing("platform: 30 % of all fail for 6 h", 6, share=0.3),
    nothing_runs("platform: nothing runs for 4 h", 4),
    failing("platform: 60 % of 30 pipelines fail for 12 h", 12, share=0.6, pipelines=MANY),
    failing("platform: all fail for 8 h", 8),
)
