"""Which of the runs that Dagster's instance knows belong to this project."""

from collections.abc import Collection
from dataclasses import dataclass

import dagster as dg

ASSET_PAGE_JOB = "__ASSET_JOB"
"""The job of all runs that are started from a page of assets or with `dagster asset materialize`, in every project."""
REPOSITORY_TAG = ".dagster/repository"


@dataclass(frozen=True)
class Project:
    """The project's assets, checks and jobs, and the label of its repository (see `label_of`)."""

    assets: Collection[dg.AssetKey]
    checks: Collection[dg.AssetCheckKey]
    jobs: Collection[str]
    label: str | None

    @classmethod
    def of(cls, repository: dg.RepositoryDefinition, label: str | None) -> "Project":
        """Everything that Dagster loaded with `repository`; `label` is None where it is not known."""
        graph = repository.asset_graph
        return cls(graph.get_all_asset_keys(), graph.asset_check_keys, frozenset(repository.job_names), label)

    def has(self, run: dg.DagsterRun) -> bool:
        """Whether a run is of this project's jobs and of nothing but its assets, and of no other code location."""
        if run.job_name not in self.jobs or label_of(run) not in {None, self.label}:
            return False
        selected = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
        return selected <= set(self.assets) and (bool(selected) or run.job_name != ASSET_PAGE_JOB)


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
