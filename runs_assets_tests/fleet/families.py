"""What healthy pipelines are like: when they run, how long, and how often they fail."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runs_assets.days import DAY_US, SECOND_US
from runs_assets_tests.fleet.timetables import (
    BEGIN_US,
    DAYS,
    END_US,
    WARM_DAYS,
    WEEKDAYS,
    Draws,
    Timetable,
    at,
    at_month_end,
    changing,
    every,
    in_bursts,
    never,
    on_demand,
    weekly,
)

NEVER = int(np.iinfo(np.int64).max)
"""When what does not end ends."""
NEVER_ENDING = 1 / 2000
VERSIONED = 0.2
"""The share of pipelines that have a version; of every second one of these it changes."""
CLUSTERING = 0.1
"""How much the outcomes of two runs of a day are correlated, where days are better and worse."""
RETRIED_AFTER_SECONDS = (300, 2400)


@dataclass(frozen=True)
class Family:
    """A kind of pipelines; each pipeline draws its own numbers between the least and the most.

    `rates` of failures, `seconds` that a run takes in the median, `sigmas` of the logarithm of that time, `sites`
    among which its runs are drawn (0: none is named). A failed run that `is_retried` is followed by a success.
    """

    name: str
    timetable: Timetable
    rates: tuple[float, float] = (0.0, 0.0)
    clustering: float = 0.0
    seconds: tuple[float, float] = (40.0, 900.0)
    sigmas: tuple[float, float] = (0.2, 0.8)
    sites: int = 0
    is_retried: bool = False


RARE = (0.0, 0.004)
HOURLY = Family("hourly", every(60), (0.0, 0.03))
QUARTERS = Family("every 15 min", every(15), (0.0, 0.02), seconds=(30, 200))
FOUR_A_DAY = Family("4 a day", at(4), (0.0, 0.01))
DAILY = Family("daily", at(1), RARE)
THREE_A_WEEK = Family("3 a week", at(1, (0, 2, 4)), RARE)
WEEKLY = Family("weekly", weekly, RARE)
ON_WEEKDAYS = Family("weekdays", at(1, WEEKDAYS), RARE)
WITH_HOLIDAYS = Family("weekdays but holidays", at(1, WEEKDAYS, observes_holidays=True), RARE)
HEALTHY = (
    (1, QUARTERS),
    (6, HOURLY),
    (10, FOUR_A_DAY),
    (14, DAILY),
    (8, THREE_A_WEEK),
    (7, ON_WEEKDAYS),
    (7, WITH_HOLIDAYS),
    (6, WEEKLY),
    (3, Family("month-end", at_month_end)),
    (8, Family("on demand", on_demand(2, 25), (0.0, 0.05), sites=10)),
    (6, Family("bursts", in_bursts(4, 40), (0.0, 0.1), sites=10)),
    (3, Family("noisy", at(8), (0.05, 0.3))),
    (3, Family("noisy, clustered", every(120), (0.05, 0.3), CLUSTERING, sites=10)),
    (3, Family("noisy on demand", on_demand(5, 30), (0.05, 0.3), CLUSTERING)),
    (4, Family("never fails", at(12))),
    (5, Family("retried", at(2), (0.01, 0.03), is_retried=True)),
    (2, Family("retried, hourly", every(60), (0.01, 0.03), is_retried=True)),
    (3, Family("20 hours", at(1), RARE, seconds=(64_000, 76_000), sigmas=(0.05, 0.2))),
    (5, Family("heavy-tailed", at(8), (0.0, 0.02), seconds=(200, 1200), sigmas=(1.0, 1.2))),
    (1, Family("daily, then at another hour", changing(at(1), at(1)), RARE)),
    (1, Family("4 a day, then hourly", changing(at(4), every(60)), (0.0, 0.01))),
    (1, Family("weekdays, then daily", changing(at(1, WEEKDAYS), at(1)), RARE)),
    (2, Family("on demand, more", changing(on_demand(3, 5), on_demand(15, 30)), (0.0, 0.03))),
    (2, Family("on demand, less", changing(on_demand(15, 30), on_demand(3, 5)), (0.0, 0.03))),
    (1, Family("new, hourly", changing(never, every(60), least_day=2), (0.0, 0.02))),
    (1, Family("new, 4 a day", changing(never, at(4), least_day=2), (0.0, 0.01))),
    (2, Family("new, daily", changing(never, at(1), least_day=2), RARE)),
)
"""How many healthy pipelines of each family a source has."""


def runs_of(family: Family, rng: Draws) -> pd.DataFrame:
    """All runs of one pipeline, in the order of their creation.

    `created`, `started` and `ended` are microseconds since the epoch; `ended` is `NEVER` for a run that does not end.
    `site` and `version` are -1 where none is named; `is_hit` is whether something was planted into the run.
    """
    created = family.timetable(rng)
    count = len(created)
    median = np.exp(rng.uniform(*np.log(family.seconds)))
    seconds = median * np.exp(rng.normal(0, rng.uniform(*family.sigmas), count))
    failed = rng.uniform(size=count) < _rates(family, created, rng)
    started = created + rng.exponential(20, count).astype(np.int64) * SECOND_US
    took = np.ceil(np.where(failed, rng.uniform(0.1, 1, count), 1) * seconds).astype(np.int64) * SECOND_US
    is_versioned, change = rng.uniform() < VERSIONED, rng.uniform(BEGIN_US, 2 * END_US - BEGIN_US)
    is_endless = rng.uniform(size=count) < NEVER_ENDING
    columns = {
        "created": created,
        "started": started,
        "ended": np.where(is_endless, NEVER, started + took),
        "failed": failed & ~is_endless,
        "site": rng.integers(family.sites, size=count) if family.sites else np.full(count, -1),
        "version": (created >= change) if is_versioned else np.full(count, -1),
        "exit_code": np.where(failed & ~is_endless, np.where(rng.uniform(size=count) < 0.7, 1, 2), 0),
        "is_hit": np.zeros(count, np.bool_),
    }
    runs = pd.DataFrame(columns)
    return _with_retries(runs, rng) if family.is_retried else runs


def named(family: Family, name: str, rate: float | None = None, sites: int = 0) -> Family:
    """The same under another name; with one failure rate, or with sites."""
    rates = family.rates if rate is None else (rate, rate)
    return replace(family, name=name, rates=rates, sites=sites)


def _rates(family: Family, created: NDArray[np.int64], rng: Draws) -> NDArray[np.float64]:
    """The failure rate at each run: of the pipeline, or of the day."""
    rate = rng.uniform(*family.rates)
    if not family.clustering or not rate:
        return np.full(len(created), rate)
    scale = (1 - family.clustering) / family.clustering
    by_day = rng.beta(rate * scale, (1 - rate) * scale, WARM_DAYS + DAYS + 1)
    return by_day[(created - BEGIN_US) // DAY_US]


def _with_retries(runs: pd.DataFrame, rng: Draws) -> pd.DataFrame:
    """Each failed run is followed soon by another one, under an id of its own, that succeeds."""
    failed = runs[runs["failed"]]
    later = failed["ended"] + rng.integers(*RETRIED_AFTER_SECONDS, len(failed)) * SECOND_US
    again = failed.assign(created=later, started=later, ended=later + 120 * SECOND_US, failed=False, exit_code=0)
    return pd.concat([runs, again]).sort_values("created", ignore_index=True, kind="stable")
