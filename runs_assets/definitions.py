"""The wiring: what Dagster builds from the accounts."""

import logging
from collections.abc import Sequence

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.assets.checks import source_checks
from runs_assets.assets.daily import daily_assets, daily_partitions
from runs_assets.assets.verdicts import verdict_assets
from runs_assets.automation.alerts import alerts_sensor
from runs_assets.automation.outdated_verdicts import outdated_verdicts_sensor, verdicts_job
from runs_assets.automation.prune_runs import prune_job, prune_schedule
from runs_assets.automation.schedules import checks_job, checks_schedule, daily_job, daily_schedule
from runs_assets.automation.unsettled_days import unsettled_days_sensor
from runs_assets.daily.tables import code_versions
from runs_assets.resources import Clock, DataFolder, api_resource
from runs_assets.settings import project_settings
from runs_assets.settings_faults import settings_faults
from runs_assets.sources.source import Source


def definitions_of(sources: Sequence[Source], clock: Clock | None = None) -> dg.Definitions:
    """Everything that Dagster needs to know of these sources; `clock` is for tests that stop it."""
    settings = project_settings()
    folder, now = DataFolder(), (clock or Clock()).now()
    pruning = prune_job(settings.history_days)
    shared = dg.Definitions(
        jobs=[pruning],
        schedules=[prune_schedule(pruning)],
        sensors=[alerts_sensor(sources)],
        resources={"data_folder": folder, "clock": clock or Clock()},
        executor=dg.in_process_executor,
    )
    each = (_definitions_of(source, daily_partitions(folder.first_partition(source, now))) for source in sources)
    return dg.Definitions.merge(shared, _verdicts_of(sources), *each)


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
        resources={source.name: api_resource(source)},
    )


def _verdicts_of(sources: Sequence[Source]) -> dg.Definitions:
    verdicts = verdict_assets(sources)
    job = verdicts_job(verdicts)
    return dg.Definitions(assets=[verdicts], jobs=[job], sensors=[outdated_verdicts_sensor(sources, job)])


for fault in settings_faults(SOURCES):
    logging.getLogger(__name__).warning("%s", fault)
defs = definitions_of(SOURCES)
