"""The addresses that notifications go to: Apprise URLs, which are secrets, with the tags of what they take.

Apprise is asked to follow no redirect (it would turn a POST into a GET and call that delivered), to keep nothing on
disk, and to send in the thread that asks. It is imported when a notification is due, not before: it takes a while.
"""

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import SecretStr

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notification
from runs_assets.errors import SettingsError
from runs_assets.plain_text.redaction import RedactingFilter, Redactor
from runs_assets.watch_entries import Severity

if TYPE_CHECKING:
    import apprise

LOGGERS = (
    "apprise",
    *(f"urllib3.{part}" for part in ("connection", "connectionpool", "poolmanager", "response", "util.retry")),
    *(f"requests_oauthlib.{part}" for part in ("oauth1_auth", "oauth1_session", "oauth2_session")),
    "oauthlib.oauth1.rfc5849",
)
LEAST = 4
"""Characters: a shorter part of a URL is no secret, or cannot be told from other words."""

_TAGGED = re.compile(r"(?P<tags>[A-Za-z0-9_-]+(?:,[A-Za-z0-9_-]+)*)=(?P<url>[A-Za-z][A-Za-z0-9+.-]*://.*)", re.DOTALL)
_redact = Redactor()
_log_filter = RedactingFilter(_redact)


@dataclass(frozen=True)
class Address:
    """Where notifications go, with its place in the setting, from 1; without tags it takes all of them."""

    position: int
    url: SecretStr
    tags: frozenset[str]
    service: "apprise.NotifyBase" = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits, too few to betray the URL.

        Not Apprise's `url_id`: that leaves out the targets, so that two rooms of one chat would count as one.
        """
        return hashlib.blake2b(self.url.get_secret_value().encode(), digest_size=4).hexdigest()

    def takes(self, notification: Notification) -> bool:
        """Whether a notification goes here: one without tags goes everywhere."""
        return not self.tags or not notification.tags or bool(self.tags & set(notification.tags))

    def send(self, notification: Notification) -> bool:
        """Send now; returns whether it was taken. May take as long as the other side lets it."""
        import apprise  # noqa: PLC0415  (0.3 seconds)

        sender = apprise.Apprise(asset=self.service.asset)
        sender.add(self.service)
        good = {Event.RESOLVED: apprise.NotifyType.SUCCESS, Event.SUMMARY: apprise.NotifyType.INFO}
        bad = apprise.NotifyType.FAILURE if notification.severity is Severity.CRITICAL else apprise.NotifyType.WARNING
        kind = good.get(notification.event, bad)
        return bool(sender.notify(notification.body, notification.title, kind, apprise.NotifyFormat.TEXT))


def addresses_of(urls: SecretStr | None) -> tuple[Address, ...]:
    """The addresses of `RUNS_ASSETS_ALERT_URLS`, none if it is not set; `SettingsError` for an invalid one."""
    addresses, faults = usable_addresses(urls)
    if faults:
        raise faults[0]
    return addresses


def usable_addresses(urls: SecretStr | None) -> tuple[tuple[Address, ...], list[SettingsError]]:
    """The valid addresses, and what is wrong with the others; `SettingsError` if nobody could be notified of that."""
    texts = urls.get_secret_value().split() if urls else []
    _keep_out_of_logs(texts)
    found: dict[SecretStr, Address] = {}
    faults: list[SettingsError] = []
    for position, text in enumerate(texts, start=1):
        try:
            address = _address(position, text)
            if address.url in found:
                raise _invalid(position, "is listed twice; give it all of its tags at once, as tag,tag=URL")
            found[address.url] = address
        except SettingsError as error:
            faults.append(error)
    if faults and not found:
        raise faults[0]
    return tuple(found.values()), faults


def _address(position: int, text: str) -> Address:
    import apprise  # noqa: PLC0415

    tagged = _TAGGED.fullmatch(text)
    tags, url = (frozenset(tagged["tags"].split(",")), tagged["url"]) if tagged else (frozenset[str](), text)
    asset = apprise.AppriseAsset(
        storage_mode=apprise.PersistentStoreMode.MEMORY, service_timeout=0, http_redirects=False, async_mode=False
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        raise _invalid(position, "is not a URL that Apprise supports")
    if "overflow=" not in url:
        service.overflow_mode = apprise.OverflowMode.SPLIT  # or a long notification is refused as a whole
    return Address(position, SecretStr(url), tags, service)


def _invalid(position: int, why: str) -> SettingsError:
    return SettingsError(
        f"Invalid setting RUNS_ASSETS_ALERT_URLS: address {position} {why}. Correct it in the environment or in .env; "
        "see https://github.com/caronc/apprise/wiki for supported URLs."
    )


def _keep_out_of_logs(urls: Iterable[str]) -> None:
    """For the life of the process: what is given up as too slow may still log when it ends."""
    for url in urls:
        parts = {part for piece in re.split(r"[/:@?&=#,]+", url) for part in (piece, unquote(piece))}
        _redact.learn(url, *(part for part in parts if len(part) >= LEAST))
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_log_filter)
