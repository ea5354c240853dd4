"""What a worker runs: `celery --app runs_assets.deploy.worker worker`.

It has the settings of the run launcher in the instance's `dagster.yaml`, so that both always use the same broker.
"""

import dagster as dg
from celery import Celery
from dagster_celery.tasks import create_execute_job_task

from runs_assets.deploy.launcher import WatchfulCeleryRunLauncher


def _app() -> Celery:
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, WatchfulCeleryRunLauncher):
            raise TypeError("DAGSTER_HOME holds no dagster.yaml, or one with another run launcher.")
        create_execute_job_task(launcher.celery)
        return launcher.celery


app = _app()
