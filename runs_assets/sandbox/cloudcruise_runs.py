"""The simulated runs of CloudCruise: their timelines, and how they are printed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from random import Random

from runs_assets.sandbox.chance import creations, duration, fails, whole_seconds
from runs_assets.sandbox.history import Row
from runs_assets.sandbox.identity import named_id, random_id
from runs_assets.sandbox.profiles import WORKFLOW_PROFILES, Pipeline, Profiles
from runs_assets.sandbox.simulation import SimulatedHistory, SimulatedRun, TimelineStep, Truth

WORKSPACE_ID = named_id("workspace")
CREDENTIAL_IDS = tuple(f"sandbox-user-{n}" for n in range(1, 5))

PAUSED, REQUEUED, STOPPED, DRY = 0.025, 0.03, 0.02, 0.05  # parts of all runs


@dataclass(frozen=True, slots=True)
class CloudCruiseRun(SimulatedRun):
    """One session."""

    workflow_id: str
    credential_id: str
    dry_run: bool

    def render(self, step: TimelineStep) -> Row:
        """Return the row of `GET /runs`; the credential can be filtered on but is not printed."""
        body: dict[str, object] = {
            "session_id": self.run_id,
            "status": step.raw_status,
            "created_at": _printed(self.created_at),
            "workflow_id": self.workflow_id,
            "workspace_id": WORKSPACE_ID,
            "execution_start": _printed(step.started_at),
            "execution_end": _printed(step.finished_at),
            "dry_run": self.dry_run,
        }
        return Row(self.created_at, body, {"credential_id": self.credential_id})

    def truth(self, now: datetime) -> Truth:
        """Return the canonical row."""
        return {
            **self.base_truth(now),
            "pipeline_id": self.workflow_id,
            "workspace_id": WORKSPACE_ID,
            "dry_run": self.dry_run,
        }


def simulated_cloudcruise(
    *, days: int = 45, volume: float = 1.0, seed: int = 1, profiles: Profiles = WORKFLOW_PROFILES
) -> SimulatedHistory:
    """Return a history of about 250 runs a day at volume 1."""
    return SimulatedHistory("cloudcruise", partial(_make_day, profiles), days=days, volume=volume, seed=seed)


def _make_day(profiles: Profiles, day: date, volume: float, rng: Random) -> Sequence[CloudCruiseRun]:
    return [
        CloudCruiseRun(
            run_id=random_id(rng),
            steps=tuple(_timeline(workflow, created_at, profiles, rng)),
            workflow_id=workflow.id,
            credential_id=rng.choice(CREDENTIAL_IDS),
            dry_run=rng.random() < DRY,
        )
        for created_at, workflow in creations(profiles, day, volume, rng)
    ]


def _timeline(workflow: Pipeline, created_at: datetime, profiles: Profiles, rng: Random) -> Iterator[TimelineStep]:
    """Tell one run's life: queued, perhaps held, perhaps tried twice, and its end."""
    yield TimelineStep(created_at, "execution.queued", "queued")
    start = created_at + whole_seconds(rng.expovariate(1 / 8))
    fate = rng.random()
    if fate < PAUSED:
        yield TimelineStep(start, "execution.paused", "paused")
        start += timedelta(minutes=rng.randint(90, 40 * 60))
    if fate < PAUSED / 3 or PAUSED <= fate < PAUSED + STOPPED / 4:
        yield _stopped(None, start)
        return
    if fate > 1 - REQUEUED:
        yield _running(start)
        requeued = start + duration(workflow, rng, failed=True)
        yield TimelineStep(requeued, "execution.requeued", "queued")
        start = requeued + timedelta(seconds=rng.randint(60, 600))
    yield _running(start)
    failed = fails(workflow, start, profiles.incidents, rng)
    end = start + duration(workflow, rng, failed=failed)
    if PAUSED <= fate < PAUSED + STOPPED:
        yield _stopped(start, end)
    elif failed:
        yield TimelineStep(end, "execution.failed", "failed", start, end)
    else:
        yield TimelineStep(end, "execution.success", "succeeded", start, end)


def _running(start: datetime) -> TimelineStep:
    return TimelineStep(start, "execution.start", "running", start)


def _stopped(start: datetime | None, end: datetime) -> TimelineStep:
    return TimelineStep(end, "execution.stopped", "cancelled", start, end)


def _printed(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().removesuffix("+00:00") + "Z"
