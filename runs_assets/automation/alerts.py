"""The sensor that tells people what is down, silent or cannot be read; it starts no run."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg

from runs_assets.alerts.addresses import usable_addresses
from runs_assets.alerts.last_watch import usable_watch_file
from runs_assets.alerts.look import JobRun
from runs_assets.alerts.settings import alert_settings
from runs_assets.alerts.tell import Teller, look_at
from runs_assets.automation.switches import IS_TEMPORARY, is_kept, is_temporary
from runs_assets.errors import RunsAssetsError
from runs_assets.instance.job_runs import latest_job_runs
from runs_assets.instance.project import Project
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import is_present, project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout

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
        said: list[str] = []
        try:
            job_runs = latest_job_runs(context.instance, _project(context), sources, clock.now())
            _tell(data_folder.layout, job_runs, clock.now(), said)
        except RunsAssetsError as error:
            said.append(str(error))
        return dg.SkipReason(" ".join(said))

    return sensor


def _tell(layout: Layout, job_runs: Sequence[JobRun], now: datetime, said: list[str]) -> None:
    """Tell what is new; adds to `said` what is wrong with the settings and what was told."""
    settings, project = alert_settings(), project_settings()
    addresses, unusable = usable_addresses(settings.alert_urls)
    said += unusable
    watch, faults = usable_watch_file(project.watch_file, layout)
    said += faults
    today_every = timedelta(minutes=project.today_every_minutes)
    look = look_at(layout, watch, settings, job_runs, now, today_every)
    told = Teller(layout, addresses, lock_patience=0.0).tell(replace(look, faults=(*unusable, *faults)))
    said.append(str(told))


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
