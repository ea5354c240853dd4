"""What a fault is: it changes what exists, or what is answered, and has a name by which it is switched on."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.history import Row

PLATFORMS = frozenset({"cloudcruise", "productsup"})


class Fault:
    """One way to misbehave; this one does nothing. An instance belongs to one platform and may keep state.

    `name` is what it is switched on by, `about` says in a sentence what happens. `rows` gives the same for the same
    arguments until the next request: only `answer` counts requests.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    platforms: ClassVar[frozenset[str]] = PLATFORMS

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Return the rows that exist at `now`, newest first, given those that the history has."""
        return rows

    def clock(self, now: datetime) -> datetime:
        """Return the server's time, given the true one."""
        return now

    async def answer(self, request: Request, inner: Handler) -> Response:
        """Answer a request, or change what `inner` answers; `request.state.now` is the server's time."""
        return await inner(request)


def faulty(rows: Sequence[Row], faults: Sequence[Fault], now: datetime) -> Sequence[Row]:
    """Return the rows that exist at `now` with every fault at work, the last one first."""
    for fault in reversed(faults):
        rows = fault.rows(rows, now)
    return rows
