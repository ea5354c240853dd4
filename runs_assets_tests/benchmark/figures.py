"""A figure, its range over the rounds, and its limit; and the table of all of them."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

HEADINGS = ("figure", "median", "range", "limit", "")


@dataclass(frozen=True)
class Figure:
    """What was measured, a value of each round; the median counts. `form` prints a value, such as `{:.2f} s`."""

    what: str
    values: Sequence[float]
    form: str
    at_least: float = -math.inf
    at_most: float = math.inf
    why_not: str = ""
    """Why there are no values."""

    @property
    def median(self) -> float:
        """Not a number if any round has none, which meets no limit."""
        return math.nan if any(map(math.isnan, self.values)) else statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Whether it keeps to its limit, if it has one."""
        return not self.limit or (bool(self.values) and self.at_least <= self.median <= self.at_most)

    @property
    def limit(self) -> str:
        """In words; empty if it is there to be known only."""
        least = f"at least {self.form.format(self.at_least)}" if self.at_least > -math.inf else ""
        return f"at most {self.form.format(self.at_most)}" if self.at_most < math.inf else least

    @property
    def range(self) -> str:
        """The lowest and the highest value, if there were several rounds."""
        if len(self.values) < 2:
            return ""
        return " to ".join(self.form.format(value) for value in (min(self.values), max(self.values)))

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        median = self.form.format(self.median) if self.values else self.why_not
        mark = ("pass" if self.is_met else "**FAIL**") if self.limit else ""
        return self.what, median, self.range, self.limit, mark


def rate(small_seconds: float, large_seconds: float, more_rows: int) -> float:
    """The marginal rate, rows/s: what the large day has more, by the time it takes more. Not a number if it takes none."""
    longer = large_seconds - small_seconds
    return more_rows / longer if longer > 0 else math.nan


def by_round(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """What each round's value is of the other's in the same round: a machine that slows down slows both."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def exit_status(figures: Iterable[Figure]) -> int:
    """0 if each keeps to its limit, else 1."""
    return 0 if all(figure.is_met for figure in figures) else 1


def shown(figures: Iterable[Figure]) -> Table:
    """The table for a terminal."""
    table = Table(*HEADINGS)
    for figure in figures:
        *cells, mark = figure.cells()
        table.add_row(*cells, mark.strip("*"), style=None if figure.is_met else "red")
    return table


def markdown(figures: Iterable[Figure]) -> str:
    """The table for a README."""
    lines = (HEADINGS, ["---"] * len(HEADINGS), *(figure.cells() for figure in figures))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
