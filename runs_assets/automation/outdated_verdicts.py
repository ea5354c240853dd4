"""The sensor that requests the tables over all days again as soon as a source's daily files have changed.

It compares the stored files with the ones that the tables were built from, so it also notices what was written while no
daemon ran, or without Dagster. It waits for the end of a run or a backfill of a source, which changes many days one
after the other; the other sources do not wait with it.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import dagster as dg

from runs_assets.automation.switches import sensor, why_off
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import iso
from runs_assets.errors import SettingsError
from runs_assets.instance.dagster_internals import AssetJob
from runs_assets.instance.project import Project, label_of_sensor
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import SOURCES_TAG
from runs_assets.instance.unfinished_runs import days_being_backfilled, refresh_in_flight, run_in_flight
from runs_assets.resources import Clock
from runs_assets.settings import project_settings
from runs_assets.settings_faults import settings_faults
from runs_assets.sources.source import Source
from runs_assets.storage.lock import is_being_written
from runs_assets.verdicts.refresh import Judge

SECONDS_BETWEEN_TICKS = 30
STATE_TAG = "runs_assets/state"
WAIT_AFTER_FAILURE = timedelta(minutes=10)


def outdated_verdicts_sensor(project: Project, job: AssetJob) -> dg.SensorDefinition:
    """`outdated_verdicts`: asks for one run of the job as soon as the daily files of some sources have changed.

    On by default if Dagster's history is kept. A tick makes no request to any API. Its reason for asking for none
    also tells what is wrong with the settings.
    """
    description = "Judges all days again when the daily files of a source have changed, once its runs have ended."

    @sensor(project.names, "outdated_verdicts", SECONDS_BETWEEN_TICKS, description, why_off(), job)
    def refresh(context: dg.SensorEvaluationContext, clock: Clock) -> dg.RunRequest | str:
        try:
            judge = Judge.of(project_settings())
        except SettingsError as error:
            return str(error)
        request = due_refresh(project, judge, Records(context.instance, clock.now(), label_of_sensor(context)))
        return " ".join([request, *settings_faults(project.sources)]) if isinstance(request, str) else request

    return refresh


def verdicts_job(project: Project, assets: dg.AssetsDefinition) -> AssetJob:
    """The job of these assets; a run's tag `runs_assets/sources` lists the sources whose rows it builds."""
    return dg.define_asset_job(
        project.refresh_job,
        executor_def=dg.in_process_executor,
        selection=dg.AssetSelection.assets(assets),
        description="Judges all stored days of all sources, from the files.",
    )


def due_refresh(project: Project, judge: Judge, records: Records) -> dg.RunRequest | str:
    """The run to request now, or why there is none."""
    if (run := refresh_in_flight(records, project, judge.layout)) is not None:
        return f"The tables are being built by run {run.run_id}."
    behind = [source for source in project.sources if judge.layout.stored_days(FAILURE_RATES.name, source.name)]
    behind = [source for source in behind if judge.is_behind(source.name)]
    ready = [source.name for source in behind if not _is_changing(source, judge, records)]
    if not ready:
        waiting = ", ".join(source.name for source in behind)
        return f"{waiting}: waiting until its days are written." if behind else "The tables are up to date."
    state = hashlib.blake2b("".join(map(judge.fingerprint, ready)).encode(), digest_size=8).hexdigest()
    if (until := _wait_after_failure(records.instance, project.refresh_job, state)) > records.now:
        return f"Building the tables failed. They are built again at {iso(until)}, or when the files have changed."
    return dg.RunRequest(tags={SOURCES_TAG: ",".join(ready), STATE_TAG: state})


def _is_changing(source: Source, judge: Judge, records: Records) -> bool:
    return (
        is_being_written(judge.layout.lock_file(source.name))
        or run_in_flight(records, source, judge.layout) is not None
        or bool(days_being_backfilled(records, source))
    )


def _wait_after_failure(instance: dg.DagsterInstance, job: str, state: str) -> datetime:
    """When the same files may be tried again after building from them failed; long ago, if it did not."""
    failed = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.FAILURE], tags={STATE_TAG: state})
    for record in instance.get_run_records(failed, limit=1):
        return datetime.fromtimestamp(record.end_time or 0, UTC) + WAIT_AFTER_FAILURE
    return datetime.min.replace(tzinfo=UTC)
