"""A few days of runs of each platform, written down: what each run shows at every moment of its life.

Beside the platform's word stands what it means, written by hand, so that the truth does not come out of a mapping that
might share a mistake with the code under test. Runs share seconds in groups smaller and larger than a page, lie on
midnight, run over it, and end up to twenty hours after their creation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property

from runs_assets.sandbox.history import Body, Row

DAY = date(2026, 3, 17)
BEFORE = DAY - timedelta(days=1)
OLDEST = DAY - timedelta(days=2)
RUNS_A_DAY = {-2: 12, -1: 30, 0: 60, 1: 15, 2: 8, 3: 4}
"""How many runs are created on a day, by its distance from `DAY`."""

TIES = {0: 3, 20: 5, 40: 12}
"""Groups of runs that share one second: the number of the first of them within its day -> how many they are."""

LAST = 3
"""How many runs share a day's last second."""

LOCAL = timezone(timedelta(hours=1))
HOUR = 3600


@dataclass(frozen=True)
class Moment:
    """What a run shows from `at` on: the platform's word, what it means, and times; all in seconds after its creation."""

    at: int
    word: str
    status: str
    started: int | None = None
    finished: int | None = None
    exit_code: int | None = None


CLOUDCRUISE_LIVES = (
    (
        Moment(0, "execution.queued", "queued"),
        Moment(5, "execution.start", "running", 5),
        Moment(95, "execution.success", "succeeded", 5, 95),
    ),
    (
        Moment(0, "execution.queued", "queued"),
        Moment(3, "execution.start", "running", 3),
        Moment(33, "execution.failed", "failed", 3, 33),
    ),
    (
        Moment(0, "execution.queued", "queued"),
        Moment(600, "execution.stopped", "cancelled", None, 600),
    ),
    (
        Moment(0, "execution.queued", "queued"),
        Moment(2, "execution.paused", "paused"),
        Moment(2 * HOUR, "execution.start", "running", 2 * HOUR),
        Moment(3 * HOUR, "execution.success", "succeeded", 2 * HOUR, 3 * HOUR),
    ),
    (
        Moment(0, "execution.queued", "queued"),
        Moment(4, "execution.start", "running", 4),
        Moment(100, "execution.requeued", "queued"),
        Moment(400, "execution.start", "running", 400),
        Moment(500, "execution.success", "succeeded", 400, 500),
    ),
    (
        Moment(0, "execution.queued", "queued"),
        Moment(10, "execution.start", "running", 10),
        Moment(20 * HOUR, "execution.failed", "failed", 10, 20 * HOUR),
    ),
)
PRODUCTSUP_LIVES = (
    (
        Moment(0, "pending", "queued"),
        Moment(20, "running", "running", 20),
        Moment(320, "finished", "succeeded", 20, 320, 0),
    ),
    (
        Moment(0, "pending", "queued"),
        Moment(15, "running", "running", 15),
        Moment(75, "failed", "failed", 15, 75, 192),
    ),
    (
        Moment(0, "running", "running", 0),
        Moment(40, "finished", "failed", 0, 40, 10),
    ),
    (
        Moment(0, "pending", "queued"),
        Moment(2 * HOUR, "running", "running", 2 * HOUR),
        Moment(20 * HOUR, "finished", "succeeded", 2 * HOUR, 20 * HOUR, 0),
    ),
    (
        Moment(0, "pending", "queued"),
        Moment(30, "failed", "failed", None, 30),
    ),
)


@dataclass(frozen=True)
class WrittenRun:
    """One run of either platform; `number` is its place among all of them."""

    platform: str
    number: int
    created_at: datetime
    life: Sequence[Moment]

    def moment(self, now: datetime) -> Moment:
        """What it shows at `now`, which is not before its creation."""
        age = (now - self.created_at).total_seconds()
        return [moment for moment in self.life if moment.at <= age][-1]

    def after(self, seconds: int | None) -> datetime | None:
        """The instant that lies so many seconds after its creation."""
        return None if seconds is None else self.created_at + timedelta(seconds=seconds)

    def row(self, now: datetime) -> Row:
        """The run as its platform prints it at `now`."""
        moment = self.moment(now)
        return Row(self.created_at, self._cloudcruise(moment) if self.platform == "cloudcruise" else self._cde(moment))

    def _cloudcruise(self, moment: Moment) -> Body:
        return {
            "session_id": f"session-{self.number}",
            "status": moment.word,
            "created_at": _zulu(self.created_at),
            "workflow_id": f"workflow-{self.number % 3}",
            "workspace_id": "workspace",
            "execution_start": _zulu(self.after(moment.started)),
            "execution_end": _zulu(self.after(moment.finished)),
            "dry_run": (False, False, False, True, None)[self.number % 5],
        }

    def _cde(self, moment: Moment) -> Body:
        secret = f"secret-{self.number}" if self.number % 3 == 0 else None
        return {
            "id": f"run-{self.number}",
            "connector-id": f"connector-{self.number % 3}",
            "connector-version": "2.0.0",
            "state": moment.word,
            "process-id": f"process-{self.number}",
            "site-id": 1000 + self.number % 2,
            "site-name": "Site",
            "project-id": 300,
            "project-name": "Project",
            "account-id": 600,
            "account-name": "Account",
            "exit-code": moment.exit_code,
            "container-api-docker-image": None,
            "container-api-version-constraint": None,
            "cli-command": secret,
            "registered-secrets": secret and [secret],
            "authentications": secret and {"password": secret},
            "connector-setup-config": secret,
            "started-at": _local(self.after(moment.started)),
            "finished-at": _local(self.after(moment.finished)),
            "created-at": self.created_at.isoformat(),
        }


@dataclass(frozen=True)
class WrittenHistory:
    """All runs of a platform, as a server shows them."""

    platform: str

    @cached_property
    def runs(self) -> list[WrittenRun]:
        """Every run, newest first; of those that share a second, the last one first."""
        lives = CLOUDCRUISE_LIVES if self.platform == "cloudcruise" else PRODUCTSUP_LIVES
        times = [created for distance, count in RUNS_A_DAY.items() for created in _creations(distance, count)]
        found = [WrittenRun(self.platform, n, times[n], lives[n % len(lives)]) for n in range(len(times))]
        return found[::-1]

    def visible(self, now: datetime) -> Sequence[Row]:
        """Every run created by `now`, newest first."""
        return [run.row(now) for run in self.runs if run.created_at <= now]


def _creations(distance: int, count: int) -> Iterator[datetime]:
    """Creation times on a day, oldest first, from midnight to its last second."""
    midnight = datetime.combine(DAY + timedelta(days=distance), time(), UTC)
    for number in range(count):
        yield midnight + timedelta(seconds=86_399 * _place(number, count) // (count - 1))


def _place(number: int, count: int) -> int:
    if number >= count - LAST:
        return count - 1
    return next((first for first, size in TIES.items() if first <= number < first + size), number)


def _zulu(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def _local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(LOCAL).isoformat()
