"""The sensor that tells people what is down, silent or cannot be read; it starts no run."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.settings import alert_settings
from runs_assets.alerts.tell import Teller, look_at
from runs_assets.automation.job_runs import latest_job_runs
from runs_assets.automation.retention import Project
from runs_assets.automation.switches import IS_TEMPORARY, is_kept, is_temporary
from runs_assets.errors import RunsAssetsError
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import is_present, project_settings
from runs_assets.sources.source import Source
from runs_assets.watch_file import load_watch_file

SECONDS_BETWEEN_LOOKS = 60
URLS = "RUNS_ASSETS_ALERT_URLS"
IS_OFF = f"Off until {URLS} is set."


def alerts_sensor(sources: Sequence[Source]) -> dg.SensorDefinition:
    """`alerts`: looks at the verdict tables and the project's runs every minute, and tells what is new.

    On by default if there is somebody to tell and Dagster's history is kept. What it cannot do it says in its reason
    for skipping; nothing else waits for it.
    """

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING if _is_on() else dg.DefaultSensorStatus.STOPPED,
        description=f"Tells when a pipeline goes down or silent, and when that ends. {_why_off()}".strip(),
    )
    def sensor(context: dg.SensorEvaluationContext, data_folder: DataFolder, clock: Clock) -> dg.SkipReason:
        if is_temporary(context.instance):
            return dg.SkipReason(IS_TEMPORARY)
        if not is_present([URLS]):
            return dg.SkipReason(IS_OFF)
        try:
            settings, project, layout, now = alert_settings(), project_settings(), data_folder.layout, clock.now()
            job_runs = latest_job_runs(context.instance, _project(context), sources, now)
            watch = load_watch_file(project.watch_file)
            teller = Teller(layout, addresses_of(settings.alert_urls), lock_patience=0.0)
            today_every = timedelta(minutes=project.today_every_minutes)
            told = teller.tell(look_at(layout, watch, settings, job_runs, now, today_every))
        except RunsAssetsError as error:
            return dg.SkipReason(str(error))
        return dg.SkipReason(str(told))

    return sensor


def _project(context: dg.SensorEvaluationContext) -> Project:
    if context.repository_def is None:
        raise ValueError("the sensor has to know its repository: which runs are this project's?")
    origin = context.code_location_origin
    label = f"{context.repository_name}@{origin.location_name}" if origin else None
    return Project.of(context.repository_def, label)


def _is_on() -> bool:
    return is_present([URLS]) and is_kept()


def _why_off() -> str:
    if not is_present([URLS]):
        return IS_OFF
    return "" if is_kept() else IS_TEMPORARY
