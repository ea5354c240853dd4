"""Delivering what was decided: at least once, to each address on its own, and never for longer than half a minute.

A message waits in the outbox, which is on the disk before anything is sent, until its address has taken it. An address
that fails is tried again at later looks, after growing waits, for three days. One that hangs is left behind in a thread
of its own: it holds up no other, and no process that wants to end.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, Queue
from threading import Thread

from runs_assets.alerts.addresses import Address
from runs_assets.alerts.state import Delivery, GivenUp, Message, State

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 30.0
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=3)
REMEMBERED_FOR = timedelta(days=35)


def deliveries_of(messages: Iterable[Message], addresses: Sequence[Address]) -> tuple[Delivery, ...]:
    """A delivery for each message and each address that takes it; all addresses, if it is routed to none of them."""
    return tuple(
        Delivery(message=message, address=address.fingerprint, next_try_at=message.decided_at)
        for message in messages
        for address in [address for address in addresses if address.takes(message)] or addresses
    )


def after_try(state: State, delivery: Delivery, now: datetime, *, was_taken: bool) -> State:
    """The state when a delivery of its outbox was tried: taken, to be tried later, or given up."""
    rest = tuple(one for one in state.outbox if one is not delivery)
    if was_taken:
        return state.model_copy(update={"outbox": rest})
    if now - delivery.message.decided_at >= GIVEN_UP_AFTER:
        log.error("Gave up on a message that could not be delivered for 3 days: %s", delivery.message.title)
        lost = GivenUp(title=delivery.message.title, decided_at=delivery.message.decided_at, given_up_at=now)
        return state.model_copy(update={"outbox": rest, "given_up": (*state.given_up, lost)})
    wait = min(FIRST_WAIT * 2.0 ** min(delivery.tries, 16), LONGEST_WAIT)
    again = delivery.model_copy(update={"tries": delivery.tries + 1, "next_try_at": now + wait})
    return state.model_copy(update={"outbox": tuple(again if one is delivery else one for one in state.outbox)})


def tidied(state: State, addresses: Sequence[Address], now: datetime) -> State:
    """Without what is for addresses that are gone, and without what was given up long ago."""
    known = {address.fingerprint for address in addresses}
    if gone := [one for one in state.outbox if one.address not in known]:
        log.warning("%d messages are not delivered: their address is no longer set.", len(gone))
    kept = tuple(one for one in state.outbox if one.address in known)
    remembered = tuple(one for one in state.given_up if now - one.given_up_at <= REMEMBERED_FOR)
    return state.model_copy(update={"outbox": kept, "given_up": remembered})


@dataclass
class Round:
    """One round of deliveries of what is due `now`; `save` makes the state durable after each."""

    addresses: Sequence[Address]
    now: datetime
    save: Callable[[State], None]
    patience: float = PATIENCE_SECONDS
    results: Queue[tuple[str, bool | None]] = field(default_factory=Queue)

    def deliver(self, state: State) -> State:
        """Try all that is due, each address in its own thread and in order, until it fails or the time is up.

        Never raises for an address that fails; raises `StorageError` if the state cannot be saved.
        """
        until = time.monotonic() + self.patience
        waiting = {address.fingerprint: self._due(state, address) for address in self.addresses}
        working = {address.fingerprint for address in self.addresses if waiting[address.fingerprint]}
        for address in self.addresses:
            if address.fingerprint in working:
                Thread(
                    target=self._send, args=(address, list(waiting[address.fingerprint]), until), daemon=True
                ).start()
        while working and (result := self._next_result(until)):
            fingerprint, was_taken = result
            if was_taken is None:
                working.discard(fingerprint)
                continue
            tried = waiting[fingerprint].pop(0)
            state = after_try(state, tried, self.now, was_taken=was_taken)
            self.save(state)
        for tried in [waiting[fingerprint][0] for fingerprint in sorted(working) if waiting[fingerprint]]:
            state = after_try(state, tried, self.now, was_taken=False)
            self.save(state)
        return state

    def _due(self, state: State, address: Address) -> list[Delivery]:
        """Also what is to be tried in more than the longest wait: a clock was ahead when that was decided."""
        mine = (one for one in state.outbox if one.address == address.fingerprint)
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
                was_taken = address.send(delivery.message)
                self.results.put((address.fingerprint, was_taken))
                if not was_taken:
                    log.warning("Address %d did not take a message: %s", address.position, delivery.message.title)
                    break
        finally:
            self.results.put((address.fingerprint, None))
