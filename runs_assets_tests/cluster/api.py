"""The sandbox as the API of a cluster: a past that stays, and runs that begin and end while it is read."""

from collections.abc import Iterable, Mapping
from typing import Any

from runs_assets.days import iso, utc_now
from runs_assets.sandbox import CloudCruise, FixedHistory, Productsup, Row, Sandbox
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.history import newest_first
from runs_assets.sandbox.productsup_runs import simulated_productsup

RETENTION_DAYS = 40
VOLUME = 0.1
NAMES = {
    "cloudcruise": ("session_id", "created_at", "execution_start", "execution_end"),
    "productsup": ("id", "created-at", "started-at", "finished-at"),
}
"""What the platforms call a run's id, its creation, its start and its end."""
OPEN: Mapping[str, Mapping[str, Any]] = {
    "cloudcruise": {"status": "execution.start"},
    "productsup": {"state": "running", "exit-code": None},
}
FAILED: Mapping[str, Mapping[str, Any]] = {
    "cloudcruise": {"status": "execution.failed"},
    "productsup": {"state": "failed", "exit-code": 1},
}


class LiveHistory(FixedHistory):
    """Rows of a platform that are added and changed while they are served."""

    def __init__(self, platform: str, rows: Iterable[Row]) -> None:
        super().__init__(rows)
        self.platform = platform
        self.begun = 0

    def begin(self) -> None:
        """A run begins now."""
        self.begun += 1
        now = utc_now().replace(microsecond=0)
        run_id, created, started, finished = NAMES[self.platform]
        times = {created: iso(now), started: iso(now), finished: None}
        body = {**self._rows[0].body, **OPEN[self.platform], **times, run_id: f"live-{self.begun}"}
        self.insert(Row(now, body, self._rows[0].hidden))

    def fail(self, row: Row) -> None:
        """A run fails now."""
        *_, finished = NAMES[self.platform]
        body = {**row.body, **FAILED[self.platform], finished: iso(utc_now().replace(microsecond=0))}
        new = Row(row.created_at, body, row.hidden)
        self._rows = newest_first([new if one is row else one for one in self._rows])

    def is_open(self, row: Row) -> bool:
        """Whether a run is one that has begun and not ended."""
        return row.body[NAMES[self.platform][3]] is None


def live_sandbox() -> Sandbox:
    """Both platforms with the runs of some weeks."""
    now, days = utc_now(), RETENTION_DAYS
    cloudcruise = LiveHistory("cloudcruise", simulated_cloudcruise(days=days, volume=VOLUME).visible(now))
    productsup = LiveHistory("productsup", simulated_productsup(days=days, volume=VOLUME).visible(now))
    return Sandbox(CloudCruise(cloudcruise, retention_days=RETENTION_DAYS), Productsup(productsup))


def settings_of(sandbox: Sandbox) -> dict[str, str]:
    """With which the sandbox is reached."""
    return {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": sandbox.api_key,
        "CLOUDCRUISE_RETENTION_DAYS": str(RETENTION_DAYS),
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": sandbox.token,
    }
