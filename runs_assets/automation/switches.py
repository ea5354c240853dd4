"""When the schedules and sensors of a source are on, and the sentences that say why they are not."""

from pathlib import Path

import dagster as dg

from runs_assets.settings import is_present
from runs_assets.sources.source import Source

TEMPORARY_HOME_PREFIX = ".tmp_dagster_home_"
IS_TEMPORARY = (
    "Off, because DAGSTER_HOME is not set: Dagster then keeps its history in a temporary folder that is lost when it "
    "stops. Set DAGSTER_HOME to an absolute path (the README's line does), and start again."
)


def is_on(source: Source) -> bool:
    """Whether to start on by default: the source is configured, and Dagster's history is kept."""
    return source.is_configured and is_kept()


def why_off(source: Source) -> str:
    """A sentence on why it is off by default; empty if it is on."""
    if not is_kept():
        return IS_TEMPORARY
    return "" if source.is_configured else f"Off until {source.what_it_needs} are set."


def is_temporary(instance: dg.DagsterInstance) -> bool:
    """Whether the instance's history is lost when Dagster stops."""
    return instance.is_persistent and Path(instance.root_directory).name.startswith(TEMPORARY_HOME_PREFIX)


def is_kept() -> bool:
    """Whether `DAGSTER_HOME` is set, so that Dagster's history outlives it."""
    return is_present(["DAGSTER_HOME"])
