"""The durations that decide when a day counts as settled and when it is read again."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.days import end_of
from runs_assets.settings import ProjectSettings
from runs_assets.storage.reads import Read
from runs_assets.tables import TIMESTAMP

QUIET_FROM, QUIET_UNTIL = time(1), time(5)
"""The hours in which settled days are read again, UTC; the end exclusive."""
WEEKLY, MONTHLY = timedelta(days=7), timedelta(days=30)
WEEKLY_FOR, MONTHLY_FOR = timedelta(days=28), timedelta(days=365)
"""How long after their end settled days are read again every week, and then every month."""


def next_quiet(instant: datetime) -> datetime:
    """The first instant in quiet hours from `instant` (UTC) on."""
    if QUIET_FROM <= instant.time() < QUIET_UNTIL:
        return instant
    tomorrow = timedelta(days=1 if instant.time() >= QUIET_UNTIL else 0)
    return datetime.combine(instant.date() + tomorrow, QUIET_FROM, UTC)


@dataclass(frozen=True)
class Rules:
    """How patient the project is.

    `grace` is how long after its end a day must be seen whole to be settled, for rows that arrive late.
    `today_every` is the wait between two readings of a day that is not over; a day that is over but not settled waits
    for as long as it is old, at least `today_every` and at most `recheck_every`. From `give_up_after` its end on, what
    is still open is abandoned, and the day is read every `abandoned_every`. Where the API forgets, each day is read
    once more `last_look_before` it is forgotten. Where it does not, settled days are read again in quiet hours, with
    about `reread_requests` a night at most.
    """

    grace: timedelta
    today_every: timedelta
    recheck_every: timedelta
    give_up_after: timedelta
    abandoned_every: timedelta
    last_look_before: timedelta
    reread_requests: int

    @classmethod
    def of(cls, settings: ProjectSettings) -> Self:
        """The rules that the `RUNS_ASSETS_*` settings give."""
        return cls(
            grace=timedelta(hours=settings.grace_hours),
            today_every=timedelta(minutes=settings.today_every_minutes),
            recheck_every=timedelta(hours=settings.recheck_every_hours),
            give_up_after=timedelta(days=settings.give_up_days),
            abandoned_every=timedelta(days=settings.abandoned_every_days),
            last_look_before=timedelta(days=settings.last_look_days),
            reread_requests=settings.reread_requests,
        )

    def is_abandoned(self, runs: pa.Table, read: Read) -> pa.ChunkedArray:
        """For each row (`is_terminal`, `created_at`), whether the reading found it still open `give_up_after` later."""
        given_up = pa.scalar(read.read_started_at - self.give_up_after, TIMESTAMP)
        return pc.and_(pc.invert(runs["is_terminal"]), pc.less_equal(runs["created_at"], given_up))

    def is_settled(self, day: date, read: Read, open_runs: int) -> bool:
        """Whether nothing of the day can be expected to change: seen whole after its grace, and no run is open."""
        return open_runs == 0 and self.saw_late_runs(day, read)

    def reread_at(self, day: date, read_at: datetime) -> datetime | None:
        """From when on a settled day that was read at `read_at` is read again, quiet hours aside; None if never."""
        age = read_at - end_of(day)
        if not self.reread_requests or age >= MONTHLY_FOR:
            return None
        return read_at + (WEEKLY if age < WEEKLY_FOR else MONTHLY)

    def saw_late_runs(self, day: date, read: Read) -> bool:
        """Whether the day was seen whole when the grace for late rows had passed."""
        return read.complete_as_of is not None and read.complete_as_of >= end_of(day) + self.grace
