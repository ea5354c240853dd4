"""What `runs-assets digest` does."""

from rich.console import Console

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.digest import Week, last_week
from runs_assets.alerts.settings import alert_settings
from runs_assets.alerts.tell import Teller
from runs_assets.days import DayRange, utc_now
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import load_watch_file


def tell_digest(console: Console, days: DayRange | None, *, send: bool) -> None:
    """Print a week's summary (default: the last whole week), and send it if anybody is to be told.

    Raises `SettingsError` for a setting that cannot be used, `StorageError` for a table that cannot be read,
    `BusyError` while another process goes on telling.
    """
    settings, now = project_settings(), utc_now()
    layout, watch = Layout(settings.data.absolute()), load_watch_file(settings.watch_file)
    teller = Teller(layout, addresses_of(alert_settings().alert_urls) if send else ())
    summary = Week.stored(layout, days or last_week(now), now).summary(watch, now)
    console.print(summary.title, style="bold", markup=False, highlight=False, soft_wrap=True)
    console.print(summary.body, markup=False, highlight=False, soft_wrap=True)
    if not teller.addresses:
        return
    told = teller.send(summary)
    sent = f"Sent, but {told.undelivered} deliveries are still to be made." if told.undelivered else "Sent."
    console.print(sent, markup=False, highlight=False)
