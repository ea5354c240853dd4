"""Delivery: at least once, to each address on its own, and never for longer than half a minute at a time.

`Notifier` is the one place that sends. A notification waits in the outbox, which is on the disk before anything is
sent, until its address has taken it. An address that fails is tried again by later evaluations, after growing waits,
for three days. One that hangs is left behind in a thread of its own: it delays no other, and no process that ends.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, Queue
from threading import Thread

import httpx
from pydantic import SecretStr

from runs_assets.alerts.addresses import Address
from runs_assets.alerts.evaluation import evaluate
from runs_assets.alerts.memory import Delivery, Memory, MemoryFile, Notification, UndeliveredNotification
from runs_assets.alerts.notifications import notification_of, still_open, welcome_of
from runs_assets.alerts.observation import Observation
from runs_assets.errors import SettingsError
from runs_assets.http.connections import new_client
from runs_assets.http.transport import USER_AGENT
from runs_assets.settings import checked_base_url
from runs_assets.storage.layout import Layout

log = logging.getLogger(__name__)
PATIENCE_SECONDS, LOCK_PATIENCE_SECONDS, HEARTBEAT_SECONDS = 30.0, 60.0, 10.0
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
GIVEN_UP_AFTER, REMEMBERED_FOR = timedelta(days=3), timedelta(days=35)
PAUSE, WELCOMED_AFTER = timedelta(hours=1), timedelta(hours=1)
SHOWN = 10
"""Titles that a report names."""


@dataclass(frozen=True)
class Report:
    """The titles of the new notifications, and how many deliveries are still to be made.

    `unsent` is how many of them are for nobody: no route sends them to an address, and all addresses have tags.
    """

    titles: tuple[str, ...] = ()
    waiting: int = 0
    unsent: int = 0

    def __str__(self) -> str:
        """As one sentence or two."""
        rest = f" and {len(self.titles) - SHOWN} more" if len(self.titles) > SHOWN else ""
        news = f"Notified: {'; '.join(self.titles[:SHOWN])}{rest}." if self.titles else "Nothing new."
        unsent = f" For nobody, by the routes: {self.unsent}." if self.unsent else ""
        return f"{news}{unsent} Deliveries waiting: {self.waiting}." if self.waiting else news + unsent


@dataclass(frozen=True)
class Notifier:
    """Notifies the addresses that are set of one data folder's news; without any it does nothing and keeps nothing.

    One process at a time, so that the sensor and the command line never send the same. `patience` is for one round of
    deliveries, `lock_patience` for another process, in seconds. Both methods raise `BusyError` if that goes on for
    longer, and `StorageError` if the disk refuses; never because an address fails.
    """

    layout: Layout
    addresses: Sequence[Address]
    patience: float = PATIENCE_SECONDS
    lock_patience: float = LOCK_PATIENCE_SECONDS

    def notify(self, seen: Observation) -> Report:
        """Decide what is new and deliver it, and what is still undelivered from before."""
        evaluated_at = MemoryFile(self.layout).evaluated_at
        is_resumed = evaluated_at is not None and seen.now - evaluated_at > PAUSE
        return self._deliver(partial(_news, seen=replace(seen, is_resumed=is_resumed)), seen.now)

    def send(self, notification: Notification) -> Report:
        """Deliver a notification that somebody else decided on."""
        return self._deliver(lambda before: ([notification], before), notification.decided_at)

    def _deliver(self, news: Callable[[Memory], tuple[Sequence[Notification], Memory]], now: datetime) -> Report:
        if not self.addresses:
            return Report()
        file = MemoryFile(self.layout)
        with file.locked(self.lock_patience):
            before = file.load(now)
            notifications, memory = news(before)
            memory = _with_new_addresses(memory, before, self.addresses, now)
            outbox = (*memory.outbox, *_deliveries_of(notifications, self.addresses))
            memory = _tidied(memory.model_copy(update={"outbox": outbox}), self.addresses, now)
            save = partial(file.save, now=now)
            save(memory)
            after = _Round(self.addresses, now, save, self.patience).deliver(memory)
        unsent = sum(not _deliveries_of([notification], self.addresses) for notification in notifications)
        return Report(tuple(notification.title for notification in notifications), len(after.outbox), unsent)


def _news(before: Memory, seen: Observation) -> tuple[Sequence[Notification], Memory]:
    """What to send now, and what to remember.

    A new installation sends one welcome, when all sources that are awaited have been read or after an hour; what is
    wrong by then is part of it.
    """
    is_new = before.welcomed_at is None and not before.sources
    begun_at = before.begun_at or seen.now
    if is_new and seen.now - begun_at < WELCOMED_AFTER and not seen.is_complete:
        return [], before.model_copy(update={"begun_at": begun_at})
    found = evaluate(before, seen)
    notifications = [notification_of(decision, seen) for decision in found.decisions]
    if not is_new:
        return notifications, found.memory
    return [welcome_of(notifications, seen)], found.memory.model_copy(update={"welcomed_at": seen.now})


def _with_new_addresses(memory: Memory, before: Memory, addresses: Sequence[Address], now: datetime) -> Memory:
    """Addresses that were not there before hear of what was open, and take over what waits for addresses that are gone.

    So one that was corrected misses nothing.
    """
    present = {address.fingerprint for address in addresses}
    new = [] if before.addresses is None else [one for one in addresses if one.fingerprint not in before.addresses]
    left = [one for one in memory.outbox if one.address not in present]
    outbox = [one for one in memory.outbox if one.address in present or not new]
    for address in new:
        taken = {one.notification: one for one in left if address.takes(one.notification)}
        outbox += _deliveries_of([*taken, *still_open(before, address.tags, now)], [address])
    return memory.model_copy(update={"outbox": tuple(outbox), "addresses": tuple(sorted(present))})


def _deliveries_of(notifications: Iterable[Notification], addresses: Sequence[Address]) -> list[Delivery]:
    """One for each notification and each address that takes it; all addresses, if it is routed to none of them."""
    return [
        Delivery(notification=one, address=address.fingerprint, next_try_at=one.decided_at)
        for one in notifications
        for address in [address for address in addresses if address.takes(one)] or (addresses if one.tags else ())
    ]


def _tidied(memory: Memory, addresses: Sequence[Address], now: datetime) -> Memory:
    """Without what waited for three days for an address that is gone, and without what was given up long ago."""
    known = {address.fingerprint for address in addresses}
    kept = [one for one in memory.outbox if one.address in known or _is_young(one, now)]
    if gone := len(memory.outbox) - len(kept):
        log.warning("Dropped %d deliveries: their address is no longer set.", gone)
    undelivered = tuple(one for one in memory.undelivered if now - one.given_up_at <= REMEMBERED_FOR)
    return memory.model_copy(update={"outbox": tuple(kept), "undelivered": undelivered})


def _is_young(delivery: Delivery, now: datetime) -> bool:
    return now - delivery.notification.decided_at < GIVEN_UP_AFTER


def _after_try(memory: Memory, delivery: Delivery, now: datetime, *, was_taken: bool) -> Memory:
    """The memory when a delivery of its outbox was tried: taken, to be tried later, or given up."""
    rest = tuple(one for one in memory.outbox if one is not delivery)
    if was_taken:
        return memory.model_copy(update={"outbox": rest})
    notification = delivery.notification
    if not _is_young(delivery, now):
        log.error("Gave up on a notification that could not be delivered for 3 days: %s", notification.title)
        lost = UndeliveredNotification(title=notification.title, decided_at=notification.decided_at, given_up_at=now)
        return memory.model_copy(update={"outbox": rest, "undelivered": (*memory.undelivered, lost)})
    wait = min(FIRST_WAIT * 2.0 ** min(delivery.tries, 16), LONGEST_WAIT)
    again = delivery.model_copy(update={"tries": delivery.tries + 1, "next_try_at": now + wait})
    return memory.model_copy(update={"outbox": tuple(again if one is delivery else one for one in memory.outbox)})


@dataclass
class _Round:
    """One round of deliveries of what is due `now`; `save` makes the memory durable after each."""

    addresses: Sequence[Address]
    now: datetime
    save: Callable[[Memory], None]
    patience: float
    results: Queue[tuple[str, bool | None]] = field(default_factory=Queue)

    def deliver(self, memory: Memory) -> Memory:
        """Try all that is due, each address in its own thread and in order, until it fails or the time is up."""
        until = time.monotonic() + self.patience
        waiting = {address.fingerprint: self._due(memory, address) for address in self.addresses}
        working = {fingerprint for fingerprint, due in waiting.items() if due}
        for address in self.addresses:
            if address.fingerprint in working:
                due = list(waiting[address.fingerprint])
                Thread(target=self._send, args=(address, due, until), daemon=True).start()
        while working and (result := self._next_result(until)):
            fingerprint, was_taken = result
            if was_taken is None:
                working.discard(fingerprint)
                continue
            memory = _after_try(memory, waiting[fingerprint].pop(0), self.now, was_taken=was_taken)
            self.save(memory)
        for tried in [waiting[fingerprint][0] for fingerprint in sorted(working) if waiting[fingerprint]]:
            memory = _after_try(memory, tried, self.now, was_taken=False)
            self.save(memory)
        return memory

    def _due(self, memory: Memory, address: Address) -> list[Delivery]:
        """Also what is to be tried in more than the longest wait: a clock was ahead when that was decided."""
        mine = (one for one in memory.outbox if one.address == address.fingerprint)
        return [one for one in mine if not timedelta(0) < one.next_try_at - self.now <= LONGEST_WAIT]

    def _next_result(self, until: float) -> tuple[str, bool | None] | None:
        try:
            return self.results.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return None

    def _send(self, address: Address, deliveries: list[Delivery], until: float) -> None:
        try:
            for delivery in deliveries:
                if time.monotonic() >= until:
                    break
                was_taken = address.send(delivery.notification)
                self.results.put((address.fingerprint, was_taken))
                if not was_taken:
                    log.warning("Address %d refused a notification: %s", address.position, delivery.notification.title)
                    break
        finally:
            self.results.put((address.fingerprint, None))


def beat(url: SecretStr, *, has_failed: bool) -> str:
    """Send the heartbeat, a GET of a URL or of `<URL>/fail`; returns a sentence if it did not arrive, else nothing.

    A service such as Healthchecks raises an alarm when none comes, since the daemon itself is down then. The URL is a
    secret: whoever knows it can feign life.

    Raises `SettingsError` for a URL, a proxy or certificates that cannot be used.
    """
    address = checked_heartbeat_url(url) + ("/fail" if has_failed else "")
    try:
        with new_client(address, httpx.Timeout(HEARTBEAT_SECONDS), {"user-agent": USER_AGENT}) as client:
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
