"""Start: what this project costs whatever it reads, beyond Dagster alone.

The best of five, in turn: the first may have to compile the modules.
"""

from collections.abc import Callable, Iterator
from functools import partial

from runs_assets_tests.benchmark.children import module, python, serving
from runs_assets_tests.benchmark.figures import Figure
from runs_assets_tests.benchmark.plan import MIDDLE, NAMES, Plan

TRIES = 5
ROWS, CHECKS = 100, 9
AT_MOST_IMPORT_SECONDS, AT_MOST_CPU_SECONDS = 0.5, 1.0


def measure(plan: Plan) -> Iterator[Figure]:
    """The import, and a small day of each source."""
    plan.say("start: imports")
    dagster, project = _best(*(partial(_import_seconds, name) for name in ("dagster", "runs_assets.definitions")))
    yield Figure("import of dagster", (dagster,), "{:.2f} s")
    yield Figure(
        "import of the definitions, beyond that", (project - dagster,), "{:.2f} s", at_most=AT_MOST_IMPORT_SECONDS
    )
    for source in plan.sources:
        yield from _small_day(source, plan)
    yield from _causes(plan)


def _best(*measures: Callable[[], float]) -> Iterator[float]:
    """The least that each took, of several rounds in turn."""
    rounds = [[measure() for measure in measures] for _ in range(TRIES)]
    return map(min, zip(*rounds, strict=True))


def _import_seconds(name: str) -> float:
    timing = f"import time; begun = time.perf_counter(); import {name}; print(time.perf_counter() - begun)"
    return float(python("-c", timing).printed)


def _small_day(source: str, plan: Plan) -> Iterator[Figure]:
    plan.say(f"{source}: start, a day of {ROWS} runs")
    with serving(source, {MIDDLE: ROWS}) as served:
        bare, project = _best(_bare, lambda: served.materialized(MIDDLE, MIDDLE, {}).cpu_seconds)
    what = f"{NAMES[source]}: processor time of a day of {ROWS} runs, beyond four trivial assets ({bare:.1f} s)"
    yield Figure(what, (project - bare,), "{:.2f} s", at_most=AT_MOST_CPU_SECONDS)


def _causes(plan: Plan) -> Iterator[Figure]:
    """What of it is not in our hands as long as there are these checks."""
    plan.say("start: what Dagster takes for checks")
    bare, checked = _best(_bare, partial(_bare, CHECKS))
    yield Figure(f"of it, {CHECKS} trivial checks in Dagster alone", (checked - bare,), "{:.2f} s")


def _bare(checks: int = 0) -> float:
    return module("bare", MIDDLE, checks).cpu_seconds
