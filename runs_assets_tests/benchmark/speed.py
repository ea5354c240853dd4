"""Speed: the marginal rate of whole processes between a day of 100,000 and one of 400,000 runs, in turn with others.

What every run costs whatever its size cancels out. Each round measures everybody, and its rates are compared with each
other alone.
"""

import math
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from tempfile import TemporaryDirectory

from runs_assets_tests.benchmark.children import Ended, Served, module, serving
from runs_assets_tests.benchmark.figures import Figure, by_round, rate
from runs_assets_tests.benchmark.plan import LARGE_PAGES, NAMES, Plan

SMALL_DAY, LARGE_DAY = date(2025, 4, 2), date(2025, 4, 4)
DLT_DAYS = date(2025, 4, 6), date(2025, 4, 8)
DAYS = {SMALL_DAY: 100_000, LARGE_DAY: 400_000, DLT_DAYS[0]: 10_000, DLT_DAYS[1]: 40_000}
"""A tenth for dlt, which would take minutes each time."""
THIS_PROJECT = "this project"
OTHERS = {"the floor": "floor", "a plain loop": "plain", "dlt": "with_dlt"}
"""The readers that the project is compared with, and their modules."""
AT_LEAST_OF_FLOOR = 0.5
NO_DLT = "not measured: dlt is not installed"

Rates = dict[str, list[float]]
"""Rows/s by round, of each reader."""


def measure(plan: Plan) -> Iterator[Figure]:
    """The figures of each source."""
    for source in plan.sources:
        rates = _rates(source, plan)
        yield from _ratios(NAMES[source], rates)
        for who, values in rates.items():
            yield Figure(f"{NAMES[source]}: speed of {who}", values, "{:,.0f} rows/s")


def _rates(source: str, plan: Plan) -> Rates:
    others = [who for who in OTHERS if who != "dlt" or find_spec("dlt")]
    rates: Rates = {who: [] for who in (THIS_PROJECT, *others)}
    with serving(source, {day: plan.rows(count) for day, count in DAYS.items()}) as served:
        for number in plan.rounds:
            plan.say(f"{source}: speed, round {number}")
            for who, values in rates.items():
                values.append(_rate(served, who))
    return rates


def _rate(served: Served, who: str) -> float:
    small, large = DLT_DAYS if who == "dlt" else (SMALL_DAY, LARGE_DAY)
    small_seconds, large_seconds = (_seconds(served, who, day) for day in (small, large))
    return rate(small_seconds, large_seconds, served.days[large] - served.days[small])


def _seconds(served: Served, who: str, day: date) -> float:
    if who == THIS_PROJECT:
        return served.materialized(day, day, LARGE_PAGES).seconds
    return _read_by(OTHERS[who], served, day).seconds


def _read_by(name: str, served: Served, day: date) -> Ended:
    """Raises `RuntimeError` if it loses more than the runs at page edges."""
    first = sum(count for other, count in served.days.items() if other > day)
    count = served.days[day]
    with TemporaryDirectory() as folder:
        target = folder if name == OTHERS["dlt"] else f"{folder}/runs.parquet"
        ended = module(name, served.source, served.url, day, first, count, target)
    if not 0.99 * count <= ended["rows"] <= count:
        raise RuntimeError(f"{name} read {ended['rows']:,} of {count:,} runs of {day}")
    return ended


def _ratios(name: str, rates: Rates) -> Iterator[Figure]:
    for who in OTHERS:
        what = f"{name}: speed, of {who}'s"
        at_least = AT_LEAST_OF_FLOOR if who == "the floor" else -math.inf
        if who in rates:
            yield Figure(what, by_round(rates[THIS_PROJECT], rates[who]), "{:.2f}", at_least)
        else:
            yield Figure(what, (), "{:.2f}", at_least, why_not=NO_DLT)
