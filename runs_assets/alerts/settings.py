"""The settings of messages: to whom they go, and when a source counts as unread."""

from datetime import timedelta

from pydantic import SecretStr

from runs_assets.settings import EnvironmentSettings, PositiveDuration


class AlertSettings(EnvironmentSettings):
    """`alert_urls` are Apprise URLs separated by white space, each a secret, `tag,tag=` before those that have tags."""

    alert_urls: SecretStr | None = None
    unread_after_hours: PositiveDuration = 6

    @property
    def unread_after(self) -> timedelta:
        """How long a source may not be read until that is told."""
        return timedelta(hours=self.unread_after_hours)


def alert_settings() -> AlertSettings:
    """The `RUNS_ASSETS_*` settings of messages; raises `SettingsError` naming each one that is wrong."""
    return AlertSettings.load("RUNS_ASSETS_")
