"""Telling: what is remembered and what the verdict tables say become messages, which are kept until delivered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runs_assets.alerts.addresses import Address
from runs_assets.alerts.delivery import PATIENCE_SECONDS, Round, deliveries_of, tidied
from runs_assets.alerts.incidents import decide
from runs_assets.alerts.look import JobRun, Look, Row
from runs_assets.alerts.settings import AlertSettings
from runs_assets.alerts.state import Message, State
from runs_assets.alerts.store import Store
from runs_assets.storage.files import is_stored
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.verdict_files import load_verdicts
from runs_assets.watch_file import WatchFile

LOCK_PATIENCE_SECONDS = 60.0
SHOWN = 10
"""Titles that are named where what was told is summed up."""

Decide = Callable[[State], tuple[Sequence[Message], State]]


@dataclass(frozen=True)
class Told:
    """The titles of the messages that were decided, and how many deliveries are still to be made."""

    titles: tuple[str, ...] = ()
    undelivered: int = 0

    def __str__(self) -> str:
        """As one sentence or a few."""
        rest = f" and {len(self.titles) - SHOWN} more" if len(self.titles) > SHOWN else ""
        told = f"Told: {'; '.join(self.titles[:SHOWN])}{rest}." if self.titles else "Nothing new to tell."
        return f"{told} Still to be delivered: {self.undelivered}." if self.undelivered else told


@dataclass(frozen=True)
class Teller:
    """Tells one data folder's news to the addresses that are set; without any it does nothing and keeps nothing.

    One process at a time, so that the sensor and the command line never send the same: whatever is decided is on the
    disk before it is sent, and stays until it is delivered. `patience` is for a round of deliveries, in seconds.
    """

    layout: Layout
    addresses: Sequence[Address]
    patience: float = PATIENCE_SECONDS
    lock_patience: float = LOCK_PATIENCE_SECONDS

    def tell(self, look: Look) -> Told:
        """Decide what is new and deliver it, and what is still undelivered from before.

        Raises `BusyError` if another process tells at the same time, `StorageError` if the disk refuses; never because
        an address fails.
        """

        def news(before: State) -> tuple[Sequence[Message], State]:
            decision = decide(before, look)
            return decision.messages, decision.state

        return self._tell(news, look.now)

    def send(self, message: Message) -> Told:
        """Deliver a message that somebody else decided; raises as `tell` does."""
        return self._tell(lambda before: ([message], before), message.decided_at)

    def _tell(self, news: Decide, now: datetime) -> Told:
        if not self.addresses:
            return Told()
        store = Store(self.layout)
        with store.telling(self.lock_patience):
            before = store.load(now)
            messages, decided = news(before)
            outbox = (*decided.outbox, *deliveries_of(messages, self.addresses))
            state = tidied(decided.model_copy(update={"outbox": outbox}), self.addresses, now)
            if state != before:
                store.save(state)
            after = Round(self.addresses, now, store.save, self.patience).deliver(state)
        return Told(tuple(message.title for message in messages), len(after.outbox))


def look_at(
    layout: Layout,
    watch: WatchFile,
    settings: AlertSettings,
    job_runs: Sequence[JobRun],
    now: datetime,
    today_every: timedelta = timedelta(hours=1),
) -> Look:
    """The look at the stored verdict tables; those that do not exist yet hold nothing.

    Raises `StorageError` if one is damaged or cannot be read.
    """
    health, outages, silences = (rows_of(layout, table) for table in ("pipeline_health", "outages", "silences"))
    return Look(now, watch, health, outages, silences, job_runs, settings.unread_after, today_every)


def rows_of(layout: Layout, table: str) -> list[Row]:
    """The rows of a verdict table; none if it has not been built yet."""
    if not is_stored(layout.verdict_file(table)):
        return []
    rows: list[Row] = load_verdicts(layout, table).to_pylist()
    return rows
