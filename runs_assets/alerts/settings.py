"""The settings of notifications: who gets them, and when a source counts as unread."""

from datetime import timedelta

from pydantic import SecretStr

from runs_assets.settings import EnvironmentSettings, PositiveDuration


class AlertSettings(EnvironmentSettings):
    """`alert_urls` are Apprise URLs separated by white space or commas, each a secret.

    `tag,tag=` stands before those that have tags. `heartbeat_url` gets a GET after each evaluation.
    """

    alert_urls: SecretStr | None = None
    heartbeat_url: SecretStr | None = None
    unread_after_hours: PositiveDuration = 6

    @property
    def unread_after(self) -> timedelta:
        """How long a source may go unread before that is an incident."""
        return timedelta(hours=self.unread_after_hours)


def alert_settings() -> AlertSettings:
    """The `RUNS_ASSETS_*` settings of notifications; raises `SettingsError` naming each invalid one."""
    return AlertSettings.load("RUNS_ASSETS_")
