"""The sensors that request runs: days that are not settled, and tables over all days that are behind the daily files.

`outdated_verdicts` compares the stored files with the ones that the tables were built from, so it also notices what was
written while no daemon ran, or without Dagster.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from runs_assets.automation.switches import sensor, why_off
from runs_assets.days import in_turn, iso
from runs_assets.errors import SettingsError
from runs_assets.instance.dagster_internals import AssetJob
from runs_assets.instance.project import Project, label_of_sensor
from runs_assets.instance.run_records import Records
from runs_assets.instance.run_tags import SOURCES_TAG, range_tags, step_name
from runs_assets.instance.unfinished_runs import days_being_backfilled, refresh_in_flight, run_in_flight
from runs_assets.report.published import PAGE
from runs_assets.resources import Clock, DataFolder
from runs_assets.settings import project_settings
from runs_assets.settings_faults import settings_faults
from runs_assets.settling.attempts import Attempt, Waits, waits_after
from runs_assets.settling.due import Due, Request, Unrecorded, Work, due_days, next_request
from runs_assets.settling.reach import Capabilities, Reach
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import DayState, Versions, day_states, verified
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, RUNS_REPORT, Layout
from runs_assets.storage.ledger import Ledger, Rows
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH

if TYPE_CHECKING:
    from runs_assets.verdicts.refresh import Judge

TICK_SECONDS_OF_DAYS, TICK_SECONDS_OF_VERDICTS = 60, 30
TICKS_PER_REBUILD_TICK = 10
"""At every tenth tick, days beyond reach are examined instead, whose tables may have to be built again."""
DAYS_ASKED = 250
"""Of so many days Dagster is asked at a tick whether it knows them."""
HEADWAY = timedelta(minutes=30)
"""A day that the API forgets within this time is not asked for: the run might begin too late for it."""
STATE_TAG = "runs_assets/state"
WAIT_AFTER_FAILURE = timedelta(minutes=10)


def unsettled_days_sensor(source: Source, job: AssetJob, versions: Versions) -> dg.SensorDefinition:
    """`<source>_unsettled_days`: asks for the days that are due, as one run of the source's job at a time.

    On by default if the source is configured and Dagster's history is kept. `versions` are the present code versions
    of the source's tables. A tick makes no request to the API, and reads the ledger instead of every day's files.
    """
    description = (
        f"Reads the days of {source.name} again until they are settled: today every hour, a day that is over when it "
        "has become twice as old, and days that were never read before the API forgets them."
    )

    @sensor(source.names, f"{source.name}_unsettled_days", TICK_SECONDS_OF_DAYS, description, why_off(source), job)
    def due_work(context: dg.SensorEvaluationContext, data_folder: DataFolder, clock: Clock) -> dg.RunRequest | str:
        if not source.is_configured:
            return why_off(source)
        number = int(context.cursor) if context.cursor and context.cursor.isdecimal() else 0
        context.update_cursor(str(number + 1))
        records, folder = Records(context.instance, clock.now(), label_of_sensor(context)), data_folder
        try:
            request = Tick(source, versions, records, folder.layout, folder.rules, folder.first_day).decide(number)
        except SettingsError as error:
            return str(error)
        return request if isinstance(request, str) else run_request(source, request, versions, records.now.date())

    return due_work


def run_request(source: Source, request: Request, versions: Versions, today: date) -> dg.RunRequest:
    """What Dagster is asked for. It has no run key: the same days may be due again."""
    tags = {**range_tags(request.days), "runs_assets/work": request.work.value, "runs_assets/why": request.why}
    if request.work is Work.REBUILD:
        return dg.RunRequest(tags=tags, asset_selection=[dg.AssetKey(source.path(name)) for name in versions])
    if request.work is Work.READ_OPEN_RUNS:
        config = {"ops": {step_name(source.path(RAW_RUNS)): {"config": {"only_open_runs": True}}}}
        return dg.RunRequest(tags=tags, run_config=config)
    if request.days.first == today:
        # The checks look at all days and write half as much history again: not every hour for an unfinished day.
        every_asset = [dg.AssetKey(source.path(name)) for name in (RAW_RUNS, *versions)]
        return dg.RunRequest(tags=tags, asset_selection=every_asset, asset_check_keys=[])
    return dg.RunRequest(tags=tags)


@dataclass(frozen=True)
class Tick:
    """A source at one instant: its files, and what Dagster knows of its runs."""

    source: Source
    versions: Versions
    records: Records
    layout: Layout
    rules: Rules
    first_day: date

    def decide(self, number: int) -> Request | str:
        """The run to ask for, or why there is none; `number` counts the ticks.

        Raises `SettingsError` if a setting of the API cannot be used.
        """
        from runs_assets.instance.ended_runs import past_attempts

        api, now = self.source.api.capabilities, self.records.now
        if (run := run_in_flight(self.records, self.source, self.layout)) is not None:
            return f"{self.source.name} is being read by run {run.run_id}."
        attempts = past_attempts(self.records, self.source)
        in_reach, ledger = self._days_in_reach(api), Ledger(self.layout, self.source.name, self.versions)
        beyond, turn = self._days_beyond(in_reach, number, ledger)
        days = beyond or in_reach
        rows = ledger.rows(days, turn)
        states = self._states({day: rows[day] for day in days}, attempts)
        dues = due_days(states, api, self.rules, now, self._unrecorded(states, turn, is_beyond=bool(beyond)))
        backfilled = days_being_backfilled(self.records, self.source)
        possible = [due for due in dues if due.day not in backfilled and (due.work is Work.REBUILD or not beyond)]
        waits = waits_after(attempts, states, self.source.api.fingerprint, self.rules.today_every)
        return next_request(possible, now, waits) or self._why_nothing(possible, waits, attempts)

    def _why_nothing(self, dues: list[Due], waits: Waits, attempts: list[Attempt]) -> str:
        if waits.reading > self.records.now:
            failure = next(attempt.failure for attempt in attempts if attempt.asked_the_api and attempt.failure)
            return f"{self.source.name} is not read before {iso(waits.reading)}, because reading failed: {failure}."
        coming = min(dues, key=lambda due: due.at, default=None)
        if coming is None:
            return f"Nothing is left to do for the days of {self.source.name} that were examined."
        at = max(coming.at, waits.until(coming.day, asks_the_api=coming.work is not Work.REBUILD))
        return f"Nothing is due. Next: {coming.day} at {iso(at)}, since {coming.why}."

    def _days_in_reach(self, api: Capabilities) -> list[date]:
        reach = Reach(self.records.now + HEADWAY, self.first_day, api.retention).days
        return [day for day in reach.newest_first() if day <= self.records.now.date()] if reach else []

    def _days_beyond(self, in_reach: list[date], number: int, ledger: Ledger) -> tuple[Sequence[date], int]:
        """At every tenth tick, some of the stored days beyond reach: as many as there are days in reach, in turn.

        So no tick examines more days than there are in reach. With them comes the turn of what is asked about them, or
        about the days in reach if there are none.
        """
        turn, ticks = divmod(number, TICKS_PER_REBUILD_TICK)
        first_in_reach = in_reach[-1] if in_reach else self.records.now.date()
        if ticks == TICKS_PER_REBUILD_TICK - 1 and first_in_reach > self.first_day:
            stored = sorted(day for day, row in ledger.rows().items() if RAW_RUNS in row.versions)
            beyond = [day for day in stored if self.first_day <= day < first_in_reach]
            days, rounds = in_turn(beyond, max(len(in_reach), 1), turn)
            if days:
                return days, rounds
        return [], number - turn

    def _states(self, rows: Rows, attempts: list[Attempt]) -> list[DayState]:
        """The days' states; if building a day's tables failed, its raw file is read whole, to detect damage."""
        failed = [attempt.days for attempt in attempts if attempt.failure]
        return [
            verified(state, self.layout, self.source.name)
            if state.is_behind and any(state.day in days for days in failed)
            else state
            for state in day_states(rows, self.versions, self.rules)
        ]

    def _unrecorded(self, states: list[DayState], turn: int, *, is_beyond: bool) -> Unrecorded:
        """Of a part of the stored days, those of which Dagster has not recorded a data set.

        Each data set is a question to Dagster, which takes longer the more days it is about: so they take turns. Days
        beyond reach are only built again.
        """
        days, turn = in_turn([state.day for state in states if state.raw is not None], DAYS_ASKED, turn)
        data_sets = [*self.versions] if is_beyond else [RAW_RUNS, *self.versions]
        data_set = data_sets[turn % len(data_sets)]
        unknown = self._unknown_to_dagster(data_set, days)
        return Unrecorded(reads=unknown) if data_set == RAW_RUNS else Unrecorded(tables=unknown)

    def _unknown_to_dagster(self, data_set: str, days: Sequence[date]) -> set[date]:
        partitions = {str(day): day for day in days}
        if not partitions:  # of none, Dagster would tell those of all
            return set()
        asset, materialized = dg.AssetKey(self.source.path(data_set)), dg.DagsterEventType.ASSET_MATERIALIZATION
        known = self.records.instance.get_latest_storage_id_by_partition(asset, materialized, {*partitions})
        return {partitions[key] for key in partitions.keys() - known.keys()}


def outdated_verdicts_sensor(project: Project, job: AssetJob) -> dg.SensorDefinition:
    """`outdated_verdicts`: asks for one run of the job as soon as the daily files of some sources have changed.

    Where the tables are up to date and the report is older, the run is of the report alone.

    On by default if Dagster's history is kept. A tick makes no request to any API. Its reason for asking for none
    also tells what is wrong with the settings.
    """
    description = "Judges all days again when the daily files of a source have changed, once its runs have ended."

    @sensor(project.names, "outdated_verdicts", TICK_SECONDS_OF_VERDICTS, description, why_off(), job)
    def refresh(context: dg.SensorEvaluationContext, clock: Clock) -> dg.RunRequest | str:
        from runs_assets.verdicts.refresh import Judge

        try:
            judge = Judge.of(project_settings())
        except SettingsError as error:
            return str(error)
        request = due_refresh(project, judge, Records(context.instance, clock.now(), label_of_sensor(context)))
        return " ".join([request, *settings_faults(project.sources)]) if isinstance(request, str) else request

    return refresh


def due_refresh(project: Project, judge: "Judge", records: Records) -> dg.RunRequest | str:
    """The run to request now, or why there is none."""
    if (run := refresh_in_flight(records, project, judge.layout)) is not None:
        return f"The tables are being built by run {run.run_id}."
    turn = int(records.now.timestamp()) // TICK_SECONDS_OF_VERDICTS
    sources = {source.name: source for source in project.sources}
    behind = [sources[name] for name in judge.behind([*sources], turn)]
    ready = [source.name for source in behind if not _is_changing(source, judge, records)]
    if not ready:
        if not behind:
            report = _due_report(project, judge.layout) if judge.looks_further(turn) else None
            return report or "The tables are up to date."
        waiting = ", ".join(source.name for source in behind)
        return f"{waiting}: waiting until its days are written."
    state = hashlib.blake2b("".join(map(judge.fingerprint, ready)).encode(), digest_size=8).hexdigest()
    if (until := _wait_after_failure(records.instance, project.refresh_job, state)) > records.now:
        return f"Building the tables failed. They are built again at {iso(until)}, or when the files have changed."
    return dg.RunRequest(tags={SOURCES_TAG: ",".join(ready), STATE_TAG: state})


def _due_report(project: Project, layout: Layout) -> dg.RunRequest | None:
    """The report alone, if it is older than the tables; once, whether it succeeds or not, until they are built again.

    Its step has failed, or the tables were built without Dagster.
    """
    page, tables = layout.report_file(PAGE).entry(), layout.verdict_file(PIPELINE_HEALTH.name).entry()
    if not tables or (page and page.modified_at >= tables.modified_at):
        return None
    key = f"{RUNS_REPORT}:{tables.version}"
    return dg.RunRequest(run_key=key, asset_selection=[project.verdict(RUNS_REPORT)])


def _is_changing(source: Source, judge: "Judge", records: Records) -> bool:
    return (
        judge.layout.lock_file(source.name).is_held()
        or run_in_flight(records, source, judge.layout) is not None
        or bool(days_being_backfilled(records, source))
    )


def _wait_after_failure(instance: dg.DagsterInstance, job: str, state: str) -> datetime:
    """When the same files may be tried again after building from them failed; long ago, if it did not."""
    failed = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.FAILURE], tags={STATE_TAG: state})
    for record in instance.get_run_records(failed, limit=1):
        return datetime.fromtimestamp(record.end_time or 0, UTC) + WAIT_AFTER_FAILURE
    return datetime.min.replace(tzinfo=UTC)
