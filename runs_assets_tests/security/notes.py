"""A notification of nothing in particular."""

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notification
from runs_assets.watch_entries import Severity
from runs_assets_tests.conftest import NOW


def notification() -> Notification:
    return Notification(title="title", body="body", event=Event.OPENED, severity=Severity.INFO, decided_at=NOW)
