"""The accounts: all of the platform whose API forgets nothing, so that each of their days stays in reach."""

from datetime import date, datetime
from pathlib import Path

from runs_assets.sources.productsup.source import productsup
from runs_assets.sources.source import Source

PLATFORM = "productsup"
PREFIX = "GROWTH_"


def account_names(count: int) -> list[str]:
    """Those of the first accounts."""
    return [f"account_{number:03}" for number in range(count)]


def accounts(count: int) -> tuple[Source, ...]:
    """The first accounts, which share their settings."""
    return tuple(productsup(name, settings_prefix=PREFIX) for name in account_names(count))


def settings(data: Path | str, first_day: date, count: int, now: datetime) -> dict[str, str]:
    """The variables that they need; nothing is asked of an API."""
    return {
        "RUNS_ASSETS_DATA": str(data),
        "RUNS_ASSETS_FIRST_DAY": str(first_day),
        "RUNS_ASSETS_DETAILS": "false",
        "GROWTH_ACCOUNTS": str(count),
        "GROWTH_NOW": now.isoformat(),
        f"{PREFIX}BASE_URL": "http://127.0.0.1:9",
        f"{PREFIX}TOKEN": "benchmark",
    }
