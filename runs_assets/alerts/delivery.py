"""Delivery: at least once, to each address on its own, and never for longer than half a minute at a time.

`Notifier` is the one place that sends. A notification waits in the outbox, which is on the disk before anything is
sent, until its address has taken it. An address that fails is tried again by later evaluations, after growing waits,
for three days. One that hangs is left behind in a thread of its own: it delays no other, and no process that ends.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, Queue
from threading import Thread

from runs_assets.alerts.addresses import Address
from runs_assets.alerts.evaluation import evaluate
from runs_assets.alerts.memory import Delivery, Memory, MemoryFile, Notification, UndeliveredNotification
from runs_assets.alerts.notifications import notification_of
from runs_assets.alerts.observation import Observation
from runs_assets.storage.layout import Layout

log = logging.getLogger(__name__)
PATIENCE_SECONDS, LOCK_PATIENCE_SECONDS = 30.0, 60.0
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
GIVEN_UP_AFTER, REMEMBERED_FOR = timedelta(days=3), timedelta(days=35)
SHOWN = 10
"""Titles that a report names."""


@dataclass(frozen=True)
class Report:
    """The titles of the new notifications, and how many deliveries are still to be made."""

    titles: tuple[str, ...] = ()
    waiting: int = 0

    def __str__(self) -> str:
        """As one sentence or two."""
        rest = f" and {len(self.titles) - SHOWN} more" if len(self.titles) > SHOWN else ""
        news = f"Notified: {'; '.join(self.titles[:SHOWN])}{rest}." if self.titles else "Nothing new."
        return f"{news} Deliveries waiting: {self.waiting}." if self.waiting else news


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

        def news(before: Memory) -> tuple[Sequence[Notification], Memory]:
            found = evaluate(before, seen)
            return [notification_of(decision, seen) for decision in found.decisions], found.memory

        return self._deliver(news, seen.now)

    def send(self, notification: Notification) -> Report:
        """Deliver a notification that somebody else decided on."""
        return self._deliver(lambda before: ([notification], before), notification.decided_at)

    def _deliver(self, news: Callable[[Memory], tuple[Sequence[Notification], Memory]], now: datetime) -> Report:
        if not self.addresses:
            return Report()
        file = MemoryFile(self.layout)
        with file.locked(self.lock_patience):
            notifications, memory = news(file.load(now))
            outbox = (*memory.outbox, *_deliveries_of(notifications, self.addresses))
            memory = _tidied(memory.model_copy(update={"outbox": outbox}), self.addresses, now)
            file.save(memory)
            after = _Round(self.addresses, now, file.save, self.patience).deliver(memory)
        return Report(tuple(notification.title for notification in notifications), len(after.outbox))


def _deliveries_of(notifications: Iterable[Notification], addresses: Sequence[Address]) -> list[Delivery]:
    """One for each notification and each address that takes it; all addresses, if it is routed to none of them."""
    return [
        Delivery(notification=one, address=address.fingerprint, next_try_at=one.decided_at)
        for one in notifications
        for address in [address for address in addresses if address.takes(one)] or addresses
    ]


def _tidied(memory: Memory, addresses: Sequence[Address], now: datetime) -> Memory:
    """Without what is for addresses that are gone, and without what was given up long ago."""
    known = {address.fingerprint for address in addresses}
    kept = tuple(one for one in memory.outbox if one.address in known)
    if gone := len(memory.outbox) - len(kept):
        log.warning("Dropped %d deliveries: their address is no longer set.", gone)
    undelivered = tuple(one for one in memory.undelivered if now - one.given_up_at <= REMEMBERED_FOR)
    return memory.model_copy(update={"outbox": kept, "undelivered": undelivered})


def _after_try(memory: Memory, delivery: Delivery, now: datetime, *, was_taken: bool) -> Memory:
    """The memory when a delivery of its outbox was tried: taken, to be tried later, or given up."""
    rest = tuple(one for one in memory.outbox if one is not delivery)
    if was_taken:
        return memory.model_copy(update={"outbox": rest})
    notification = delivery.notification
    if now - notification.decided_at >= GIVEN_UP_AFTER:
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
