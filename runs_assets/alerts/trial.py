"""`runs-assets notify --test`: one labelled message to each address, and which of them took it."""

from rich.console import Console

from runs_assets.alerts.addresses import usable_addresses
from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notification
from runs_assets.alerts.settings import alert_settings
from runs_assets.days import utc_now
from runs_assets.errors import SettingsError
from runs_assets.watch_entries import Severity


def send_test(console: Console) -> int:
    """Send it now, whatever the routes say; returns 1 if an address is invalid or refuses, else 0.

    Raises `SettingsError` if there is no valid address.
    """
    addresses, faults = usable_addresses(alert_settings().alert_urls)
    if not addresses:
        raise SettingsError("RUNS_ASSETS_ALERT_URLS is not set: there is nobody to send a message to.")
    refused = 0
    for fault in faults:
        console.print(str(fault), markup=False, highlight=False, soft_wrap=True)
    for place, address in enumerate(addresses, start=1):
        tags = f" with the tags {', '.join(sorted(address.tags))}" if address.tags else ""
        notification = Notification(
            title=f"TEST of runs-assets ({place} of {len(addresses)})",
            body=f"This is a test. It went to address {address.position} of RUNS_ASSETS_ALERT_URLS{tags}.",
            event=Event.SUMMARY,
            severity=Severity.INFO,
            decided_at=utc_now(),
        )
        was_taken = address.send(notification)
        refused += not was_taken
        outcome = "taken" if was_taken else "REFUSED, or not reached"
        console.print(f"Address {address.position}{tags}: {outcome}.", markup=False, highlight=False, soft_wrap=True)
    return int(refused > 0 or bool(faults))
