"""CloudCruise as a source: its settings, its API, and the one function that registers a workspace."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from runs_assets.plain_text.redaction import Redactor
from runs_assets.reasons.reason import Explanations
from runs_assets.settings import EnvironmentSettings, Secret, checked_base_url
from runs_assets.settling.reach import Capabilities
from runs_assets.sources.cloudcruise.normalize import VERSION, normalize
from runs_assets.sources.cloudcruise.reasons import reason_of_error
from runs_assets.sources.cloudcruise.row import MAX_PAGE_SIZE, SHAPE
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage.layout import Layout

if TYPE_CHECKING:
    from runs_assets.sources.cloudcruise.client import CloudCruiseClient

MOST_REQUESTS: Mapping[float, int] = {1: 500, 15: 1000, 60: 2000}
"""What the vendor publishes for each key: seconds, and the requests within them."""


class CloudCruiseSettings(EnvironmentSettings):
    """`retention_days` is how far back the API answers, in days; `page_size` the rows asked for at a time.

    A range of days is read in as many windows side by side as `parallel` says.
    """

    api_key: Secret | None = None
    base_url: Annotated[str, AfterValidator(checked_base_url)] = "https://api.cloudcruise.com"
    retention_days: Annotated[int, Field(ge=1, le=3660)] = 31
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = 1000
    parallel: Annotated[int, Field(ge=1, le=8)] = 1


class CloudCruiseApi(RunsApi):
    """A CloudCruise workspace, by the settings `<settings_prefix>API_KEY` and so on."""

    settings = CloudCruiseSettings

    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> "CloudCruiseClient":  # noqa: ARG002
        """See `RunsApi.client`."""
        from runs_assets.http.header_auth import HeaderAuth
        from runs_assets.http.pace import Pace
        from runs_assets.sources.cloudcruise.client import CloudCruiseClient

        settings = CloudCruiseSettings.load(self.settings_prefix)
        if settings.api_key is None:
            raise self.missing("API_KEY", "the workspace's API key")
        key = settings.api_key.get_secret_value()
        return CloudCruiseClient(
            settings.base_url,
            HeaderAuth("cc-key", key, f"{self.settings_prefix}API_KEY"),
            Redactor([key]),
            clock=clock,
            pace=Pace(MOST_REQUESTS),
            page_size=settings.page_size,
        )

    @property
    def capabilities(self) -> Capabilities:
        """See `RunsApi.capabilities`."""
        settings = CloudCruiseSettings.load(self.settings_prefix)
        return Capabilities(timedelta(days=settings.retention_days), windows=settings.parallel)


def cloudcruise(name: str = "cloudcruise", *, settings_prefix: str | None = None) -> Source:
    """A workspace as a source. Unless given, the prefix is its name's: `cloudcruise_eu` reads `CLOUDCRUISE_EU_*`."""
    prefix = settings_prefix or f"{name.upper()}_"
    return Source(
        name=name,
        platform="cloudcruise",
        api=CloudCruiseApi(settings_prefix=prefix),
        shape=SHAPE,
        normalize=normalize,
        normalizer_version=VERSION,
        needs=((f"{prefix}API_KEY",),),
        explanations=Explanations(error=reason_of_error),
    )
