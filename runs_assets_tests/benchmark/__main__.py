"""Speed, memory and ticks, with limits: `python -m runs_assets_tests.benchmark [--only PART] [--source S] [--quick] [--write]`.

Not part of the tests: it takes minutes, and its figures are those of the machine. Run it on one that is otherwise idle.
Exit status 1 if a figure is beyond its limit. The README says what is measured; `--write` writes its table.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from runs_assets_tests.benchmark import judging, memory, speed, start, waiting
from runs_assets_tests.benchmark.children import module
from runs_assets_tests.benchmark.figures import Figure, exit_status, markdown, shown
from runs_assets_tests.benchmark.machine import machine
from runs_assets_tests.benchmark.plan import NAMES, Plan
from runs_assets_tests.readme import write

MODULE = "runs_assets_tests.benchmark --write"
README = Path(__file__).parent / "README.md"
FOREIGN_RUNS, AT_MOST_TICK_MS = 50_000, 100.0
TEN_YEARS_OF_DAYS, AT_MOST_LONG_TICK_MS = 3_650, 50.0


def main() -> None:
    """Measure, report, and exit with 1 if a figure is beyond its limit."""
    options, console = _options(), Console(log_path=False)
    plan = Plan(console.log, tuple(options.source or NAMES), options.quick)
    parts = [options.only] if options.only else list(PARTS)
    figures = [figure for part in parts for figure in _measured(part, plan)]
    console.print(machine(), shown(figures))
    if options.write:
        write(MODULE, f"{machine()}\n\n{markdown(figures)}", README)
    sys.exit(exit_status(figures))


def _measured(part: str, plan: Plan) -> Iterator[Figure]:
    begun = time.perf_counter()
    for figure in PARTS[part](plan):
        plan.say(": ".join(filter(None, figure.cells()[:3])))
        yield figure
    plan.say(f"{part} took {time.perf_counter() - begun:.0f} s")


def _ticks(plan: Plan) -> Iterator[Figure]:
    """What the sensors ask of Dagster every minute, and of a ledger of ten years."""
    count = plan.rows(FOREIGN_RUNS)
    plan.say(f"ticks: beside {count:,} runs of other projects")
    for name, seconds in module("ticks", count)["medians"].items():
        what = f"tick of {name}, beside {count:,} runs of other projects"
        yield Figure(what, (1000 * seconds,), "{:.0f} ms", at_most=AT_MOST_TICK_MS)
    days = plan.rows(TEN_YEARS_OF_DAYS)
    plan.say(f"ticks: over {days:,} stored days")
    for name, seconds in module("ten_years", days)["medians"].items():
        yield Figure(
            f"tick of {name}, over {days:,} stored days", (1000 * seconds,), "{:.0f} ms", at_most=AT_MOST_LONG_TICK_MS
        )


PARTS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "speed": speed.measure,
    "waiting": waiting.measure,
    "memory": memory.measure,
    "start": start.measure,
    "verdicts": judging.measure,
    "ticks": _ticks,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets_tests.benchmark", description="Speed and memory, with limits."
    )
    parser.add_argument("--only", choices=PARTS, help="only this part")
    parser.add_argument("--source", action="append", choices=NAMES, help="only this one; may be given twice")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows, one round: the figures mean less")
    parser.add_argument("--write", action="store_true", help="write the table of the folder's README")
    options = parser.parse_args()
    if options.write and (options.only or options.source or options.quick):
        parser.error("--write needs everything, measured whole")
    return options


if __name__ == "__main__":
    main()
