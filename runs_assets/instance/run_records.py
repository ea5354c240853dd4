"""Dagster's records of runs, asked for by job and time, so that no tick reads the whole of a shared instance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import dagster as dg

from runs_assets.instance.dagster_internals import Backfill, unfinished_backfills
from runs_assets.instance.project import ASSET_PAGE_JOB, REPOSITORY_TAG, assets_of
from runs_assets.sources.source import Source

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
LOOK_BACK = timedelta(days=2)
"""At runs that ended: longer than any wait after failures, all of its doublings included."""
LOOK_BACK_AT_UNFINISHED = timedelta(days=7)
"""What was queued, or began, longer ago does not count: `dagster.yaml` ends runs after six hours, and a queue that has
not moved for a week is not waited for."""
BACKFILL_TAG = "dagster/backfill"
NEWEST = 20
MAX_BACKFILLS = 100


Statuses = Sequence[dg.DagsterRunStatus]


@dataclass(frozen=True)
class Records:
    """What an instance knows at `now` (UTC); what several questions of a tick need is read once.

    All projects of an instance share the job of the asset pages, and Dagster cannot be asked for runs by their assets.
    Of that job, these are the runs with the `label` of the project's repository and the newest 20 of all; where the
    label is not known, the newest 20 of those asked for.
    """

    instance: dg.DagsterInstance
    now: datetime
    label: str | None = None

    def unfinished(self, job_name: str) -> list[dg.RunRecord]:
        """The runs of a job and those from asset pages that have not ended, of the last seven days, newest first."""
        return self._with_pages(job_name, UNFINISHED, LOOK_BACK_AT_UNFINISHED)

    def ended(self, job_name: str) -> list[dg.RunRecord]:
        """The runs of a job and those from asset pages that ended within the last two days, newest first."""
        return self._with_pages(job_name, ENDED, LOOK_BACK)

    def of_job(
        self, job_name: str, statuses: Statuses, within: timedelta = LOOK_BACK, limit: int | None = None
    ) -> list[dg.RunRecord]:
        """The newest `limit` runs of a job, or all, that came to one of `statuses` within a time, newest first.

        Of those from asset pages, all with the label.
        """
        since, are_from_pages = self.now - within, job_name == ASSET_PAGE_JOB
        if self.label is None or not are_from_pages:
            filters = dg.RunsFilter(job_name=job_name, statuses=statuses, updated_after=since)
            return self._query(filters, NEWEST if are_from_pages else limit)
        recent = (record for record in self._from_pages if record.update_timestamp > since)
        return [record for record in recent if record.dagster_run.status in statuses]

    @cached_property
    def unfinished_backfills(self) -> Sequence[Backfill]:
        """Of all projects' backfills that began within a week and are not finished, the newest 100."""
        return unfinished_backfills(self.instance, self.now - LOOK_BACK_AT_UNFINISHED, MAX_BACKFILLS)

    def newest_of_backfill(self, backfill_id: str) -> dg.RunRecord | None:
        """The newest run of a backfill; None if it has none."""
        return next(iter(self._query(dg.RunsFilter(tags={BACKFILL_TAG: backfill_id}), limit=1)), None)

    @cached_property
    def _from_pages(self) -> list[dg.RunRecord]:
        """In any state, since one query takes longer than some more records."""
        since = self.now - LOOK_BACK_AT_UNFINISHED
        newest = self._query(dg.RunsFilter(job_name=ASSET_PAGE_JOB, updated_after=since), NEWEST)
        if len(newest) < NEWEST:
            return newest
        ours = dg.RunsFilter(job_name=ASSET_PAGE_JOB, updated_after=since, tags={REPOSITORY_TAG: self.label or ""})
        return _newest_first([*newest, *self._query(ours)])

    def _with_pages(self, job_name: str, statuses: Statuses, within: timedelta) -> list[dg.RunRecord]:
        jobs = (job_name, ASSET_PAGE_JOB)
        return _newest_first(record for job in jobs for record in self.of_job(job, statuses, within))

    def _query(self, filters: dg.RunsFilter, limit: int | None = None) -> list[dg.RunRecord]:
        return list(self.instance.get_run_records(filters, limit=limit))


def is_about(run: dg.DagsterRun, source: Source) -> bool:
    """Whether a run is of the source's job, or was started from a page with one of the source's assets."""
    return run.job_name == source.job_name or not assets_of(source).isdisjoint(run.asset_selection or ())


def _newest_first(records: Iterable[dg.RunRecord]) -> list[dg.RunRecord]:
    """Each record once."""
    by_id = {record.storage_id: record for record in records}
    return [by_id[number] for number in sorted(by_id, reverse=True)]
