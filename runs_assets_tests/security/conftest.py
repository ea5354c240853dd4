"""A client's transport as the sources make it, against any address, which gives up at the first fault."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from runs_assets.http.header_auth import HeaderAuth
from runs_assets.http.limits import Limits
from runs_assets.http.transport import Transport
from runs_assets.plain_text.redaction import Redactor
from runs_assets_tests.security.markers import CLOUDCRUISE_KEY

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
ONE_TRY = Limits(deadline=0)
Get = Callable[..., bytes]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def get() -> Get:
    """Ask an address for its runs with the key; one try, within some bounds."""

    def ask(base_url: str, limits: Limits = ONE_TRY) -> bytes:
        auth = HeaderAuth("cc-key", CLOUDCRUISE_KEY, "THE_KEY")
        redact = Redactor([CLOUDCRUISE_KEY])
        with Transport(base_url, auth, redact, limits, clock=lambda: datetime(2026, 3, 18, tzinfo=UTC)) as transport:
            return transport.get("/runs", {}, lambda answer: answer.body)

    return ask
