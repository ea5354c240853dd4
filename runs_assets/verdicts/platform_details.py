"""What the platforms are asked before the verdicts are built: what pipelines are called, and why their runs failed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.errors import BusyError, CredentialsError, SettingsError, StorageError
from runs_assets.reasons.platform_details import DetailsRefresh, FailedRuns
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.storage.lock import writing
from runs_assets.storage.tables import load_table

NEWEST_DAYS = 31


def ask_about_failures(
    source: Source, layout: Layout, clock: Callable[[], datetime], report: Callable[[str], None]
) -> None:
    """Ask a source's API, if it is configured and `RUNS_ASSETS_DETAILS` is on; no answer of it is an error.

    Nor is a setting, a proxy or a file of tokens that cannot be used, nor a daily file that cannot be read: then only
    names are asked for. Raises `StorageError` if earlier answers cannot be read, or the new ones cannot be written.
    """
    if not (project_settings().details and source.is_configured):
        return
    try:
        # The client may renew tokens, which only one process at a time can.
        with (
            writing(layout.lock_file(source.name), source.name, patience=0, report=report),
            source.api.client(source.name, layout, clock) as client,
        ):
            now = clock()
            failed_runs = _failed_runs(layout, source.name, now.date(), report)
            retention = source.api.capabilities.retention
            DetailsRefresh(source.name, layout, failed_runs, now, report, retention).run(client)
    except BusyError:
        report(f"{source.name}: it is being read; names and error codes are requested at the next refresh.")
    except (SettingsError, CredentialsError) as error:
        report(f"{source.name}: could not request names and errors. {error}")


def _failed_runs(layout: Layout, source: str, today: date, report: Callable[[str], None]) -> FailedRuns:
    days = (day for day in layout.stored_days(FAILURE_RATES.name, source) if day > today - timedelta(days=NEWEST_DAYS))
    try:
        return {day: _failed_runs_on(layout, source, day) for day in days}
    except StorageError as error:
        report(f"{source}: the reasons of failed runs are not requested. {error}")
        return {}


def _failed_runs_on(layout: Layout, source: str, day: date) -> dict[str, int]:
    rates, _ = load_table(layout, FAILURE_RATES.name, source, day, ["pipeline_id", "failed"])
    rows = zip(rates["pipeline_id"].to_pylist(), rates["failed"].to_pylist(), strict=True)
    return {pipeline: failed for pipeline, failed in rows if pipeline is not None and failed}
