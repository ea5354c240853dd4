"""The files of the report, written so that a reader sees the old or the new one, and the command that writes them."""

import webbrowser
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console

from runs_assets.alerts.settings import longest_unread_by_settings
from runs_assets.days import utc_now
from runs_assets.insight.commands import Stored
from runs_assets.insight.fleet import Fleet, fleet_of
from runs_assets.insight.printing import say
from runs_assets.report import charts
from runs_assets.report.metrics import METRICS_FILE, metrics_of
from runs_assets.report.page import report_page
from runs_assets.report.published import PAGE
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import REPORT_WRITER, Layout
from runs_assets.storage.store import StoredFile
from runs_assets.watch_file import WatchFile


def report(console: Console, *, opens: bool) -> None:
    """Write the report, print its address, and with `opens` show it in the browser.

    Raises `SettingsError`, `NoDataFolderError`, `BusyError` while another process writes it, and `StorageError` if what
    is stored was never judged, or cannot be read or written.
    """
    stored = Stored.of(None)
    page = publish(stored.layout, fleet_by_settings(stored.layout, stored.watch, stored.sources, utc_now()))
    say(console, page.uri)
    if not charts.are_available():
        say(console, charts.HOW_TO_GET)
    if opens:
        webbrowser.open(page.uri)


def fleet_by_settings(layout: Layout, watch: WatchFile, sources: Sequence[Source], now: datetime) -> Fleet:
    """What a report is about: `fleet_of` in the window and with the limit that the settings give; raises as it does."""
    days, longest = project_settings().window_days, longest_unread_by_settings()
    return fleet_of(layout, watch, sources, now=now, window_days=days, longest_unread=longest)


def publish(layout: Layout, fleet: Fleet) -> StoredFile:
    """Write the files about a fleet; returns the page.

    Raises `BusyError` while another process writes them, `StorageError` if the folder cannot be written.
    """
    contents = {PAGE: report_page(fleet, with_charts=charts.are_available()), METRICS_FILE: metrics_of(fleet)}
    with layout.lock_file(REPORT_WRITER).held("the report"):
        for name, content in contents.items():
            layout.report_file(name).replace(content)
    return layout.report_file(PAGE)
