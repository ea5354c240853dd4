"""The wiring: what Dagster builds from the accounts."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.assets.checks import source_checks
from runs_assets.assets.daily import daily_assets, daily_partitions
from runs_assets.assets.report import report_asset
from runs_assets.assets.verdicts import verdict_assets
from runs_assets.automation.alerts import alerts_sensor
from runs_assets.automation.jobs import (
    checks_job,
    checks_schedule,
    daily_job,
    daily_schedule,
    prune_job,
    prune_schedule,
    verdicts_job,
)
from runs_assets.automation.sensors import outdated_verdicts_sensor, unsettled_days_sensor
from runs_assets.daily.tables import code_versions
from runs_assets.instance.project import Project
from runs_assets.names import Names
from runs_assets.resources import Clock, DataFolder, api_resource
from runs_assets.settings import project_settings
from runs_assets.settings_faults import settings_faults
from runs_assets.sources.source import Source


def definitions_of(sources: Sequence[Source], clock: Clock | None = None, *, prefix: str = "") -> dg.Definitions:
    """Everything that Dagster needs to know of these sources; `clock` is for tests that stop it.

    With a `prefix`, asset keys begin with it as a part of its own, and all other names with it and `_`; then the
    executor of the code location is left to others, and only this project's jobs run in one process.
    """
    names = Names(prefix)
    project = Project([replace(source, names=names) for source in sources], names)
    settings = project_settings()
    folder, time = DataFolder(), clock or Clock()
    pruning = prune_job(project, settings.history_days)
    shared = dg.Definitions(
        jobs=[pruning],
        schedules=[prune_schedule(names, pruning)],
        sensors=[alerts_sensor(project)],
        resources={names.of("data_folder"): folder, names.of("clock"): time},
        executor=None if prefix else dg.in_process_executor,
    )
    first_days = [folder.first_partition(source, time.now()) for source in project.sources]
    each = map(_definitions_of, project.sources, map(daily_partitions, first_days))
    return dg.Definitions.merge(shared, _verdicts_of(project), *each)


def _definitions_of(source: Source, partitions: dg.DailyPartitionsDefinition) -> dg.Definitions:
    assets = daily_assets(source, partitions)
    versions = code_versions(source)
    checks = source_checks(source, versions)
    job, judging = daily_job(source, assets), checks_job(source, checks)
    return dg.Definitions(
        assets=assets,
        asset_checks=[checks],
        jobs=[job, judging],
        schedules=[daily_schedule(source, job), checks_schedule(source, judging)],
        sensors=[unsettled_days_sensor(source, job, versions)],
        resources={source.full_name: api_resource(source)},
    )


def _verdicts_of(project: Project) -> dg.Definitions:
    assets = [verdict_assets(project), report_asset(project)]
    job = verdicts_job(project, assets)
    return dg.Definitions(assets=assets, jobs=[job], sensors=[outdated_verdicts_sensor(project, job)])


for fault in settings_faults(SOURCES):
    logging.getLogger(__name__).warning("%s", fault)
defs = definitions_of(SOURCES)
