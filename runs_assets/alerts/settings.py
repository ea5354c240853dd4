"""The settings of notifications."""

from datetime import timedelta

from pydantic import SecretStr

from runs_assets.settings import PREFIX, EnvironmentSettings, PositiveDuration, project_settings


class UnreadSettings(EnvironmentSettings):
    """What of the settings of notifications holds without them, and is no secret."""

    unread_after_hours: PositiveDuration = 6

    @property
    def unread_after(self) -> timedelta:
        """How long a source may go unread before that is an incident."""
        return timedelta(hours=self.unread_after_hours)


class AlertSettings(UnreadSettings):
    """`alert_urls` are Apprise URLs separated by white space or commas, each a secret.

    `tag,tag=` stands before those that have tags. `heartbeat_url` gets a GET after each evaluation.
    """

    alert_urls: SecretStr | None = None
    heartbeat_url: SecretStr | None = None


def alert_settings() -> AlertSettings:
    """The `RUNS_ASSETS_*` settings of notifications; raises `SettingsError` naming each invalid one."""
    return AlertSettings.load(PREFIX)


def longest_unread_by_settings() -> timedelta:
    """How old what is known of a source may be; raises `SettingsError`."""
    today_every = timedelta(minutes=project_settings().today_every_minutes)
    return longest_unread(UnreadSettings.load(PREFIX).unread_after, today_every)


def longest_unread(unread_after: timedelta, today_every: timedelta) -> timedelta:
    """How old what is known of a source may be: never less than the time of two readings."""
    return max(unread_after, 2 * today_every)
