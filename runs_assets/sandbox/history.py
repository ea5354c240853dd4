"""Where an endpoint's rows come from.

An endpoint knows its parameters and its paging, never its data. It is given a `History`: anything that says
which rows exist at an instant. `FixedHistory` serves rows that a test wrote down; `SimulatedHistory` (in
`simulation.py`) serves a made-up past that follows the clock.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

Body = dict[str, object]

_FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One run as the API shows it at one instant.

    `created_at` (aware) is what the server sorts and compares by. It may be finer than the printed time in
    `body`, and exists even where `body` prints null. `hidden` holds what can be filtered on but is never
    printed.
    """

    created_at: datetime
    body: Body
    hidden: Mapping[str, str] = field(default_factory=dict)


class History(Protocol):
    """The rows behind one endpoint."""

    def visible(self, now: datetime) -> Sequence[Row]:
        """Return the rows that exist at `now`, newest first. The sequence never changes once returned."""
        ...


class FixedHistory:
    """Exactly the given rows, whatever the clock says. They may be changed while a server shows them.

    Rows of equal creation time keep the order in which they were given. A change replaces the list instead of
    editing it, so a request that is being answered sees the state before or the state after.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = newest_first(rows)

    @classmethod
    def of(cls, bodies: Iterable[Mapping[str, object]]) -> "FixedHistory":
        """Serve raw rows of either platform, each at the creation time that it prints (never null)."""
        return cls(Row(_printed_creation(body), dict(body)) for body in bodies)

    def visible(self, now: datetime) -> Sequence[Row]:  # noqa: ARG002  (a fixed list has no clock)
        """Return every row, newest first."""
        return self._rows

    def insert(self, *rows: Row) -> None:
        """Add rows, each ahead of those of the same creation time."""
        self._rows = newest_first([*rows, *self._rows])

    def delete(self, is_gone: Callable[[Row], bool]) -> None:
        """Remove the rows for which `is_gone` holds."""
        self._rows = [row for row in self._rows if not is_gone(row)]


def first_before(rows: Sequence[Row], instant: datetime) -> int:
    """Return the index of the first row created strictly before `instant`, in rows that are newest first."""
    return bisect_right(rows, _FAR_FUTURE - instant, key=_distance_from_future)


def newest_first(rows: Iterable[Row]) -> list[Row]:
    """Return the rows sorted; those of equal creation time keep their order."""
    return sorted(rows, key=_distance_from_future)


def _distance_from_future(row: Row) -> timedelta:
    return _FAR_FUTURE - row.created_at


def _printed_creation(body: Mapping[str, object]) -> datetime:
    printed = body.get("created_at") or body.get("created-at")
    if not isinstance(printed, str):
        raise TypeError(f"a row without a printed creation time needs an explicit Row: {body}")
    return datetime.fromisoformat(printed)
