"""The addresses that notifications go to: Apprise URLs, which are secrets, with the tags of what they take.

Apprise is asked to follow no redirect (it would turn a POST into a GET and call that delivered), to keep nothing on
disk, and to send in the thread that asks. It is imported when a notification is due, not before: it takes a while.
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from urllib.request import getproxies

from pydantic import SecretStr
from rich.console import Console

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Notification
from runs_assets.alerts.settings import alert_settings
from runs_assets.days import utc_now
from runs_assets.errors import SettingsError
from runs_assets.http.connections import UNUSABLE_PROXY, is_usable_proxy
from runs_assets.plain_text.redaction import RedactingFilter, Redactor
from runs_assets.settings import LOOPBACK_HOSTS
from runs_assets.watch_entries import Severity

if TYPE_CHECKING:
    import apprise

LOGGERS = (
    "apprise",
    *(f"urllib3.{part}" for part in ("connection", "connectionpool", "poolmanager", "response", "util.retry")),
    *(f"requests_oauthlib.{part}" for part in ("oauth1_auth", "oauth1_session", "oauth2_session")),
    "oauthlib.oauth1.rfc5849",
)
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIED = ("http", "https", "all")
"""For what a proxy can be set that requests asks."""
LEAST = 4
"""Characters: a shorter part of a URL is no secret, or cannot be told from other words."""

_TAGGED = re.compile(r"(?P<tags>[A-Za-z0-9_-]+(?:,[A-Za-z0-9_-]+)*)=(?P<url>[A-Za-z][A-Za-z0-9+.-]*://.*)", re.DOTALL)
_NEXT = re.compile(r",+(?=(?:[A-Za-z0-9_-]+(?:,[A-Za-z0-9_-]+)*=)?[A-Za-z][A-Za-z0-9+.-]*://)")
_redact = Redactor()
_log_filter = RedactingFilter(_redact)


@dataclass(frozen=True)
class Address:
    """Where notifications go, with its place in the setting, from 1.

    Without tags it takes all of them, else those that a route sends to one of its tags.

    A URL with several targets, such as the rooms of a chat, is as many addresses: what one target refuses is tried
    again for it alone.
    """

    position: int
    url: SecretStr
    target: str = field(repr=False)
    tags: frozenset[str]
    service: "apprise.NotifyBase" = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits, too few to betray the URL.

        Not Apprise's `url_id`: that leaves out the targets, so that two rooms of one chat would count as one.
        """
        return hashlib.blake2b(f"{self.url.get_secret_value()}{self.target}".encode(), digest_size=4).hexdigest()

    def takes(self, notification: Notification) -> bool:
        """Whether a notification goes here."""
        return not self.tags or bool(self.tags & set(notification.tags))

    def send(self, notification: Notification) -> bool:
        """Send now; returns whether it was taken. May take as long as the other side lets it."""
        import apprise  # noqa: PLC0415  (0.3 seconds)

        _spare_loopback()
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
    """The valid addresses, and what is wrong with the others, and with the way to those that are on another machine.

    Raises `SettingsError` if nobody could be notified of that.
    """
    texts = list(_texts(urls.get_secret_value())) if urls else []
    _keep_out_of_logs(texts)
    found: dict[SecretStr, list[Address]] = {}
    faults: list[SettingsError] = []
    for position, text in enumerate(texts, start=1):
        try:
            addresses = _addresses(position, text)
            if addresses[0].url in found:
                raise _invalid(position, "is listed twice; give it all of its tags at once, as tag,tag=URL")
            found[addresses[0].url] = addresses
        except SettingsError as error:
            faults.append(error)
    if faults and not found:
        raise faults[0]
    usable = tuple(address for addresses in found.values() for address in addresses)
    return usable, [*faults, *_of_proxies(usable)]


