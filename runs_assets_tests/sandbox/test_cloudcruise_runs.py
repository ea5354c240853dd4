"""One session written by hand and followed through its life; the simulation against what it prints."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from random import Random

from runs_assets.sandbox import FrozenClock, SimulatedHistory, simulated_cloudcruise
from runs_assets.sandbox.cloudcruise_runs import WORKSPACE_ID, CloudCruiseRun
from runs_assets.sandbox.simulation import TimelineStep
from runs_assets_tests.sandbox.asking import NOW, WORKFLOW, Asker

SESSION = "77777777-7777-4777-8777-77775a4db0c5"


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 18, 10, minute, second, tzinfo=UTC)


RETRIED = CloudCruiseRun(
    run_id=SESSION,
    steps=(
        TimelineStep(at(0), "execution.queued", "queued"),
        TimelineStep(at(0, 4), "execution.start", "running", at(0, 4)),
        TimelineStep(at(2), "execution.requeued", "queued"),
        TimelineStep(at(5), "execution.start", "running", at(5)),
        TimelineStep(at(6, 30), "execution.success", "succeeded", at(5), at(6, 30)),
    ),
    workflow_id=WORKFLOW,
    credential_id="ann",
    dry_run=True,
)


def only_the_retried(day: date, volume: float, rng: Random) -> Sequence[CloudCruiseRun]:  # noqa: ARG001
    return [RETRIED] if day == date(2026, 3, 18) else []


def test_a_session_is_printed_as_it_is_at_each_moment_and_is_retried_under_its_own_id(ask: Asker) -> None:
    clock = ask.sandbox.clock = FrozenClock(at(0))
    ask.sandbox.cloudcruise.history = SimulatedHistory("cloudcruise", only_the_retried, days=1)
    life = [
        (at(0), "execution.queued", None, None),
        (at(0, 3), "execution.queued", None, None),
        (at(0, 4), "execution.start", "2026-03-18T10:00:04Z", None),
        (at(2), "execution.requeued", None, None),
        (at(5), "execution.start", "2026-03-18T10:05:00Z", None),
        (at(6, 29), "execution.start", "2026-03-18T10:05:00Z", None),
        (at(6, 30), "execution.success", "2026-03-18T10:05:00Z", "2026-03-18T10:06:30Z"),
        (at(59), "execution.success", "2026-03-18T10:05:00Z", "2026-03-18T10:06:30Z"),
    ]
    for now, status, start, end in life:
        clock.now = now
        assert ask.cloudcruise().json() == [
            {
                "session_id": SESSION,
                "status": status,
                "created_at": "2026-03-18T10:00:00Z",
                "workflow_id": WORKFLOW,
                "workspace_id": WORKSPACE_ID,
                "execution_start": start,
                "execution_end": end,
                "dry_run": True,
            }
        ]


def test_a_session_is_not_there_a_second_before_its_creation(ask: Asker) -> None:
    ask.sandbox.cloudcruise.history = SimulatedHistory("cloudcruise", only_the_retried, days=1)
    ask.sandbox.clock = lambda: datetime(2026, 3, 18, 9, 59, 59, tzinfo=UTC)
    assert ask.sessions() == []


def test_the_truth_of_a_session_that_ended() -> None:
    assert RETRIED.truth(at(30)) == {
        "run_id": SESSION,
        "status": "succeeded",
        "raw_status": "execution.success",
        "is_terminal": True,
        "created_at": at(0),
        "started_at": at(5),
        "finished_at": at(6, 30),
        "queue_seconds": 300.0,
        "duration_seconds": 90.0,
        "pipeline_id": WORKFLOW,
        "pipeline_version": None,
        "workspace_id": WORKSPACE_ID,
        "workspace_name": None,
        "project_id": None,
        "project_name": None,
        "site_id": None,
        "site_name": None,
        "process_id": None,
        "exit_code": None,
        "dry_run": True,
    }


def test_the_truth_of_a_session_that_waits_for_its_retry() -> None:
    truth = RETRIED.truth(at(3))
    assert (truth["status"], truth["raw_status"], truth["is_terminal"]) == (
        "queued",
        "execution.requeued",
        False,
    )
    assert (truth["started_at"], truth["queue_seconds"], truth["duration_seconds"]) == (None, None, None)


def test_every_documented_status_occurs_and_means_one_canonical_status() -> None:
    history = simulated_cloudcruise(days=14)
    meanings = {(step.raw_status, step.status) for run in history.runs(NOW) for step in run.steps}
    assert meanings == {
        ("execution.queued", "queued"),
        ("execution.start", "running"),
        ("execution.paused", "paused"),
        ("execution.requeued", "queued"),
        ("execution.success", "succeeded"),
        ("execution.failed", "failed"),
        ("execution.stopped", "cancelled"),
    }


def test_what_is_printed_says_the_same_as_the_truth(ask: Asker) -> None:
    history = ask.sandbox.cloudcruise.history = simulated_cloudcruise(days=5)
    printed = ask.cloudcruise(start_time="2026-03-13T00:00:00Z", limit=10_000).json()
    truths = history.truth(NOW)
    assert len(printed) == len(truths) > 800
    for row, truth in zip(printed, truths, strict=True):
        assert row["session_id"] == truth["run_id"]
        assert row["status"] == truth["raw_status"]
        assert parsed(row["created_at"]) == truth["created_at"]
        assert parsed(row["execution_start"]) == truth["started_at"]
        assert parsed(row["execution_end"]) == truth["finished_at"]
        assert row["workflow_id"] == truth["pipeline_id"]
        assert row["workspace_id"] == truth["workspace_id"]
        assert row["dry_run"] == truth["dry_run"]
        assert (row["execution_end"] is not None) == truth["is_terminal"]


def test_workflows_credentials_and_dry_runs_can_be_told_apart(ask: Asker) -> None:
    history = ask.sandbox.cloudcruise.history = simulated_cloudcruise(days=5)
    truths = history.truth(NOW)
    assert len({truth["pipeline_id"] for truth in truths}) == 8
    assert 0.01 < Counter(truth["dry_run"] for truth in truths)[True] / len(truths) < 0.15
    users = [len(ask.sessions(credential_id=f"sandbox-user-{n}")) for n in range(1, 5)]
    assert min(users) > 0
    assert sum(users) == len(ask.sessions())


def parsed(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
