"""Speed: the marginal rate of whole processes between a day of 100,000 and one of 400,000 runs, in turn with others.

What every run costs whatever its size cancels out. Each round measures everybody, and its rates are compared with each
other alone.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from importlib.util import find_spec
from operator import attrgetter
from tempfile import TemporaryDirectory

from runs_assets_tests.benchmark.children import Ended, Served, module, serving
from runs_assets_tests.benchmark.figures import Figure, by_round, rate
from runs_assets_tests.benchmark.plan import LARGE_PAGES, NAMES, Plan

SMALL_DAY, LARGE_DAY = date(2025, 4, 2), date(2025, 4, 4)
DLT_DAYS = date(2025, 4, 6), date(2025, 4, 8)
DAYS = {SMALL_DAY: 100_000, LARGE_DAY: 400_000, DLT_DAYS[0]: 10_000, DLT_DAYS[1]: 40_000}
"""A tenth for dlt, which would take minutes each time."""
THIS_PROJECT, FLOOR, PLAIN, DLT = "this project", "the floor", "a plain loop", "dlt"
OTHERS = {FLOOR: "floor", PLAIN: "plain", DLT: "with_dlt"}
"""The readers that the project is compared with, and their modules."""
AT_LEAST_OF_FLOOR = 0.5
NO_DLT = "not measured: dlt is not installed"

Rounds = dict[str, list[tuple[Ended, Ended]]]
"""The small and the large day of each round, by reader."""


def measure(plan: Plan) -> Iterator[Figure]:
    """The figures of each source."""
    for source in plan.sources:
        with serving(source, {day: plan.rows(count) for day, count in DAYS.items()}) as served:
            rounds = _rounds(served, plan)
        rates = {who: _rates(served, who, rounds, attrgetter("seconds")) for who in rounds}
        in_cpu = (_rates(served, who, rounds, attrgetter("cpu_seconds")) for who in (THIS_PROJECT, FLOOR))
        yield from _ratios(NAMES[source], rates)
        yield Figure(f"{NAMES[source]}: speed, of {FLOOR}'s, in processor time", by_round(*in_cpu), "{:.2f}")
        for who, values in rates.items():
            yield Figure(f"{NAMES[source]}: speed of {who}", values, "{:,.0f} rows/s")


def _rounds(served: Served, plan: Plan) -> Rounds:
    others = [who for who in OTHERS if who != DLT or find_spec("dlt")]
    rounds: Rounds = {who: [] for who in (THIS_PROJECT, *others)}
    for number in plan.rounds:
        plan.say(f"{served.source}: speed, round {number}")
        for who, ended in rounds.items():
            small, large = (_read(served, who, day) for day in _days(who))
            ended.append((small, large))
    return rounds


def _rates(served: Served, who: str, rounds: Rounds, took: Callable[[Ended], float]) -> list[float]:
    """Rows/s by round."""
    fewer, more = (served.days[day] for day in _days(who))
    return [rate(took(small), took(large), more - fewer) for small, large in rounds[who]]


def _days(who: str) -> tuple[date, date]:
    return DLT_DAYS if who == DLT else (SMALL_DAY, LARGE_DAY)


def _read(served: Served, who: str, day: date) -> Ended:
    return served.materialized(day, day, LARGE_PAGES) if who == THIS_PROJECT else _read_by(OTHERS[who], served, day)


def _read_by(name: str, served: Served, day: date) -> Ended:
    """Raises `RuntimeError` if it loses more than the runs at page edges."""
    first = sum(count for other, count in served.days.items() if other > day)
    count = served.days[day]
    with TemporaryDirectory() as folder:
        target = folder if name == OTHERS[DLT] else f"{folder}/runs.parquet"
        arguments = (served.source, served.url, day, first, count, target)
        ended = module(name, *arguments, with_pandas=name == OTHERS[PLAIN])
    if not 0.99 * count <= ended["rows"] <= count:
        raise RuntimeError(f"{name} read {ended['rows']:,} of {count:,} runs of {day}")
    return ended


def _ratios(name: str, rates: Mapping[str, list[float]]) -> Iterator[Figure]:
    for who in OTHERS:
        what = f"{name}: speed, of {who}'s"
        at_least = AT_LEAST_OF_FLOOR if who == FLOOR else -math.inf
        ratios = by_round(rates[THIS_PROJECT], rates[who]) if who in rates else []
        yield Figure(what, ratios, "{:.2f}", at_least, why_not=NO_DLT)
