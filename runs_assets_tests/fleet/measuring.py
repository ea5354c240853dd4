"""One world, from its making to its score."""

from pathlib import Path

from runs_assets_tests.fleet.scores import Score, score
from runs_assets_tests.fleet.telling import follow
from runs_assets_tests.fleet.world import make_world

MODULE = "runs_assets_tests.fleet"
README = Path(__file__).with_name("README.md")
SHORT_SEED, SHORT_SHARE, SHORT_STEP_HOURS = 7, 0.2, 6


def measure(kind: str, seed: int) -> Score:
    """With a look every hour."""
    return score(follow(make_world(kind, seed)))


def measure_short(kind: str) -> Score:
    """With fewer pipelines and looks."""
    return score(follow(make_world(kind, SHORT_SEED, SHORT_SHARE), SHORT_STEP_HOURS))
