"""Faults of a list that changes: runs that come, go, arrive late or change, during a reading or between two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.faults.asking import asks_for_runs
from runs_assets.sandbox.faults.fault import Fault
from runs_assets.sandbox.faults.rows import Each, changed, copied, identity, is_chosen, is_cloudcruise, moved
from runs_assets.sandbox.history import Row, newest_first


@dataclass(eq=False)
class Drift(Fault):
    """A list that changes by `count` runs between two requests, `at_most` runs in all."""

    count: int = 2
    at_most: int = 100
    _requests: int = field(default=0, init=False)

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Count the requests for runs, probes too."""
        self._requests += asks_for_runs(request)
        return await inner(request)

    @property
    def due(self) -> int:
        """How many runs have come or gone when this request is answered; none before the first."""
        return min(self.count * max(0, self._requests - 1), self.at_most)


@dataclass(eq=False)
class RunsInsertedWhilePaging(Drift):
    """The new runs are copies of the newest one, created at the instant of the request."""

    name = "runs_inserted_while_paging"
    about = "New runs appear at the head of the list between two requests."
    _new: list[Row] = field(default_factory=list, init=False)

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:
        """Add the new runs."""
        while rows and len(self._new) < self.due:
            self._new.insert(0, moved(copied(rows[0], f"new-{len(self._new)}"), now.replace(microsecond=0)))
        return newest_first([*self._new, *rows])


@dataclass(eq=False)
class RunsDeletedWhilePaging(Drift):
    """What is gone stays gone."""

    name = "runs_deleted_while_paging"
    about = "The newest runs vanish from the head of the list between two requests."
    gone: set[str] = field(default_factory=set, init=False)  # the ids

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Leave out what is gone."""
        left = [row for row in rows if identity(row) not in self.gone]
        while left and len(self.gone) < self.due:
            lost = identity(left[self.place(len(left))])
            self.gone.add(lost)
            left = [row for row in left if identity(row) != lost]
        return left

    def place(self, count: int) -> int:  # noqa: ARG002
        """Return which of `count` runs vanishes next."""
        return 0


class RunsDeletedAnywhere(RunsDeletedWhilePaging):
    """Each place is as likely as any other."""

    name = "runs_deleted_anywhere"
    about = "Runs vanish from anywhere in the list between two requests."

    def place(self, count: int) -> int:
        """Return any place."""
        return Random(len(self.gone)).randrange(count)  # noqa: S311  (a simulation, no secret)


@dataclass(eq=False)
class RunsArriveLate(Fault):
    """The clock decides: every `every`-th run, by its id, is `late` behind its creation time."""

    name = "runs_arrive_late"
    about = "Some runs are listed only hours after their creation time."
    late: timedelta = timedelta(hours=3)
    every: int = 5

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:
        """Leave out what is not listed yet."""
        return [row for row in rows if row.created_at + self.late <= now or not is_chosen(row, self.every)]


@dataclass(eq=False)
class StatusesChange(Fault):
    """The clock decides: a run is open until `after` its creation, and then what the history has.

    On CloudCruise, every `retried_every`-th one fails at a third of that time, is requeued at two thirds and ends in
    success.
    """

    name = "statuses_change"
    about = "Runs stay open for a day and a half and then show their final state; some fail and are requeued before."
    after: timedelta = timedelta(hours=36)
    retried_every: int = 4

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:
        """Show each run as of its age."""
        return Each(rows, lambda row: self._shown(row, (now - row.created_at) / self.after))

    def _shown(self, row: Row, age: float) -> Row:
        if not is_cloudcruise(row):
            return row if age >= 1 else changed(row, {"state": "running", "finished-at": None, "exit-code": None})
        is_retried = is_chosen(row, self.retried_every)
        if age >= 1:
            return changed(row, {"status": "execution.success"}) if is_retried else row
        if is_retried and age >= 1 / 3:
            word = "execution.requeued" if age >= 2 / 3 else "execution.failed"
            return changed(row, {"status": word, "execution_end": None if age >= 2 / 3 else row.body["created_at"]})
        return changed(row, {"status": "execution.start", "execution_end": None})
