"""The troubles of single pipelines: which are planted into which families, and what should be told of them."""

from dataclasses import dataclass
from enum import StrEnum

from runs_assets_tests.fleet.families import (
    DAILY,
    FOUR_A_DAY,
    HOURLY,
    ON_WEEKDAYS,
    QUARTERS,
    THREE_A_WEEK,
    WEEKLY,
    Family,
    named,
)
from runs_assets_tests.fleet.planting import (
    Plant,
    daily_instead,
    failing_for,
    failing_from_the_first,
    failing_runs,
    getting_worse,
    hanging_for,
    new_reason,
    one_site_fails,
    queued_for_ever,
    retired,
    silent_for,
)
from runs_assets_tests.fleet.timetables import at, every, on_demand

SECOND_SILENCE = "second silence, a week later"


class Wish(StrEnum):
    """What should be told of something planted."""

    TOLD = "told"
    AT_MOST_ONCE = "at most once"
    NOT_TOLD = "not told"


@dataclass(frozen=True)
class Trouble:
    """Something planted into a pipeline (None: into the source), from `begins_at` to `ends_at`, microseconds.

    A message about it counts until `slack` (microseconds) after its end. `run_ids` are the runs that it hit; runs that
    are missing have no ids.
    """

    family: str
    pipeline: str | None
    begins_at: int
    ends_at: int
    slack: int
    run_ids: frozenset[str] = frozenset()
    wish: Wish = Wish.TOLD

    @property
    def is_real(self) -> bool:
        """Whether it is more than a healthy day without runs."""
        return self.wish is not Wish.NOT_TOLD

    @property
    def counts_until(self) -> int:
        """Until when a message about it counts, microseconds."""
        return self.ends_at + self.slack


@dataclass(frozen=True)
class Spot:
    """A planted trouble whose pipeline is still a number, or None."""

    family: str
    pipeline: int | None
    begins_at: int
    ends_at: int
    wish: Wish = Wish.TOLD


@dataclass(frozen=True)
class Planned:
    """What is planted into one pipeline, in this order, and the names under which that is scored."""

    family: Family
    plants: tuple[tuple[str, Plant], ...]
    wish: Wish = Wish.TOLD


def _one(name: str, family: Family, plant: Plant, wish: Wish = Wish.TOLD) -> Planned:
    return Planned(family, ((name, plant),), wish)


_STEADY_HOURLY = named(HOURLY, "steady hourly", 0.0)
_BUSY = Family("12 a day", at(12), (0.02, 0.02))
_DAILY = named(DAILY, "daily at 2 %", 0.02)
_SITES = Family("every 30 min, 10 sites", every(30), (0.02, 0.02), sites=10)
_ON_DEMAND = Family("on demand", on_demand(10, 25), (0.0, 0.03))
_RARE = {
    "4 a day": (named(FOUR_A_DAY, "4 a day", 0.0), 12.0),
    "daily": (named(DAILY, "daily", 0.0), 12.0),
    "3 a week": (named(THREE_A_WEEK, "3 a week", 0.0), 12.0),
    "weekly": (named(WEEKLY, "weekly", 0.0), 5.0),
}
_SILENT_HOURS = (
    ("every 15 min", QUARTERS, 6),
    ("hourly", HOURLY, 12),
    ("4 a day", FOUR_A_DAY, 48),
    ("daily", DAILY, 96),
    ("3 a week", THREE_A_WEEK, 240),
    ("weekdays", ON_WEEKDAYS, 120),
    ("weekly", WEEKLY, 360),
)

IN_A_ROW = tuple(
    _one(f"{name}: {count} in a row", family, failing_runs(count, past, least=1, most=most))
    for name, (family, most) in _RARE.items()
    for count in (1, 2, 3)
    for past in (0, 1, 2)
)
WORSE = tuple(
    _one(
        f"{name}: 2 % to {round(100 * rate)} %{', slowly' if slowly else ''}",
        family,
        getting_worse(rate, over_days=slowly),
    )
    for name, family in (("12 a day", _BUSY), ("daily", _DAILY))
    for rate in (0.15, 0.4)
    for slowly in (0, 20)
)
SILENT = tuple(_one(f"silent: {name}", family, silent_for(hours)) for name, family, hours in _SILENT_HOURS)
OTHERS = (
    _one("outage: hourly, never failed", _STEADY_HOURLY, failing_for(12)),
    _one("outage: hourly", HOURLY, failing_for(12)),
    _one("outage: hourly", HOURLY, failing_for(24)),
    _one("outage: every 15 min", QUARTERS, failing_for(5)),
    _one("hourly: 2 in a row", _STEADY_HOURLY, failing_runs(2, 0)),
    _one("fails from the first run on: hourly", HOURLY, failing_from_the_first),
    _one("fails from the first run on: 4 a day", FOUR_A_DAY, failing_from_the_first),
    _one("fails from the first run on: daily", DAILY, failing_from_the_first),
    _one("one of 10 sites fails", _SITES, one_site_fails),
    _one("a new reason, same rate", named(HOURLY, "hourly at 10 %", 0.1), new_reason),
    _one("queued for ever for a day: hourly", HOURLY, queued_for_ever),
    _one("queued for ever for a day: on demand", _ON_DEMAND, queued_for_ever),
    _one("runs hang: hourly", HOURLY, hanging_for(48)),
    _one("85 % fail", HOURLY, failing_for(240, share=0.85, most=10)),
    Planned(
        HOURLY,
        (
            ("silent: hourly", silent_for(12, least=3, most=8)),
            (SECOND_SILENCE, silent_for(12, least=14, most=16)),
        ),
    ),
    _one("retired: hourly", HOURLY, retired, Wish.AT_MOST_ONCE),
    _one("retired: daily", DAILY, retired, Wish.AT_MOST_ONCE),
    _one("hourly becomes daily", HOURLY, daily_instead, Wish.AT_MOST_ONCE),
)
PLANNED = (*IN_A_ROW, *WORSE, *SILENT, *OTHERS)
FEW = (
    *("daily: 1 in a row", "daily: 2 in a row", "daily: 3 in a row", "hourly: 2 in a row", "outage: hourly"),
    *("outage: hourly, never failed", "fails from the first run on: 4 a day", "12 a day: 2 % to 40 %", "85 % fail"),
    *("silent: hourly", "queued for ever for a day: hourly", "one of 10 sites fails", "retired: daily"),
)
"""The families of the short form."""
