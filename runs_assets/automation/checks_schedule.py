"""The job that checks a source's stored days on its own, so that they are checked even while reading fails."""

import dagster as dg

from runs_assets.automation.switches import schedule, why_off
from runs_assets.instance.dagster_internals import AssetJob
from runs_assets.sources.source import Source


def checks_job(source: Source, checks: dg.AssetChecksDefinition) -> AssetJob:
    """`<source>_checks`: the source's checks without its assets; it makes no request to the API."""
    return dg.define_asset_job(
        f"{source.name}_checks",
        selection=dg.AssetSelection.checks(checks),
        description=f"Checks the stored files of all days of {source.name} that can still be read, without the API.",
    )


def checks_schedule(source: Source, job: AssetJob) -> dg.ScheduleDefinition:
    """At 05:30 UTC, when the night's readings have ended or failed; on by default as the daily schedule is."""
    description = f"Every morning: checks the stored days of {source.name}, even if they could not be read."

    @schedule(job, "30 5 * * *", description, why_off(source))
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"{job.name}:{context.scheduled_execution_time.date()}")

    return every_morning
