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

FAMILIES: Final[Mapping[str, Stated]] = {
    "4 a day: 1 in a row": (1, inf, 1, 0),
    "4 a day: 2 in a row": (1, inf, 1, 0),
    "4 a day: 3 in a row": (0.34, 17, 1, 0),
    "daily: 1 in a row": (1, inf, 1, 0),
    "daily: 2 in a row": (1, inf, 1, 0),
    "daily: 3 in a row": (0.67, 68, 1, 0),
    "3 a week: 1 in a row": (1, inf, 1, 0),
    "3 a week: 2 in a row": (1, inf, 1, 0),
    "3 a week: 3 in a row": (0.67, 170, 1, 0),
    "weekly: 1 in a row": (1, inf, 1, 0),
    "weekly: 2 in a row": (1, inf, 1, 0),
    "weekly: 3 in a row": (1, inf, 1, 0),
    "12 a day: 2 % to 15 %": (1, inf, 1, 0),
    "12 a day: 2 % to 15 %, slowly": (1, inf, 1, 0),
    "12 a day: 2 % to 40 %": (1, inf, 1, 0),
    "12 a day: 2 % to 40 %, slowly": (1, inf, 1, 0),
    "daily: 2 % to 15 %": (1, inf, 1, 0),
    "daily: 2 % to 15 %, slowly": (1, inf, 1, 0),
    "daily: 2 % to 40 %": (1, inf, 1, 0),
    "daily: 2 % to 40 %, slowly": (1, inf, 1, 0),
    "silent: every 15 min": (0, 5.9, 1, 0),
    "silent: hourly": (0, 7.1, 1, 0),
    "silent: 4 a day": (0, 16, 1, 0),
    "silent: daily": (0, 7.6, 1, 0),
    "silent: 3 a week": (0, 28, 1, 0),
    "silent: weekdays": (0, 4.9, 1, 0),
    "silent: weekly": (0, 2.2, 1, 0),
    "outage: hourly, never failed": (0, 4.4, 1, 0),
    "outage: hourly": (0, 12, 1, 0),
    "outage: every 15 min": (1, inf, 1, 0),
    "hourly: 2 in a row": (1, inf, 1, 0),
    "fails from the first run on: hourly": (0, 21, 1, 0),
    "fails from the first run on: 4 a day": (0, 82, 1, 0),
    "fails from the first run on: daily": (0, 290, 1, 0),
    "one of 10 sites fails": (1, inf, 1, 0),
    "a new reason, same rate": (1, inf, 1, 0),
    "queued for ever for a day: hourly": (0, 4.7, 1, 0),
    "queued for ever for a day: on demand": (1, inf, 1, 0),
    "runs hang: hourly": (0, 10, 1, 0),
    "85 % fail": (0, 26, 11, 0),
    "second silence, a week later": (1, inf, 1, 0),
    "platform: all fail for 2 h": (1, inf, 1, 0),
    "platform: 30 % of all fail for 6 h": (1, inf, 1, 0),
    "platform: nothing runs for 4 h": (1, inf, 1, 0),
    "platform: 60 % of 30 pipelines fail for 12 h": (1, inf, 1, 0),
    "platform: all fail for 8 h": (1, inf, 1, 0),
}
OTHERS: Final[Mapping[str, float]] = {
    "messages: retired: hourly": 32,
    "messages: retired: daily": 28,
    "messages: hourly becomes daily": 2.6,
    "told: public holiday": 1.3,
    "beside: platform: all fail for 2 h": 5.2,
    "beside: platform: 30 % of all fail for 6 h": 0,
    "beside: platform: nothing runs for 4 h": 36,
    "beside: platform: 60 % of 30 pipelines fail for 12 h": 5.2,
    "beside: platform: all fail for 8 h": 47,
    "false incidents: pipelines": 2.6,
    "false DOWN: pipelines": 0,
    "notices: pipelines": 0,
    "flagged: pipelines": 0.093,
    "false incidents: platform": 1.2,
    "false DOWN: platform": 0,
    "notices: platform": 0,
    "flagged: platform": 0.11,
    "false incidents: healthy": 16,
    "false DOWN: healthy": 0,
    "notices: healthy": 0,
    "flagged: healthy": 0.1,
}
SHORT_FAMILIES: Final[Mapping[str, Stated]] = {
    "daily: 1 in a row": (0, 6.9, 1, 0),
    "daily: 2 in a row": (0, 5.2, 1, 0),
    "daily: 3 in a row": (0, 6.6, 1, 0),
    "hourly: 2 in a row": (1, inf, 1, 0),
    "outage: hourly": (0, 3.6, 1, 0),
    "outage: hourly, never failed": (0, 5.8, 1, 0),
    "fails from the first run on: 4 a day": (0, 15, 1, 0),
    "12 a day: 2 % to 40 %": (0, 17, 1, 0),
    "85 % fail": (0, 3.8, 1, 0),
    "silent: hourly": (0, 4.8, 1, 0),
    "queued for ever for a day: hourly": (0, 4.6, 1, 0),
    "one of 10 sites fails": (0, 75, 2, 0),
    "platform: all fail for 8 h": (0, 1.4, 1, 0),
}
SHORT_OTHERS: Final[Mapping[str, float]] = {
    "messages: retired: daily": 4.1,
    "beside: platform: all fail for 8 h": 2.1,
    "false incidents: short": 4.1,
    "false DOWN: short": 0,
    "notices: short": 0,
    "flagged: short": 0.036,
}


def _by_figure(families: Mapping[str, Stated]) -> dict[str, float]:
    return {
        f"{figure}: {family}": limit
        for family, stated in families.items()
        for figure, limit in zip(FIGURES, stated, strict=True)
        if limit < inf
    }


LIMITS: Final = _by_figure(FAMILIES) | dict(OTHERS)
SHORT_LIMITS: Final = _by_figure(SHORT_FAMILIES) | dict(SHORT_OTHERS)
