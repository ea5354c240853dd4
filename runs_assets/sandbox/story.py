"""The demo's fortnight: of 16 pipelines, five have something to tell, and the others are well.

The standard profiles depend on the date alone; a story is told as of one day, so that whatever day it is, one pipeline
is down since the day before.
"""

from dataclasses import replace
from datetime import date, timedelta

from runs_assets.days import start_of
from runs_assets.sandbox.profiles import CONNECTORS, WORKFLOWS, Episode, Profiles

NEW_VERSION = "3.0.0"
SILENT = next(connector for connector in CONNECTORS if connector.name == "price-feed")
WORSE, NEWLY_RELEASED, WORSE_EVERY = "address-update", "stock-sync", 30
"""Both run once in so many minutes, and from some day on each third run fails, or each second: hardly two in a row, or
they would be down at some hours by chance."""
WATCH_FILE = f"""\
# A fortnight is too short to learn from it when a pipeline has to run.
[[expectations]]
source = "productsup"
pipeline = "{SILENT.id}"  # {SILENT.name}
every = "4h"
"""


def workflows_of(day: date) -> Profiles:
    """CloudCruise's: one is down, one has recovered, one has become worse hour by hour."""
    midnight = start_of(day)
    return Profiles(
        tuple(
            replace(workflow, creep=0.0, every_minutes=WORSE_EVERY if workflow.name == WORSE else None)
            for workflow in WORKFLOWS
        ),
        (
            Episode("invoice-download", midnight - timedelta(hours=12), failure_rate=1.0),
            Episode(
                "supplier-portal-export", midnight - timedelta(days=6), midnight - timedelta(days=5), failure_rate=1.0
            ),
            Episode(
                WORSE,
                midnight - timedelta(hours=60),
                rises_until=midnight - timedelta(hours=12),
                failure_rate=0.95,
                span_minutes=WORSE_EVERY,
                one_in=3,
            ),
        ),
    )


def connectors_of(day: date) -> Profiles:
    """Productsup's: one is silent, and the new version of one fails."""
    midnight = start_of(day)
    return Profiles(
        tuple(
            replace(connector, creep=0.0, every_minutes=WORSE_EVERY if connector.name == NEWLY_RELEASED else None)
            for connector in CONNECTORS
        ),
        (
            Episode(SILENT.name, midnight - timedelta(hours=12), is_silent=True),
            Episode(
                NEWLY_RELEASED,
                midnight - timedelta(days=2),
                failure_rate=0.95,
                span_minutes=WORSE_EVERY,
                one_in=2,
                version=NEW_VERSION,
            ),
        ),
    )
