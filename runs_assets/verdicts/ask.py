"""What the platforms are asked before the days are judged: what pipelines are called, and why their runs failed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.errors import BusyError, SettingsError, StorageError
from runs_assets.reasons.platform_details import Failing, refresh_details
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.storage.lock import writing
from runs_assets.storage.tables import load_table

NEWEST_DAYS = 31


def ask_about_failures(
    source: Source, layout: Layout, clock: Callable[[], datetime], report: Callable[[str], None]
) -> None:
    """Ask a source's API, if it is configured and `RUNS_ASSETS_DETAILS` is on; whatever it answers stops nothing.

    So does a daily file that cannot be read: then only names are asked for. Raises `StorageError` if what was answered
    before cannot be read, or the answers cannot be written.
    """
    if not (project_settings().details and source.is_configured):
        return
    try:
        # Asking may renew tokens, which only one process at a time can.
        with (
            writing(layout.lock_file(source.name), source.name, patience=0, report=report),
            source.api.client(source.name, layout, clock) as client,
        ):
            retention = source.api.capabilities.retention
            failing = _failing_pipelines_if_readable(layout, source.name, clock().date(), report)
            refresh_details(client, source.name, layout, clock(), failing, report, retention=retention)
    except BusyError:
        report(f"{source.name}: is being read; names and reasons are asked for when the tables are built next.")
    except SettingsError as error:
        report(f"{source.name}: could not ask for names and reasons. {error}")


def _failing_pipelines_if_readable(layout: Layout, source: str, today: date, report: Callable[[str], None]) -> Failing:
    try:
        return failing_pipelines(layout, source, today)
    except StorageError as error:
        report(f"{source}: it is not asked why runs failed. {error}")
        return {}


def failing_pipelines(layout: Layout, source: str, today: date) -> Failing:
    """How many runs failed, by day of creation and pipeline, on the stored days of the last 31."""
    days = [day for day in layout.stored_days(FAILURE_RATES.name, source) if day > today - timedelta(days=NEWEST_DAYS)]
    return {day: _failed(layout, source, day) for day in days}


def _failed(layout: Layout, source: str, day: date) -> dict[str, int]:
    rates, _ = load_table(layout, FAILURE_RATES.name, source, day, ["pipeline_id", "failed"])
    rows = zip(rates["pipeline_id"].to_pylist(), rates["failed"].to_pylist(), strict=True)
    return {pipeline: failed for pipeline, failed in rows if pipeline is not None and failed}
