"""The sensor `alerts`: evaluates every minute what people are to be notified of. It starts no run."""

from dataclasses import replace

import dagster as dg

from runs_assets.automation.switches import sensor, why_off
from runs_assets.instance.project import Project, label_of_sensor
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import is_present
from runs_assets.settings_faults import settings_faults

EVERY_SECONDS = 60
SETTINGS = ("RUNS_ASSETS_ALERT_URLS", "RUNS_ASSETS_HEARTBEAT_URL")
IS_OFF = f"Off until {' or '.join(SETTINGS)} is set."


def alerts_sensor(project: Project) -> dg.SensorDefinition:
    """`alerts`: observes the verdict tables and the project's runs every minute, and notifies people of what is new.

    On by default if an address is set and Dagster's history is kept. Errors are its reason for skipping: they fail
    nothing but the heartbeat.
    """
    description = "Notifies when something is wrong with a pipeline, a source or a job, and when it recovers."
    off = "" if _is_wanted() else IS_OFF

    @sensor(project.names, "alerts", EVERY_SECONDS, description, off or why_off())
    def alerts(context: dg.SensorEvaluationContext, data_folder: DataFolder, clock: Clock) -> str:
        if not _is_wanted():
            return " ".join([IS_OFF, *settings_faults(project.sources)])
        from runs_assets.automation.notifying import notified

        return notified(context.instance, replace(project, label=label_of_sensor(context)), data_folder, clock)

    return alerts


def _is_wanted() -> bool:
    return any(is_present([name]) for name in SETTINGS)
