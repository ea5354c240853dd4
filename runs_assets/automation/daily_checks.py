"""The job that judges a source's stored days on its own, so that they are judged too while reading fails."""

from typing import TYPE_CHECKING

import dagster as dg

from runs_assets.automation.switches import IS_TEMPORARY, is_on, is_temporary, why_off
from runs_assets.sources.source import Source

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob


def checks_job(source: Source, checks: dg.AssetChecksDefinition) -> "AssetJob":
    """`<source>_checks`: the source's checks without its assets; it makes no request to the API."""
    return dg.define_asset_job(
        f"{source.name}_checks",
        selection=dg.AssetSelection.checks(checks),
        description=f"Judges the stored files of all days in reach of {source.name}; asks no API.",
    )


def checks_schedule(source: Source, job: "AssetJob") -> dg.ScheduleDefinition:
    """At 05:30 UTC, when the night's readings have ended or failed; on by default as the daily schedule is."""

    @dg.schedule(
        name=f"{source.name}_checks_schedule",
        job=job,
        cron_schedule="30 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if is_on(source) else dg.DefaultScheduleStatus.STOPPED,
        description=(
            f"Every morning: judges the stored days of {source.name}, also when they could not be read. "
            f"{why_off(source)}"
        ).strip(),
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if is_temporary(context.instance):
            return dg.SkipReason(IS_TEMPORARY)
        return dg.RunRequest(run_key=f"{source.name}_checks:{context.scheduled_execution_time.date()}")

    return schedule
