"""A worker's app whose runs do nothing but wait: `celery --app runs_assets_tests.deploy.waiting worker`."""

import os
import time

from dagster_celery.make_app import make_app


def wait(seconds: float) -> None:
    """Take so long."""
    time.sleep(seconds)


app = make_app({"broker": os.environ["DAGSTER_CELERY_URL"], "backend": os.environ["DAGSTER_CELERY_URL"]})
app.task(name="execute_job", track_started=True)(wait)
