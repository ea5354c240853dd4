"""The wiring: which sources there are, and what is built from each of them."""

from collections.abc import Sequence

import dagster as dg

from runs_assets.automation.alerts import alerts_sensor
from runs_assets.automation.daily import daily_job, daily_schedule
from runs_assets.automation.daily_checks import checks_job, checks_schedule
from runs_assets.automation.outdated_verdicts import outdated_verdicts_sensor
from runs_assets.automation.retention import prune_job, prune_schedule
from runs_assets.automation.unsettled_days import unsettled_days_sensor
from runs_assets.checks.source_checks import source_checks
from runs_assets.metrics.assets import metric_assets, table_versions
from runs_assets.partitions import daily_partitions
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import project_settings
from runs_assets.sources.assets import raw_runs_asset, runs_asset
from runs_assets.sources.cloudcruise.source import cloudcruise
from runs_assets.sources.productsup.source import productsup
from runs_assets.sources.source import Source
from runs_assets.verdicts.assets import verdict_assets, verdicts_job

SOURCES = (
    cloudcruise("cloudcruise", settings_prefix="CLOUDCRUISE_"),
    productsup("productsup", settings_prefix="PRODUCTSUP_CDE_"),
)


def definitions_of(sources: Sequence[Source], clock: Clock | None = None) -> dg.Definitions:
    """Everything that Dagster needs to know of these sources; `clock` is for tests that stop it."""
    settings = project_settings()
    pruning = prune_job(settings.history_days)
    shared = dg.Definitions(
        jobs=[pruning],
        schedules=[prune_schedule(pruning)],
        sensors=[alerts_sensor(sources)],
        resources={"data_folder": DataFolder(), "clock": clock or Clock()},
        executor=dg.in_process_executor,
    )
    partitions = daily_partitions(settings.first_day)
    each = (_definitions_of(source, partitions) for source in sources)
    return dg.Definitions.merge(shared, _verdicts_of(sources), *each)


def _definitions_of(source: Source, partitions: dg.DailyPartitionsDefinition) -> dg.Definitions:
    assets = [
        raw_runs_asset(source, partitions),
        runs_asset(source, partitions),
        *metric_assets(source.name, partitions),
    ]
    versions = table_versions(source.normalizer_version)
    checks = source_checks(source, versions)
    job, judging = daily_job(source, assets), checks_job(source, checks)
    return dg.Definitions(
        assets=assets,
        asset_checks=[checks],
        jobs=[job, judging],
        schedules=[daily_schedule(source, job), checks_schedule(source, judging)],
        sensors=[unsettled_days_sensor(source, job, versions)],
        resources={source.name: source.api},
    )


def _verdicts_of(sources: Sequence[Source]) -> dg.Definitions:
    verdicts = verdict_assets(sources)
    job = verdicts_job(verdicts)
    return dg.Definitions(assets=[verdicts], jobs=[job], sensors=[outdated_verdicts_sensor(sources, job)])


defs = definitions_of(SOURCES)
