"""The job that keeps Dagster's own history small, once a day; which runs go, `instance/superseded_runs.py` decides."""

from datetime import timedelta

import dagster as dg

from runs_assets.automation.switches import schedule, why_off
from runs_assets.instance.project import Project, label_of
from runs_assets.instance.run_records import LOOK_BACK
from runs_assets.instance.superseded_runs import MAX_RUNS, delete_superseded
from runs_assets.resources import Clock


def prune_job(keep_days: int) -> dg.JobDefinition:
    """The job `prune_runs`: deletes superseded runs that ended more than `keep_days` days ago, at most 500 at a time.

    Raises `ValueError` if `keep_days` is shorter than the time for which the sensors look back at runs.
    """
    if timedelta(days=keep_days) < LOOK_BACK:
        raise ValueError(
            f"Runs cannot be deleted {keep_days} days after their end: the sensors look back for {LOOK_BACK.days} days."
        )

    @dg.op(required_resource_keys={"clock"})
    def delete_superseded_runs(context: dg.OpExecutionContext) -> None:
        """Delete old superseded runs, and log how many they were and how many bytes they took."""
        clock: Clock = context.resources.clock
        project = Project.of(context.repository_def, label_of(context.run))
        deleted, freed = delete_superseded(context.instance, project, clock.now() - timedelta(days=keep_days))
        context.log.info(
            "Deleted %d superseded runs that ended more than %d days ago: %.1f MB of files.",
            deleted,
            keep_days,
            freed / 1e6,
        )
        if deleted == MAX_RUNS:
            context.log.info("No more than %d are deleted at a time; the next run of this job goes on.", MAX_RUNS)

    @dg.job(
        name="prune_runs",
        description=(
            f"Deletes from Dagster's history the runs of this project that ended more than {keep_days} days ago and "
            "whose work newer runs have done again. The last run of every day, asset and check stays, and so does "
            "every data file."
        ),
    )
    def job() -> None:
        delete_superseded_runs()

    return job


def prune_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """At 03:40 UTC, once a day; on by default if Dagster's history is kept."""

    @schedule(job, "40 3 * * *", "Every night: keeps Dagster's own history small.", why_off())
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:  # noqa: ARG001  (Dagster passes it by name)
        return dg.RunRequest()

    return every_night
