"""An evaluation of what people are to be notified of."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from runs_assets.alerts.addresses import usable_addresses
from runs_assets.alerts.delivery import Notifier, beat
from runs_assets.alerts.memory import usable_watch_file
from runs_assets.alerts.observation import JobRun, Observation, is_worse_span, rows_of
from runs_assets.alerts.settings import alert_settings
from runs_assets.errors import RunsAssetsError, SettingsError
from runs_assets.instance.ended_runs import latest_job_runs
from runs_assets.instance.project import Project
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import project_settings
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


def notified(instance: dg.DagsterInstance, project: Project, data_folder: DataFolder, clock: Clock) -> str:
    """Notify people of what is new in the verdict tables and the project's runs; says what was done and what failed."""
    outcome: list[str] = []
    has_failed = False
    try:
        job_runs = latest_job_runs(instance, project, clock.now())
        _notify(data_folder.layout, job_runs, project.sources, clock.now(), outcome)
    except RunsAssetsError as error:
        outcome.append(str(error))
        has_failed = True
    return " ".join(dict.fromkeys([*outcome, *_beat(has_failed=has_failed)]))


def _notify(
    layout: Layout, job_runs: Sequence[JobRun], sources: Sequence[Source], now: datetime, outcome: list[str]
) -> None:
    """Send what is new; adds to `outcome` what is wrong with the settings, also if it raises, and what was sent."""
    settings, project = alert_settings(), project_settings()
    addresses, of_addresses = usable_addresses(settings.alert_urls)
    outcome += map(str, of_addresses)
    watch, of_watch_file = usable_watch_file(project.watch_file, layout)
    outcome += of_watch_file
    outcome += [fault for fault in settings_faults(sources) if not any(fault in known for known in outcome)]
    seen = Observation(
        now,
        watch,
        health=rows_of(layout, PIPELINE_HEALTH),
        outages=rows_of(layout, OUTAGES),
        silences=rows_of(layout, SILENCES),
        source_health=rows_of(layout, SOURCE_HEALTH),
        worse_spans=rows_of(layout, FAILURE_TRENDS, is_worse_span()),
        hanging_runs=rows_of(layout, HANGING_RUNS),
        concentrations=rows_of(layout, FAILURE_CONCENTRATIONS),
        job_runs=job_runs,
        unread_after=settings.unread_after,
        today_every=timedelta(minutes=project.today_every_minutes),
        faults=tuple(outcome),
        awaited=[source.name for source in sources if source.is_configured],
    )
    outcome.append(str(Notifier(layout, addresses, lock_patience=0.0).notify(seen)))


def _beat(*, has_failed: bool) -> Iterator[str]:
    """Send the heartbeat if there is one; a sentence if it did not arrive."""
    try:
        url = alert_settings().heartbeat_url
        if url and (what := beat(url, has_failed=has_failed)):
            yield what
    except SettingsError as error:
        yield str(error)
