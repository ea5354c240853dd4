"""The run launcher of several machines: dagster-celery's, which here also notices that a worker is gone.

Celery's records show a task as started for ever if its worker was killed or its machine went away, and dagster-celery
takes that for a sign of life. So the worker itself is asked.
"""

import time
import warnings

import dagster as dg
from celery.states import STARTED
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from runs_assets.instance.dagster_internals import CheckRunHealthResult, WorkerStatus

# dagster-celery makes its task again for each run.
warnings.filterwarnings("ignore", "Task name 'execute_job' is already registered")

ANSWER_SECONDS = 10.0
"""Longer than any pause of a worker whose machine is busy."""


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """A run is one task; it is at work as long as its worker says so."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """What Celery has recorded of the run's task; of a task that is at work, what its worker answers."""
        recorded: CheckRunHealthResult = super().check_run_worker_health(run)
        if recorded.status is not WorkerStatus.RUNNING or self._is_at_work(run.tags[DAGSTER_CELERY_TASK_ID_TAG]):
            return recorded
        return CheckRunHealthResult(WorkerStatus.FAILED, "The worker is gone, or knows nothing of the run any more.")

    def _is_at_work(self, task_id: str) -> bool:
        """Whether the worker that began a task still has it, or has ended it by now."""
        worker = self._worker_of(task_id)
        if worker is None:
            return True
        return self._is_known_to(worker, task_id) or self._worker_of(task_id) is None

    def _is_known_to(self, worker: str, task_id: str) -> bool:
        """Whether a worker says that it has a task.

        Kombu names the queue of the answers after an address in memory, which may be used again: an answer that came
        too late for one question then counts as the answer to the next. So the question is put again, and one more
        answer awaited, until the time is up.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        awaited = 1
        while (remaining := deadline - time.monotonic()) > 0:
            question = self.celery.control.inspect([worker], timeout=remaining, limit=awaited)
            if answers := question.query_task(task_id):
                return task_id in answers[worker]
            awaited += 1
        return False

    def _worker_of(self, task_id: str) -> str | None:
        """The name of the worker that has begun a task, None if it has ended it."""
        recorded = self.celery.backend.get_task_meta(task_id)
        return recorded["result"]["hostname"] if recorded["status"] == STARTED else None
