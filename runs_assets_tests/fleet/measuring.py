"""One world, from its making to its score."""

from pathlib import Path

from runs_assets_tests.fleet.scores import Score, score
from runs_assets_tests.fleet.telling import follow
from runs_assets_tests.fleet.timetables import DAYS
from runs_assets_tests.fleet.world import HEALTHY_WORLD, PLATFORM, SHORT, make_world

MODULE = "runs_assets_tests.fleet"
README = Path(__file__).with_name("README.md")
DAYS_OF_EVENTS = 18
"""How long the platform's troubles are followed: until the public holidays."""
HEALTHY_STEP_HOURS = 2
"""Between two looks at the healthy fleet, to save time."""
SHORT_SEED, SHORT_SHARE, SHORT_STEP_HOURS, SHORT_DAYS = 7, 0.4, 4, 18


def measure(kind: str, seed: int, step_hours: int = 1) -> Score:
    """With a look every so many hours; at the healthy fleet every other one at most."""
    steps = max(step_hours, HEALTHY_STEP_HOURS) if kind == HEALTHY_WORLD else step_hours
    return score(follow(make_world(kind, seed), steps, DAYS_OF_EVENTS if kind == PLATFORM else DAYS))


def measure_short() -> Score:
    """One world with fewer pipelines, troubles and looks, in which one thing happens to the platform, too."""
    return score(follow(make_world(SHORT, SHORT_SEED, SHORT_SHARE), SHORT_STEP_HOURS, SHORT_DAYS))
