"""What is told of a messy fleet, and when: a simulation of a source's pipelines over 86 days.

`python -m runs_assets_tests.fleet [--seeds N] [--held-out] [--step HOURS] [--short]` simulates three worlds for each seed (`world.py`),
follows what the product tells of them at a look every hour (`telling.py`), and prints the tables. Those of seeds that no
rule was tuned with (`--held-out`) it writes into the README here.
"""

import argparse
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, product
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from runs_assets_tests.fleet.figures import FAMILY_HEADER, WORLD_HEADER, check, family_rows, figures_of, world_rows
from runs_assets_tests.fleet.limits import HELD_OUT_SEEDS, LIMITS, SHORT_LIMITS, TUNING_SEEDS
from runs_assets_tests.fleet.measuring import MODULE, README, measure, measure_short
from runs_assets_tests.fleet.scores import Score
from runs_assets_tests.fleet.world import WORLDS
from runs_assets_tests.readme import write

SEEDS, AT_A_TIME, WIDTH = 1, 2, 150


def markdown(scores: Sequence[Score], what: str) -> str:
    """The tables for the README."""
    return "\n\n".join(
        "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))
        for header, rows in _tables(scores, what)
    )


def show(console: Console, scores: Sequence[Score], what: str) -> None:
    """Print the tables, everything that is false, and how long the looks took."""
    for header, rows in _tables(scores, what):
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for score in scores:
        for told in chain(score.false, score.notices):
            console.print(f"{score.name}, false: {told}")
        console.print("{}: {:.0f} ms a look, and {:.0f} ms of the product".format(score.name, *score.milliseconds))


def _tables(scores: Sequence[Score], what: str) -> Iterable[tuple[list[str], Iterable[list[str]]]]:
    yield [what, *FAMILY_HEADER[1:]], family_rows(scores)
    yield WORLD_HEADER, world_rows(scores)


def _measured(seeds: Sequence[int], step_hours: int) -> list[Score]:
    worlds = product(WORLDS, seeds, [step_hours])
    with ProcessPoolExecutor(AT_A_TIME, get_context("spawn")) as processes:
        return list(processes.map(measure, *zip(*worlds, strict=True)))


def main() -> None:
    """Measure, print, write the README's tables, and say what is worse than stated."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, choices=range(1, len(TUNING_SEEDS) + 1), help="how many fleets"
    )
    parser.add_argument("--step", type=int, default=1, help="hours between two looks; more for a first impression")
    parser.add_argument("--held-out", action="store_true", help="seeds that rules must not be tuned with")
    parser.add_argument("--short", action="store_true", help="the small fleet of the tests")
    arguments, console = parser.parse_args(), Console(width=WIDTH)
    seeds = (HELD_OUT_SEEDS if arguments.held_out else TUNING_SEEDS)[: arguments.seeds]
    if arguments.short:
        scores, limits = [measure_short()], SHORT_LIMITS
    else:
        scores, limits = _measured(seeds, arguments.step), LIMITS
    kind = "held out" if arguments.held_out else "for tuning"
    what = f"seeds {', '.join(map(str, seeds))} ({kind}), looks every {arguments.step} h"
    show(console, scores, "the small fleet" if arguments.short else what)
    if arguments.held_out and not arguments.short:
        write(MODULE, markdown(scores, what), README)
    for violation in check(figures_of(scores), limits):
        console.print(violation, style="red")


if __name__ == "__main__":
    main()
