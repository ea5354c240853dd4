"""The seeds, and what is stated: figures that must not become worse (`figures.figures_of`).

They are of the present rules, with something to spare where a seed decides: lower them with every rule that does better.
"""

from collections.abc import Mapping
from math import inf
from typing import Final

Stated = tuple[float, float, float, float]
"""Of a family of troubles: the share that is missed, hours, openings, and the share that is left open."""
FIGURES: Final = ("missed", "hours", "openings", "open")

TUNING_SEEDS: Final = (0, 1, 2, 3)
"""Rules may be tuned with these."""
HELD_OUT_SEEDS: Final = (100, 101, 102, 103)
"""And must be as good on these, which nothing is tuned with."""

FAMILIES: Final[Mapping[str, Stated]] = {}
OTHERS: Final[Mapping[str, float]] = {}
SHORT_FAMILIES: Final[Mapping[str, Stated]] = {
    "daily: 1 in a row": (1, inf, 1, 0),
    "daily: 2 in a row": (1, inf, 1, 0),
    "daily: 3 in a row": (0, 52, 1, 0),
    "hourly: 2 in a row": (1, inf, 1, 0),
    "outage: hourly": (0, 3.6, 1, 0),
    "outage: hourly, never failed": (0, 5.8, 1, 0),
    "fails from the first run on: 4 a day": (0, 52, 1, 0),
    "12 a day: 2 % to 40 %": (0, 17, 3, 0),
    "85 % fail": (0, 3.8, 15, 0),
    "silent: hourly": (0, 4.8, 1, 0),
    "queued for ever for a day: hourly": (0, 4.6, 1, 0),
    "one of 10 sites fails": (1, inf, 1, 0),
    "platform: all fail for 8 h": (1, inf, 1, 0),
}
SHORT_OTHERS: Final[Mapping[str, float]] = {
    "messages: retired: daily": 11,
    "beside: platform: all fail for 8 h": 21,
    "false incidents: short": 0,
    "false DOWN: short": 0,
    "notices: short": 0,
    "flagged: short": 0.086,
}


def _by_figure(families: Mapping[str, Stated]) -> dict[str, float]:
    return {
        f"{figure}: {family}": limit
        for family, stated in families.items()
        for figure, limit in zip(FIGURES, stated, strict=True)
        if limit < inf
    }


LIMITS: Final = _by_figure(FAMILIES) | OTHERS
SHORT_LIMITS: Final = _by_figure(SHORT_FAMILIES) | SHORT_OTHERS
