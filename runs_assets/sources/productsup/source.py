"""Productsup CDE as a source: its API, and the one function that registers an account."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from runs_assets.errors import SettingsError
from runs_assets.http.auth import Auth, HeaderAuth, RefreshingBearerAuth
from runs_assets.http.token_file import RefreshGrant, TokenFile
from runs_assets.http.transport import Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets.reasons.reason import Explanations
from runs_assets.settling.reach import Capabilities
from runs_assets.sources.productsup.client import SHAPE, ProductsupClient
from runs_assets.sources.productsup.normalize import VERSION, normalize
from runs_assets.sources.productsup.reasons import reason_of_exit_code
from runs_assets.sources.productsup.settings import OAUTH_FIELDS, ProductsupSettings
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage.layout import Layout


class ProductsupApi(RunsApi):
    """A Productsup CDE account, by the settings `<settings_prefix>BASE_URL`, `<settings_prefix>TOKEN` and so on."""

    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> ProductsupClient:
        """See `RunsApi.client`."""
        settings = ProductsupSettings.load(self.settings_prefix)
        if settings.base_url is None:
            raise SettingsError(
                f"{self.settings_prefix}BASE_URL is not set. Put the address of your Productsup CDE API "
                "into .env or the environment."
            )
        redact = Redactor()
        auth = self._auth(settings, redact, layout.token_file(source), clock)
        transport = Transport(settings.base_url, auth, redact, clock=clock)
        return ProductsupClient(transport, settings.page_size)

    @property
    def capabilities(self) -> Capabilities:
        """See `RunsApi.capabilities`."""
        return Capabilities(asks_by_id=True)

    def _auth(
        self, settings: ProductsupSettings, redact: Redactor, token_file: Path, clock: Callable[[], datetime]
    ) -> Auth:
        if settings.refreshes:
            grant = RefreshGrant(
                settings.token_url or "",
                settings.client_id or "",
                _plain(settings.client_secret),
                _plain(settings.refresh_token),
            )
            setting = f"{self.settings_prefix}REFRESH_TOKEN"
            return RefreshingBearerAuth(grant, TokenFile(token_file, grant), redact, clock, setting)
        if settings.token is None:
            names = ", ".join(f"{self.settings_prefix}{name.upper()}" for name in OAUTH_FIELDS)
            raise SettingsError(
                f"{self.settings_prefix}TOKEN is not set. Put a bearer token, or all of {names}, "
                "into .env or the environment."
            )
        token = _plain(settings.token)
        redact.learn(token)
        return HeaderAuth("authorization", f"Bearer {token}", f"{self.settings_prefix}TOKEN")


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


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
