"""The sensor `alerts`: evaluates every minute what people are to be notified of. It starts no run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg

from runs_assets.alerts.addresses import usable_addresses
from runs_assets.alerts.delivery import Notifier
from runs_assets.alerts.heartbeat import beat
from runs_assets.alerts.memory import usable_watch_file
from runs_assets.alerts.observation import JobRun, Observation, is_worse_span, rows_of
from runs_assets.alerts.settings import alert_settings
from runs_assets.automation.switches import sensor, why_off
from runs_assets.errors import RunsAssetsError, SettingsError
from runs_assets.instance.ended_runs import latest_job_runs
from runs_assets.instance.project import Project, label_of_sensor
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import is_present, project_settings
from runs_assets.settings_faults import settings_faults
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.failure_concentrations import FAILURE_CONCENTRATIONS
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS
from runs_assets.verdicts.hanging_runs import HANGING_RUNS
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.silences import SILENCES
from runs_assets.verdicts.source_health import SOURCE_HEALTH

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
        outcome: list[str] = []
        has_failed = False
        try:
            job_runs = latest_job_runs(context.instance, replace(project, label=label_of_sensor(context)), clock.now())
            _notify(data_folder.layout, job_runs, project.sources, clock.now(), outcome)
        except RunsAssetsError as error:
            outcome.append(str(error))
            has_failed = True
        return " ".join(dict.fromkeys([*outcome, *_beat(has_failed=has_failed)]))

    return alerts


def _notify(
    layout: Layout, job_runs: Sequence[JobRun], sources: Sequence[Source], now: datetime, outcome: list[str]
) -> None:
    """Send what is new; adds to `outcome` what is wrong with the settings, also if it raises, and what was sent."""
    settings, project = alert_settings(), project_settings()
    addresses, of_addresses = usable_addresses(settings.alert_urls)
    outcome += map(str, of_addresses)
    watch, of_watch_file = usable_watch_file(project.watch_file, layout)
    outcome += of_watch_file
    seen = Observation(
        now,
        watch,
        health=rows_of(layout, PIPELINE_HEALTH.name),
        outages=rows_of(layout, OUTAGES.name),
        silences=rows_of(layout, SILENCES.name),
        source_health=rows_of(layout, SOURCE_HEALTH.name),
        worse_spans=rows_of(layout, FAILURE_TRENDS.name, is_worse_span()),
        hanging_runs=rows_of(layout, HANGING_RUNS.name),
        concentrations=rows_of(layout, FAILURE_CONCENTRATIONS.name),
        job_runs=job_runs,
        unread_after=settings.unread_after,
        today_every=timedelta(minutes=project.today_every_minutes),
        faults=tuple(outcome),
        mistakes=settings_faults(sources),
        awaited=[source.name for source in sources if source.is_configured],
    )
    outcome.append(str(Notifier(layout, addresses, lock_patience=0.0).notify(seen)))


def _is_wanted() -> bool:
    return any(is_present([name]) for name in SETTINGS)


def _beat(*, has_failed: bool) -> Iterator[str]:
    """Send the heartbeat if there is one; a sentence if it did not arrive."""
    try:
        url = alert_settings().heartbeat_url
        if url and (what := beat(url, has_failed=has_failed)):
            yield what
    except SettingsError as error:
        yield str(error)
