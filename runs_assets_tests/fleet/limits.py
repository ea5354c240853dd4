"""The seeds, and what is stated: figures that must not become worse (`figures.figures_of`)."""

from typing import Final

TUNING_SEEDS: Final = (0, 1)
"""Rules may be tuned with these."""
HELD_OUT_SEEDS: Final = (100, 101)
"""And must be as good on these, which nothing is tuned with."""
LIMITS: Final[dict[str, float]] = {}
SHORT_LIMITS: Final[dict[str, float]] = {}
