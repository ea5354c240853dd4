"""The jobs of a source and their schedules: its last days every night, and its checks every morning."""

from datetime import timedelta

import dagster as dg

from runs_assets.automation.switches import schedule, why_off
from runs_assets.days import DayRange
from runs_assets.instance.dagster_internals import AssetJob
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import range_tags
from runs_assets.instance.unfinished_runs import run_in_flight
from runs_assets.resources import Clock, DataFolder
from runs_assets.sources.source import Source

DAYS = 3


def daily_job(source: Source, assets: list[dg.AssetsDefinition]) -> AssetJob:
    """The job of the source's four daily assets."""
    return dg.define_asset_job(
        source.job_name,
        executor_def=dg.in_process_executor,
        selection=dg.AssetSelection.assets(*assets),
        description=f"Reads days of {source.name} and rebuilds everything that follows from them.",
    )


def daily_schedule(source: Source, job: AssetJob) -> dg.ScheduleDefinition:
    """At 00:15 UTC: yesterday and the two days before it, as one run.

    On by default if the source is configured and Dagster's history is kept.
    """
    description = f"Every night: the last {DAYS} whole UTC days of {source.name}, read again in one run."

    @schedule(source.names, job, "15 0 * * *", description, why_off(source))
    def last_days(context: dg.ScheduleEvaluationContext, data_folder: DataFolder, clock: Clock) -> dg.RunRequest | str:
        records = Records(context.instance, clock.now())
        if (run := run_in_flight(records, source, data_folder.layout)) is not None:
            return f"{source.name} is being read by run {run.run_id}; the sensor asks for the rest."
        yesterday = context.scheduled_execution_time.date() - timedelta(days=1)
        if yesterday < data_folder.first_day:
            return f"The first day to be kept, {data_folder.first_day}, is not over yet."
        days = DayRange(max(yesterday - timedelta(days=DAYS - 1), data_folder.first_day), yesterday)
        return dg.RunRequest(run_key=f"{source.job_name}:{days}", tags=range_tags(days))

    return last_days


def checks_job(source: Source, checks: dg.AssetChecksDefinition) -> AssetJob:
    """`<source>_checks`: the source's checks on their own, also while reading fails; no request to the API."""
    return dg.define_asset_job(
        source.checks_job_name,
        executor_def=dg.in_process_executor,
        selection=dg.AssetSelection.checks(checks),
        description=f"Checks the stored files of all days of {source.name} that can still be read, without the API.",
    )


def checks_schedule(source: Source, job: AssetJob) -> dg.ScheduleDefinition:
    """At 05:30 UTC, when the night's readings have ended or failed; on by default as the daily schedule is."""
    description = f"Every morning: checks the stored days of {source.name}, even if they could not be read."

    @schedule(source.names, job, "30 5 * * *", description, why_off(source))
    def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"{job.name}:{context.scheduled_execution_time.date()}")

    return every_morning
