"""A past that changes from version to version, and what the files must hold after it was read, worked out by hand.

A run is shown in some versions only, and its status changes. What was shown once stays stored as it was shown last.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from runs_assets.sandbox import Row

DAYS = [date(2026, 3, day) for day in (15, 16, 17)]
RUNS = 12
STATUSES = ("execution.success", "execution.failed", "execution.start")
Stored = dict[str, tuple[str, str]]
"""By run id: its status, and when it was observed."""


def clock(version: int) -> datetime:
    """When a version is read."""
    return datetime(2026, 3, 18, 12, tzinfo=UTC) + timedelta(minutes=version)


def shown(version: int, day: date) -> dict[str, str]:
    """The ids and statuses that the API shows of a day."""
    old = {f"{day} {n}": STATUSES[(n + version) % 3] for n in range(RUNS) if (n + version) % 5}
    return {**old, f"{day} of {version}": "execution.failed"}


def stored(version: int, day: date) -> Stored:
    """What the raw file holds when all versions up to this one were read."""
    found: Stored = {}
    for read in range(version + 1):
        at = clock(read).isoformat().replace("+00:00", "Z")
        found.update({run: (status, at) for run, status in shown(read, day).items()})
    return found


def rows(version: int) -> list[Row]:
    """All that the API shows, and of each day a row without a creation time, whose id tells the version."""
    found = []
    for day in DAYS:
        at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        for n, (run, status) in enumerate(shown(version, day).items()):
            found.append(_row(at + timedelta(seconds=n), run, status))
        found.append(Row(at - timedelta(hours=1), {"session_id": f"bad {version}", "status": "x", "created_at": None}))
    return found


def _row(at: datetime, run: str, status: str) -> Row:
    workflow = f"w{at.second % 2}"
    return Row(at, {"session_id": run, "status": status, "created_at": at.isoformat(), "workflow_id": workflow})


@dataclass(frozen=True)
class Counts:
    """What the metrics of a day must sum to."""

    runs: int
    failed: int
    succeeded: int

    @classmethod
    def of(cls, found: Stored) -> "Counts":
        statuses = [status for status, _ in found.values()]
        return cls(len(statuses), statuses.count("execution.failed"), statuses.count("execution.success"))
