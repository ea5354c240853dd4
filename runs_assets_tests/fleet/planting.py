"""What can be done to the runs of one pipeline, and from when to when that lasts.

A `Plant` changes the runs (`families.runs_of`), marks those that it hit, and says when it begins, at the first run that
fails or is missing, and when it is over: when the first success after it ends, or with the last judged day.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US
from runs_assets_tests.fleet.families import NEVER
from runs_assets_tests.fleet.timetables import END_US, HOUR_US, MINUTE_US, WINDOW_US, Draws

Spell = tuple[pd.DataFrame, int, int]
Plant = Callable[[pd.DataFrame, Draws], Spell]
Flags = NDArray[np.bool_]
BASELINE_US = 28 * DAY_US


def failing_runs(count: int, past: int | None = None, *, least: float = 3, most: float = 12) -> Plant:
    """So many runs in a row fail, the first on a judged day from `least` to `most`, and the next one succeeds.

    `past`: exactly so many of the 28 days before failed, the last run not among them; None: as it is.
    """

    def plant(runs: pd.DataFrame, rng: Draws) -> Spell:
        first = _first(runs, _on_day(rng, least, most))
        failed = runs["failed"].to_numpy().copy()
        if past is not None:
            before = np.flatnonzero(runs["created"].to_numpy() >= runs["created"].iloc[first] - BASELINE_US)[0]
            failed[before:first] = False
            failed[rng.choice(np.arange(before, first - 1), past, replace=False)] = True
        hit = np.zeros(len(runs), np.bool_)
        hit[first : first + count] = True
        failed[first + count :][:1] = False
        return _spell(_failing(runs.assign(failed=failed), hit), hit)

    return plant


def failing_for(hours: float, *, share: float = 1.0, least: float = 3, most: float = 18) -> Plant:
    """All runs of some hours fail, or a share of them, each by itself."""

    def plant(runs: pd.DataFrame, rng: Draws) -> Spell:
        during = _during(runs, _on_day(rng, least, most), hours)
        failed = during & (rng.uniform(size=len(runs)) < share)
        return _spell(_failing(runs, failed), during)

    return plant


def getting_worse(rate: float, *, over_days: float = 0.0) -> Plant:
    """The rate of failures rises to `rate`, at once or evenly over some days, and stays there."""

    def plant(runs: pd.DataFrame, rng: Draws) -> Spell:
        begin = _on_day(rng, 2, 8)
        age_days = (runs["created"].to_numpy() - begin) / DAY_US
        rates = rate * np.clip(age_days / over_days, 0, 1) if over_days else np.full(len(runs), rate)
        return _spell(_failing(runs, (age_days >= 0) & (rng.uniform(size=len(runs)) < rates)), age_days >= 0)

    return plant


def one_site_fails(runs: pd.DataFrame, rng: Draws) -> Spell:
    """All runs of site 3 fail for a week."""
    hit = _during(runs, _on_day(rng, 4, 14), 7 * 24) & (runs["site"].to_numpy() == 3)
    return _spell(_failing(runs, hit), hit)


def new_reason(runs: pd.DataFrame, rng: Draws) -> Spell:
    """As many runs fail as before, but with exit code 137, for ten days."""
    hit = _during(runs, _on_day(rng, 4, 14), 10 * 24) & runs["failed"].to_numpy()
    return _spell(runs.assign(exit_code=runs["exit_code"].mask(hit, 137)), hit)


def queued_for_ever(runs: pd.DataFrame, rng: Draws) -> Spell:
    """No run that is created in a day ever starts; those before still end."""
    hit = _during(runs, _on_day(rng, 4, 18), 24)
    started = runs["started"].mask(hit, -1)
    return _spell(_endless(runs.assign(started=started), hit), hit)


def hanging_for(hours: float) -> Plant:
    """Runs start and never end."""

    def plant(runs: pd.DataFrame, rng: Draws) -> Spell:
        hit = _during(runs, _on_day(rng, 4, 14), hours)
        return _spell(_endless(runs, hit), hit)

    return plant


def silent_for(hours: float, *, least: float = 3, most: float = 12) -> Plant:
    """No runs for some hours from a run on."""

    def plant(runs: pd.DataFrame, rng: Draws) -> Spell:
        begin = int(runs["created"].iloc[_first(runs, _on_day(rng, least, most))])
        missing = _during(runs, begin, hours)
        left = runs[~missing].reset_index(drop=True)
        return left, begin, _recovered(left, begin)

    return plant


def failing_from_the_first(runs: pd.DataFrame, rng: Draws) -> Spell:
    """It begins to run on a judged day, and every run fails."""
    left = runs[runs["created"] >= _on_day(rng, 2, 6)].reset_index(drop=True)
    hit = np.ones(len(left), np.bool_)
    return _spell(_failing(left, hit), hit)


def retired(runs: pd.DataFrame, rng: Draws) -> Spell:
    """It does not run any more."""
    return silent_for(100 * 24)(runs, rng)


def daily_instead(runs: pd.DataFrame, rng: Draws) -> Spell:
    """Of each day from one on only the first run is left."""
    created = runs["created"]
    change = created.iloc[_first(runs, _on_day(rng, 4, 14))] // DAY_US * DAY_US + DAY_US
    is_first = ~(created // DAY_US).duplicated()
    left = runs[(created < change) | is_first].reset_index(drop=True)
    return left, int(change + HOUR_US), END_US


def _on_day(rng: Draws, least: float, most: float) -> int:
    return WINDOW_US + int(rng.uniform(least, most) * DAY_US)


def _first(runs: pd.DataFrame, instant: int) -> int:
    """The place of the first run from an instant on."""
    return int(np.searchsorted(runs["created"].to_numpy(), instant))


def _during(runs: pd.DataFrame, instant: int, hours: float) -> Flags:
    """Whether runs are created in some hours from the first run on that is created from an instant on."""
    created = runs["created"].to_numpy()
    begin = created[_first(runs, instant)]
    return np.asarray((created >= begin) & (created < begin + int(hours * HOUR_US)), np.bool_)


def _failing(runs: pd.DataFrame, failed: Flags) -> pd.DataFrame:
    """Those fail, beside the ones that do so already; what fails has an end and an exit code."""
    failed = failed | runs["failed"].to_numpy()
    return runs.assign(
        failed=failed,
        ended=runs["ended"].mask(failed & (runs["ended"] == NEVER), runs["started"] + MINUTE_US),
        exit_code=runs["exit_code"].mask(failed & (runs["exit_code"] == 0), 1).where(failed, 0),
    )


def _endless(runs: pd.DataFrame, hit: Flags) -> pd.DataFrame:
    return runs.assign(ended=runs["ended"].mask(hit, NEVER), failed=runs["failed"] & ~hit)


def _spell(runs: pd.DataFrame, hit: Flags) -> Spell:
    """From the creation of the first to the first success after the last run that was hit."""
    created = runs["created"].to_numpy()[hit]
    return runs.assign(is_hit=hit), int(created[0]), _recovered(runs, int(created[-1]) + 1)


def _recovered(runs: pd.DataFrame, since: int) -> int:
    later = runs[(runs["created"] >= since) & ~runs["failed"]]
    return int(min(later["ended"].min(), END_US)) if len(later) else END_US
