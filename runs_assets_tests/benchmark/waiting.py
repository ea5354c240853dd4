"""Waiting: how much of the time that an API takes to answer is used, with 50 ms a request and the default pages.

Measured is what `raw_runs` takes of the run, by Dagster's own account.
"""

from collections.abc import Iterator

from runs_assets_tests.benchmark.children import Served, serving
from runs_assets_tests.benchmark.figures import Figure, by_round
from runs_assets_tests.benchmark.plan import MIDDLE, MONTH, NAMES, Plan

WAIT_SECONDS = 0.05
ROWS = 10_000
"""A day: 10 pages of CloudCruise, 100 of Productsup."""
WINDOWS = 4
AT_MOST_OF_WAITING, AT_LEAST_AS_FAST = 1.15, 3.0


def measure(plan: Plan) -> Iterator[Figure]:
    """A month of CloudCruise, read as one window and as several, and a day of Productsup."""
    measures = {"cloudcruise": _cloudcruise, "productsup": _productsup}
    for source in plan.sources:
        yield from measures[source](plan)


def _cloudcruise(plan: Plan) -> Iterator[Figure]:
    alone, several = [], []
    with serving("cloudcruise", dict.fromkeys(MONTH, plan.rows(ROWS)), wait_seconds=WAIT_SECONDS) as served:
        for number in plan.rounds:
            plan.say(f"cloudcruise: waiting, round {number}")
            alone.append(_reading(served, CLOUDCRUISE_PARALLEL="1"))
            several.append(_reading(served, CLOUDCRUISE_PARALLEL=str(WINDOWS)))
    yield _overlap(f"{NAMES['cloudcruise']}: {len(MONTH)} days", alone)
    times = ([seconds for seconds, _ in readings] for readings in (alone, several))
    yield Figure(
        f"{NAMES['cloudcruise']}: {WINDOWS} windows at once, times as fast as one",
        by_round(*times),
        "{:.2f}",
        at_least=AT_LEAST_AS_FAST,
    )


def _productsup(plan: Plan) -> Iterator[Figure]:
    readings = []
    with serving("productsup", {MIDDLE: plan.rows(ROWS)}, wait_seconds=WAIT_SECONDS) as served:
        for number in plan.rounds:
            plan.say(f"productsup: waiting, round {number}")
            readings.append(_reading(served))
    yield _overlap(f"{NAMES['productsup']}: a day of {plan.rows(ROWS) // 100} pages", readings)


def _reading(served: Served, **settings: str) -> tuple[float, float]:
    """The seconds that reading all of it took, and those that its requests had to wait."""
    before = served.requests()
    ended = served.materialized(min(served.days), max(served.days), settings)
    return ended["reading_seconds"], WAIT_SECONDS * (served.requests() - before)


def _overlap(what: str, readings: list[tuple[float, float]]) -> Figure:
    return Figure(
        f"{what}, with 50 ms a request: time of reading, of the pure waiting",
        by_round(*zip(*readings, strict=True)),
        "{:.2f}",
        at_most=AT_MOST_OF_WAITING,
    )
