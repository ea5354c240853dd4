"""Memory: the peak of a process that reads a large day, and of one that reads many days (1 MB = 1,000,000 bytes)."""

from collections.abc import Iterator

from runs_assets_tests.benchmark.children import module, serving
from runs_assets_tests.benchmark.figures import Figure
from runs_assets_tests.benchmark.plan import LARGE_PAGES, MIDDLE, MONTH, NAMES, Plan

DAY_ROWS, MONTH_ROWS = 1_000_000, 100_000
AT_MOST_MB_ABOVE_BARE, AT_MOST_OF_A_DAY = 400.0, 1.15
MEGABYTES = "{:,.0f} MB"


def measure(plan: Plan) -> Iterator[Figure]:
    """Once each: an allocator repeats itself more exactly than a clock."""
    bare = module("bare", MIDDLE)["peak_bytes"]
    yield Figure("bare Dagster: memory", (bare / 1e6,), MEGABYTES)
    for source in plan.sources:
        yield _large_day(source, plan, bare)
        yield from _month(source, plan)


def _large_day(source: str, plan: Plan, bare: int) -> Figure:
    rows = plan.rows(DAY_ROWS)
    plan.say(f"{source}: memory of a day of {rows:,} runs")
    with serving(source, {MIDDLE: rows}) as served:
        peak = served.materialized(MIDDLE, MIDDLE, LARGE_PAGES)["peak_bytes"]
    what = f"{NAMES[source]}: memory for a day of {rows:,} runs, above bare Dagster"
    return Figure(what, ((peak - bare) / 1e6,), MEGABYTES, at_most=AT_MOST_MB_ABOVE_BARE)


def _month(source: str, plan: Plan) -> Iterator[Figure]:
    rows = plan.rows(MONTH_ROWS)
    plan.say(f"{source}: memory of {len(MONTH)} days of {rows:,} runs")
    with serving(source, dict.fromkeys(MONTH, rows), kept_days=2) as served:
        day = served.materialized(MIDDLE, MIDDLE, LARGE_PAGES)["peak_bytes"]
        month = served.materialized(MONTH[0], MONTH[-1], LARGE_PAGES)["peak_bytes"]
    what = f"{NAMES[source]}: memory for {len(MONTH)} days of {rows:,} runs"
    yield Figure(what, (month / 1e6,), MEGABYTES)
    yield Figure(f"{what}, of that for one of them", (month / day,), "{:.2f}", at_most=AT_MOST_OF_A_DAY)
