"""How often healthy pipelines are called down or silent, and how soon broken ones are: a simulation.

`python -m runs_assets_tests.verdicts.quiet [--seeds N]` simulates two months of pipelines for each seed (`simulated.py`),
tells what the product's rules make of them at a look every hour (`telling.py`), and prints the table of the README here
and writes it there. A seed takes about a minute.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from math import isfinite
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median

from rich.console import Console
from rich.table import Table

from runs_assets_tests.readme import write
from runs_assets_tests.verdicts.scores import Outcome, Score, false_messages, score
from runs_assets_tests.verdicts.simulated import MOST_A_DAY, PIPELINES, simulate
from runs_assets_tests.verdicts.telling import three_in_a_row, told, troubles_of

MODULE = "runs_assets_tests.verdicts.quiet"
README = Path(__file__).with_name("README.md")
SCENARIOS = {"independent": 0.0, "clustered by day": 0.1}
"""How much the outcomes of two runs of a day are correlated."""
SEEDS, AT_A_TIME = 5, 2


@dataclass(frozen=True)
class Measured:
    """Of one simulation: the product's score, and the false messages of a rule that calls three failures an outage."""

    score: Score
    naive: int


def measure(seed: int, correlation: float, pipelines: int = PIPELINES, most_a_day: float = MOST_A_DAY) -> Measured:
    """Simulate, tell and compare."""
    simulation = simulate(seed, correlation, pipelines=pipelines, most_a_day=most_a_day)
    history = simulation.history
    found = troubles_of(history)
    naive = told(history, three_in_a_row(history))
    return Measured(score(simulation, told(history, found), found), false_messages(simulation, naive))


def lines_of(measured: Mapping[str, Sequence[Measured]]) -> Iterator[list[str]]:
    """The lines of the table: what is measured, and its value in each scenario."""
    for name, value in _LINES.items():
        yield [name, *(value(found) for found in measured.values())]


def markdown(measured: Mapping[str, Sequence[Measured]]) -> str:
    """The table for the README."""
    header = [f"{max(map(len, measured.values()))} seeds each", *measured]
    rows = [header, ["---"] * len(header), *lines_of(measured)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _false(counts: list[int]) -> str:
    return f"{mean(counts):,.1f} ({', '.join(f'{count:,}' for count in counts)})"


def _outages(measured: Sequence[Measured]) -> list[Outcome]:
    return [one for found in measured for one in found.score.outages]


def _silences(measured: Sequence[Measured]) -> list[Outcome]:
    return [one for found in measured for one in found.score.silences]


def _of(outcomes: list[Outcome], holds: Callable[[Outcome], bool]) -> str:
    return f"{sum(map(holds, outcomes))} of {len(outcomes)}"


def _typical(values: list[float]) -> str:
    """Of those that were told."""
    known = [value for value in values if isfinite(value)]
    return f"{median(known):.3g}, at most {max(known):.3g}"


_LINES: dict[str, Callable[[Sequence[Measured]], str]] = {
    "false messages a seed": lambda them: _false([len(it.score.false) for it in them]),
    "... openings among them": lambda them: _false([it.score.false_openings for it in them]),
    "false messages a seed if three failures in a row were an outage": lambda them: _false([it.naive for it in them]),
    "planted outages told, once": lambda them: _of(_outages(them), lambda it: it.is_told_once),
    "... at the first look after the rule's k-th failure": lambda them: _of(_outages(them), lambda it: it.in_time),
    "... k: median": lambda them: _typical([it.failures for it in _outages(them)]),
    "... hours after the first failed run was created: median": lambda them: _typical(
        [it.hours for it in _outages(them)]
    ),
    "... closed once, at the first look after the first success": lambda them: _of(
        _outages(them), lambda it: it.is_closed_once
    ),
    "planted silences told, once": lambda them: _of(_silences(them), lambda it: it.is_told_once),
    "... by the end of the first UTC day without runs, or in 2 hours": lambda them: _of(
        _silences(them), lambda it: it.in_time
    ),
    "... hours after the first missed run: median": lambda them: _typical([it.hours for it in _silences(them)]),
    "... closed once, at the first look after a success and two runs, or before": lambda them: _of(
        _silences(them), lambda it: it.is_closed_once
    ),
}


def show(console: Console, measured: Mapping[str, Sequence[Measured]]) -> None:
    """Print the table, and every false message."""
    table = Table("", *measured, title="How quiet it is")
    for line in lines_of(measured):
        table.add_row(*line)
    console.print(table)
    for name, found in measured.items():
        for seed, one in enumerate(found):
            for message in one.score.false:
                console.print(f"{name}, seed {seed}, false: {message}")


def main() -> None:
    """Measure, print, and write the README's table."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many histories of each kind")
    seeds, console = range(parser.parse_args().seeds), Console()
    with ProcessPoolExecutor(AT_A_TIME, get_context("spawn")) as processes:
        pending = {name: processes.map(measure, seeds, repeat(how)) for name, how in SCENARIOS.items()}
        measured = {name: list(found) for name, found in pending.items()}
    show(console, measured)
    write(MODULE, markdown(measured), README)


if __name__ == "__main__":
    main()
