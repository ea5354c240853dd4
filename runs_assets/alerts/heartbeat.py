"""The heartbeat: a sign of life to a service that raises an alarm when none comes, since the daemon itself was down.

A GET of `RUNS_ASSETS_HEARTBEAT_URL` after each evaluation, of `<URL>/fail` if it failed: so Healthchecks and services
like it want it. The URL is a secret: whoever knows it can feign life.
"""

import httpx
from pydantic import SecretStr

from runs_assets.errors import SettingsError
from runs_assets.http.connections import new_client
from runs_assets.http.transport import USER_AGENT
from runs_assets.settings import checked_base_url

SECONDS = 10.0


def beat(url: SecretStr, *, has_failed: bool) -> str:
    """Send it, once; returns a sentence if it did not arrive, else nothing.

    Raises `SettingsError` for a URL, a proxy or certificates that cannot be used.
    """
    address = checked_heartbeat_url(url) + ("/fail" if has_failed else "")
    try:
        with new_client(address, httpx.Timeout(SECONDS), {"user-agent": USER_AGENT}) as client:
            answer = client.get(address)
    except httpx.HTTPError as error:
        return f"The heartbeat did not arrive: {type(error).__name__}."
    return "" if answer.is_success else f"The heartbeat was refused: HTTP {answer.status_code}."


def checked_heartbeat_url(url: SecretStr) -> str:
    """The URL without its trailing slash; raises `SettingsError` if it cannot be used."""
    try:
        return checked_base_url(url.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"RUNS_ASSETS_HEARTBEAT_URL {error}.") from None
