"""What came of a fortnight: how what is held differs from what the platform shows at its end."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runs_assets.sandbox import Row

FIELDS = {"cloudcruise": ("session_id", "status", "execution_end"), "productsup": ("id", "state", "finished-at")}


class Held(NamedTuple):
    """A run as it is held, or shown: its id, the platform's word for its state, and when it ended."""

    run_id: str
    word: str | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Outcome:
    """How many runs are lost, how many rows too many there are, how many runs differ from what is shown.

    `failed` of `readings` said that they had failed.
    """

    lost: int
    repeated: int
    stale: int
    failed: int
    readings: int

    def __str__(self) -> str:
        counts = {"lost": self.lost, "repeated": self.repeated, "stale": self.stale}
        found = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "right"
        return f"{found}; failed {self.failed} of {self.readings}" if self.failed else found


def outcome(held: Iterable[Held], shown: Mapping[str, Held], successes: list[bool]) -> Outcome:
    """Compare what is held with what is shown of the same runs; others are not counted."""
    rows = [row for row in held if row.run_id in shown]
    times = Counter(row.run_id for row in rows)
    return Outcome(
        lost=len(shown.keys() - times.keys()),
        repeated=sum(count - 1 for count in times.values()),
        stale=len({row.run_id for row in rows if row != shown[row.run_id]}),
        failed=successes.count(False),
        readings=len(successes),
    )


def shown_by(source: str, rows: Iterable[Row], first: datetime, end: datetime) -> dict[str, Held]:
    """The runs created from `first` until before `end` that have an id and a creation time, by their ids."""
    run_id, word, ended = FIELDS[source]
    bodies = [row.body for row in rows if first <= row.created_at < end]
    created = "created_at" if source == "cloudcruise" else "created-at"
    return {
        str(body[run_id]): Held(str(body[run_id]), str(body[word]), _instant(body[ended]))
        for body in bodies
        if body[run_id] is not None and body[created] is not None
    }


def _instant(printed: object) -> datetime | None:
    return None if printed is None else to_the_second(datetime.fromisoformat(str(printed)))


def to_the_second(instant: datetime) -> datetime:
    """In UTC, and rounded: not everybody keeps microseconds."""
    return (instant.astimezone(UTC) + timedelta(seconds=0.5)).replace(microsecond=0)
