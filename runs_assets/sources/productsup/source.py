"""Productsup CDE as a source: its settings, its API, and the one function that registers an account."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets.plain_text.redaction import Redactor
from runs_assets.reasons.reason import Explanations
from runs_assets.settings import EnvironmentSettings, Secret, checked_base_url, checked_url
from runs_assets.settling.reach import Capabilities
from runs_assets.sources.productsup.normalize import VERSION, normalize
from runs_assets.sources.productsup.reasons import reason_of_exit_code
from runs_assets.sources.productsup.row import MAX_PAGE_SIZE, SHAPE
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage.layout import Layout

if TYPE_CHECKING:
    from runs_assets.sources.productsup.client import ProductsupClient

OAUTH_FIELDS = ("token_url", "client_id", "client_secret", "refresh_token")


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
    def grant(self) -> RefreshGrant | None:
        """The OAuth2 refresh-token grant, if it is configured."""
        secret, token = self.client_secret, self.refresh_token
        if self.token_url is None or self.client_id is None or secret is None or token is None:
            return None
        return RefreshGrant(self.token_url, self.client_id, secret.get_secret_value(), token.get_secret_value())


class ProductsupApi(RunsApi):
    """A Productsup CDE account, by the settings `<settings_prefix>BASE_URL`, `<settings_prefix>TOKEN` and so on."""

    settings = ProductsupSettings

    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> "ProductsupClient":
        """See `RunsApi.client`."""
        from runs_assets.http.header_auth import Auth, HeaderAuth
        from runs_assets.sources.productsup.client import ProductsupClient

        settings = ProductsupSettings.load(self.settings_prefix)
        if settings.base_url is None:
            raise self.missing("BASE_URL", "the address of your Productsup CDE API")
        redact = Redactor()
        auth: Auth
        if (grant := settings.grant) is not None:
            from runs_assets.http.oauth import RefreshingBearerAuth

            file = TokenFile(layout.token_file(source), grant)
            auth = RefreshingBearerAuth(grant, file, redact, clock, f"{self.settings_prefix}REFRESH_TOKEN")
        elif settings.token is not None:
            token = settings.token.get_secret_value()
            redact.learn(token)
            auth = HeaderAuth("authorization", f"Bearer {token}", f"{self.settings_prefix}TOKEN")
        else:
            names = ", ".join(f"{self.settings_prefix}{name.upper()}" for name in OAUTH_FIELDS)
            raise self.missing("TOKEN", f"a bearer token, or all of {names},")
        return ProductsupClient(settings.base_url, auth, redact, clock=clock, page_size=settings.page_size)

    @property
    def capabilities(self) -> Capabilities:
        """See `RunsApi.capabilities`."""
        return Capabilities(asks_by_id=True, page_size=ProductsupSettings.load(self.settings_prefix).page_size)


def productsup(name: str, *, settings_prefix: str) -> Source:
    """An account as a source."""
    base_url = f"{settings_prefix}BASE_URL"
    return Source(
        name=name,
        platform="productsup",
        api=ProductsupApi(settings_prefix=settings_prefix),
        shape=SHAPE,
        normalize=normalize,
        normalizer_version=VERSION,
        needs=(
            (base_url, f"{settings_prefix}TOKEN"),
            (base_url, *(f"{settings_prefix}{field.upper()}" for field in OAUTH_FIELDS)),
        ),
        explanations=Explanations(exit_code=reason_of_exit_code),
    )