def _of_proxies(addresses: Iterable[Address]) -> Iterator[SettingsError]:
    """That a proxy cannot be used: Apprise would only say that an address did not take a notification."""
    proxies = [proxy for scheme, proxy in getproxies().items() if scheme in PROXIED]
    is_any_elsewhere = any(address.service.host not in LOOPBACK_HOSTS for address in addresses)
    if is_any_elsewhere and not all(map(is_usable_proxy, proxies)):
        yield SettingsError(UNUSABLE_PROXY)


def send_test(console: Console) -> int:
    """Send it now, whatever the routes say; returns 1 if an address is invalid or refuses, else 0.

    Raises `SettingsError` if there is no valid address.
    """
    addresses, faults = usable_addresses(alert_settings().alert_urls)
    if not addresses:
        raise SettingsError("RUNS_ASSETS_ALERT_URLS is not set: there is nobody to send a message to.")
    refused = 0
    for fault in faults:
        console.print(str(fault), markup=False, highlight=False, soft_wrap=True)
    for place, address in enumerate(addresses, start=1):
        tags = f" with the tags {', '.join(sorted(address.tags))}" if address.tags else ""
        body = f"This is a test. It went to address {address.position} of RUNS_ASSETS_ALERT_URLS{tags}."
        title = f"TEST of runs-assets ({place} of {len(addresses)})"
        was_taken = address.send(Notification.summary(title, [body], utc_now()))
        refused += not was_taken
        outcome = "taken" if was_taken else "REFUSED, or not reached"
        console.print(f"Address {address.position}{tags}: {outcome}.", markup=False, highlight=False, soft_wrap=True)
    return int(refused > 0 or bool(faults))


def _addresses(position: int, text: str) -> list[Address]:
    import apprise  # noqa: PLC0415

    tagged = _TAGGED.fullmatch(text)
    tags, url = (frozenset(tagged["tags"].split(",")), tagged["url"]) if tagged else (frozenset[str](), text)
    asset = apprise.AppriseAsset(
        storage_mode=apprise.PersistentStoreMode.MEMORY, service_timeout=0, http_redirects=False, async_mode=False
    )
    services = _by_target(url, asset)
    if not services:
        raise _invalid(position, "is not a URL that Apprise supports")
    if "overflow=" not in url:
        for service in services.values():
            service.overflow_mode = apprise.OverflowMode.SPLIT  # or a long notification is refused as a whole
    for service in services.values():
        _trust_as_readers_do(service)
    return [Address(position, SecretStr(url), target, tags, service) for target, service in services.items()]


def _by_target(url: str, asset: "apprise.AppriseAsset") -> dict[str, "apprise.NotifyBase"]:
    """A service for each target of a URL, or one for all of them where they cannot be told apart; none if invalid."""
    import apprise  # noqa: PLC0415

    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return {}
    parsed = apprise.plugins.url_to_dict(url)  # type: ignore[no-untyped-call]
    targets = [part for target in parsed.get("targets") or () for part in str(target).split(",")]
    single = {one: apprise.Apprise.instantiate({**parsed, "targets": [one]}, asset=asset) for one in targets}
    each = {target: found for target, found in single.items() if found is not None and len(found) == 1}
    return each if len(each) > 1 and len(each) == len(service) else {"": service}


def _trust_as_readers_do(service: Any) -> None:
    """With the certificates of `SSL_CERT_FILE`, unless requests has a setting of its own, or is to trust all."""
    certificates = next((file for name in CERTIFICATES if (file := os.environ.get(name))), None)
    if service.verify_certificate and certificates and Path(certificates).exists():
        service.verify_certificate = certificates


def _spare_loopback() -> None:
    """Keep a proxy away from addresses on this machine: requests asks the environment alone."""
    if not getproxies():
        return
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*hosts, *sorted(LOOPBACK_HOSTS - set(hosts))])


def _texts(value: str) -> Iterator[str]:
    """The addresses, each with its tags; a comma before the next one separates, too."""
    for text in value.split():
        begin = 0
        for comma in _NEXT.finditer(text):
            if "://" in text[begin : comma.start()]:
                yield text[begin : comma.start()]
                begin = comma.end()
        if rest := text[begin:].strip(","):
            yield rest


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
