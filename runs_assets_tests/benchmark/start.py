"""Start: what this project costs whatever it reads, beyond Dagster alone.

The best of five, in turn: the first may have to compile the modules.
"""

from collections.abc import Iterator

from runs_assets_tests.benchmark.children import module, python, serving
from runs_assets_tests.benchmark.figures import Figure
from runs_assets_tests.benchmark.plan import MIDDLE, NAMES, Plan

TRIES = 5
ROWS = 100
AT_MOST_IMPORT_SECONDS, AT_MOST_CPU_SECONDS = 0.5, 1.0


def measure(plan: Plan) -> Iterator[Figure]:
    """The import, and a small day of each source."""
    plan.say("start: imports")
    tries = [(_import_seconds("dagster"), _import_seconds("runs_assets.definitions")) for _ in range(TRIES)]
    dagster, project = (min(seconds) for seconds in zip(*tries, strict=True))
    yield Figure("import of dagster", (dagster,), "{:.2f} s")
    yield Figure(
        "import of the definitions, beyond that", (project - dagster,), "{:.2f} s", at_most=AT_MOST_IMPORT_SECONDS
    )
    for source in plan.sources:
        yield _small_day(source, plan)


def _import_seconds(name: str) -> float:
    timing = f"import time; begun = time.perf_counter(); import {name}; print(time.perf_counter() - begun)"
    return float(python("-c", timing).printed)


def _small_day(source: str, plan: Plan) -> Figure:
    plan.say(f"{source}: start, a day of {ROWS} runs")
    with serving(source, {MIDDLE: ROWS}) as served:
        tries = [
            (module("bare", MIDDLE).cpu_seconds, served.materialized(MIDDLE, MIDDLE, {}).cpu_seconds)
            for _ in range(TRIES)
        ]
    bare, project = (min(seconds) for seconds in zip(*tries, strict=True))
    what = f"{NAMES[source]}: processor time of a day of {ROWS} runs, beyond four trivial assets ({bare:.1f} s)"
    return Figure(what, (project - bare,), "{:.2f} s", at_most=AT_MOST_CPU_SECONDS)
