"""When what is told of all sources is too old. Not for daily assets: a backfill of an old day would make them fresh."""

from datetime import timedelta

import dagster as dg

from runs_assets.alerts.settings import longest_unread_by_settings
from runs_assets.errors import SettingsError
from runs_assets.settings import project_settings

LEAST_WINDOW = timedelta(minutes=1)
"""Dagster refuses shorter ones."""


def freshness_policy() -> dg.FreshnessPolicy | None:
    """Stale when a source would count as unread, with a warning after two readings that were due.

    None if a setting cannot be used, which is reported at load.
    """
    try:
        expected = 2 * timedelta(minutes=project_settings().today_every_minutes)
        fails = max(longest_unread_by_settings(), LEAST_WINDOW)
    except SettingsError:
        return None
    warns = expected if LEAST_WINDOW <= expected < fails else None
    return dg.FreshnessPolicy.time_window(fail_window=fails, warn_window=warns)
