"""The settings of one Productsup CDE account (`PRODUCTSUP_CDE_*`, or another prefix for another account)."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from runs_assets.settings import EnvironmentSettings, Secret, checked_base_url, checked_url

OAUTH_FIELDS = ("token_url", "client_id", "client_secret", "refresh_token")
MAX_PAGE_SIZE = 10_000


class ProductsupSettings(EnvironmentSettings):
    """`page_size` is the rows asked for at a time; the server may give fewer.

    Either `token`, or all four of `token_url`, `client_id`, `client_secret` and `refresh_token`, which then win.
    """

    base_url: Annotated[str, AfterValidator(checked_base_url)] | None = None
    token: Secret | None = None
    token_url: Annotated[str, AfterValidator(checked_url)] | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = 100

    @model_validator(mode="after")
    def _oauth_is_whole(self) -> Self:
        unset = [name.upper() for name in OAUTH_FIELDS if getattr(self, name) is None]
        if 0 < len(unset) < len(OAUTH_FIELDS):
            raise ValueError(f"to refresh tokens, all four OAuth2 settings are needed; not set: {', '.join(unset)}")
        return self

    @property
    def refreshes(self) -> bool:
        """Whether the OAuth2 refresh-token grant is configured."""
        return self.refresh_token is not None
