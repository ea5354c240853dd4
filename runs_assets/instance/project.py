"""Which of the runs that Dagster's instance knows belong to this project."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import dagster as dg

from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.instance.run_tags import PRUNE_RUNS, REFRESH_VERDICTS
from runs_assets.names import Names
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, RUNS_REPORT
from runs_assets.verdicts.tables import VERDICT_TABLES

ASSET_PAGE_JOB = "__ASSET_JOB"
"""The job of all runs that are started from a page of assets or with `dagster asset materialize`, in every project."""
REPOSITORY_TAG = ".dagster/repository"


@dataclass(frozen=True)
class Project:
    """One copy of the project; its code location may hold anything else, another copy with other `names` included.

    `label` is that of its repository (see `label_of`), None where it is not known.
    """

    sources: Sequence[Source]
    names: Names = field(default_factory=Names)
    label: str | None = None

    @property
    def refresh_job(self) -> str:
        """The job that builds the tables over all days and sources."""
        return self.names.of(REFRESH_VERDICTS)

    @property
    def prune_job(self) -> str:
        """The job that deletes superseded runs."""
        return self.names.of(PRUNE_RUNS)

    @property
    def jobs(self) -> list[str]:
        """Its own jobs, and the one of the asset pages."""
        own = [job for source in self.sources for job in (source.job_name, source.checks_job_name)]
        return [*own, self.refresh_job, self.prune_job, ASSET_PAGE_JOB]

    @cached_property
    def assets(self) -> frozenset[dg.AssetKey]:
        """Its own assets."""
        names = (*(table.name for table in VERDICT_TABLES), RUNS_REPORT)
        return frozenset(map(self.verdict, names)).union(*map(assets_of, self.sources))

    def verdict(self, table: str) -> dg.AssetKey:
        """The asset of a table over all days and sources, or of the report."""
        return dg.AssetKey(self.names.path(table))

    def checks_in(self, repository: dg.RepositoryDefinition) -> list[dg.AssetCheckKey]:
        """The checks of its assets that Dagster loaded, whoever added them."""
        return [key for key in repository.asset_graph.asset_check_keys if key.asset_key in self.assets]

    def has(self, run: dg.DagsterRun) -> bool:
        """Whether a run is of this project's jobs and of nothing but its assets, and of no other code location."""
        if run.job_name not in self.jobs or label_of(run) not in {None, self.label}:
            return False
        selected = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
        return selected <= self.assets and (bool(selected) or run.job_name != ASSET_PAGE_JOB)


def assets_of(source: Source) -> frozenset[dg.AssetKey]:
    """The four daily assets of a source."""
    return frozenset(dg.AssetKey(source.path(name)) for name in (RAW_RUNS, *(table.name for table in DAILY_TABLES)))


def label_of(run: dg.DagsterRun) -> str | None:
    """`<repository>@<code location>` of a run that the daemon or the page launched; None of one in process.

    Dagster indexes it as the tag `.dagster/repository`, but a run that is loaded has it only in its origin.
    """
    origin = run.remote_job_origin
    return origin.repository_origin.get_label() if origin else run.tags.get(REPOSITORY_TAG)


def label_of_sensor(context: dg.SensorEvaluationContext) -> str | None:
    """The same of the repository that a sensor is in, None outside the daemon."""
    origin = context.code_location_origin
    return f"{context.repository_name}@{origin.location_name}" if origin else None
