"""Whether a run is taken to be at work: by what its worker answers, and not by what it once said."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.pidbox import Mailbox

from runs_assets.deploy import launcher as launching
from runs_assets.deploy.launcher import WatchfulCeleryRunLauncher
from runs_assets.instance.dagster_internals import WorkerStatus
from runs_assets_tests.cluster.databases import valkey
from runs_assets_tests.cluster.processes import Process, start, wait_until

pytestmark = pytest.mark.cluster
RUNNING, FAILED = WorkerStatus.RUNNING, WorkerStatus.FAILED


@dataclass
class Stage:
    """A launcher, and one worker."""

    launcher: WatchfulCeleryRunLauncher
    url: str
    folder: Path
    worker: Process

    def begin(self, seconds: float) -> dg.DagsterRun:
        """A run that a worker has begun."""
        task = self.launcher.celery.send_task("execute_job", [seconds], queue="dagster")
        wait_until(lambda: task.state != "PENDING", "the run has begun")
        return dg.DagsterRun("job", tags={DAGSTER_CELERY_TASK_ID_TAG: task.id})

    def status(self, run: dg.DagsterRun) -> WorkerStatus:
        return self.launcher.check_run_worker_health(run).status


def started_worker(url: str, folder: Path) -> Process:
    celery = str(Path(sys.executable).with_name("celery"))
    command = [celery, "--app", "runs_assets_tests.deploy.waiting", "worker", "--concurrency", "1"]
    env = {**os.environ, "DAGSTER_CELERY_URL": url}
    return start([*command, "--queues", "dagster", "--hostname", "celery@one"], folder / "worker.log", env=env)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(launching, "ANSWER_SECONDS", 5.0)
    with valkey(tmp_path) as port:
        url = f"redis://127.0.0.1:{port}/0"
        stage = Stage(WatchfulCeleryRunLauncher("dagster", url, url), url, tmp_path, started_worker(url, tmp_path))
        yield stage
        gc.collect()  # Celery's results say goodbye to the server
        stage.worker.kill()


def test_a_run_is_at_work_while_its_worker_says_so(stage: Stage) -> None:
    run = stage.begin(600)
    assert stage.status(run) is RUNNING
    stage.worker.send(signal.SIGSTOP)
    assert stage.status(run) is FAILED
    stage.worker.send(signal.SIGCONT)
    assert stage.status(run) is RUNNING


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mailbox, "oid", "used-again")  # by chance this is so in some 3 of 100 questions
    run = stage.begin(600)
    stage.worker.send(signal.SIGSTOP)
    assert stage.status(run) is FAILED
    threading.Timer(1, stage.worker.send, [signal.SIGCONT]).start()  # it answers both questions
    assert stage.status(run) is RUNNING


def test_a_worker_that_was_started_again_knows_nothing_of_the_run(stage: Stage) -> None:
    run = stage.begin(600)
    stage.worker.kill()
    assert stage.status(run) is FAILED
    stage.worker = started_worker(stage.url, stage.folder)
    another = stage.begin(600)
    assert (stage.status(another), stage.status(run)) == (RUNNING, FAILED)


def test_a_run_that_has_ended_is_not_lost(stage: Stage) -> None:
    run = stage.begin(0)
    wait_until(lambda: stage.status(run) is WorkerStatus.SUCCESS, "the run has ended")
