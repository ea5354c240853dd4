"""What is measured: for which sources, how large, how often."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

NAMES = {"cloudcruise": "CloudCruise", "productsup": "Productsup"}
LARGE_PAGES = {"CLOUDCRUISE_PAGE_SIZE": "10000", "PRODUCTSUP_CDE_PAGE_SIZE": "1000"}
MONTH = [date(2025, 3, 1) + timedelta(days=n) for n in range(31)]
MIDDLE = MONTH[15]


@dataclass(frozen=True)
class Plan:
    """`is_quick` is a fifth of the rows in a single round, to see that it works."""

    say: Callable[[str], None]
    sources: tuple[str, ...] = tuple(NAMES)
    is_quick: bool = False

    @property
    def rounds(self) -> range:
        """Their numbers."""
        return range(1, 2 if self.is_quick else 4)

    def rows(self, count: int) -> int:
        """So many, or a fifth."""
        return count // 5 if self.is_quick else count
