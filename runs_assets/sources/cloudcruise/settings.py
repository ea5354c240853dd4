"""The settings of one CloudCruise workspace (`CLOUDCRUISE_*`, or another prefix for another workspace)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from runs_assets.settings import EnvironmentSettings, Secret, checked_base_url

MAX_PAGE_SIZE = 10_000


class CloudCruiseSettings(EnvironmentSettings):
    """`retention_days` is how far back the API answers, in days; `page_size` the rows asked for at a time."""

    api_key: Secret | None = None
    base_url: Annotated[str, AfterValidator(checked_base_url)] = "https://api.cloudcruise.com"
    retention_days: Annotated[int, Field(ge=1, le=3660)] = 31
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = 1000
