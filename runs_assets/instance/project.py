"""Which of the runs that Dagster's instance knows belong to this project."""

from collections.abc import Collection
from dataclasses import dataclass

import dagster as dg

ASSET_PAGE_JOB = "__ASSET_JOB"
REPOSITORY_TAG = ".dagster/repository"


@dataclass(frozen=True)
class Project:
    """What belongs to this project: its assets, checks and jobs, and the tag of its runs."""

    assets: Collection[dg.AssetKey]
    checks: Collection[dg.AssetCheckKey]
    jobs: Collection[str]
    label: str | None

    @classmethod
    def of(cls, repository: dg.RepositoryDefinition, label: str | None) -> "Project":
        """All that Dagster loaded with `repository`; `label` is what it tags the repository's runs with, if it does."""
        graph = repository.asset_graph
        return cls(graph.get_all_asset_keys(), graph.asset_check_keys, frozenset(repository.job_names), label)

    def has(self, run: dg.DagsterRun) -> bool:
        """Whether a run is of this project's jobs and of nothing but its assets, and of no other code location."""
        if run.job_name not in self.jobs or run.tags.get(REPOSITORY_TAG) not in {None, self.label}:
            return False
        selected = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
        return selected <= set(self.assets) and (bool(selected) or not run.job_name.startswith(ASSET_PAGE_JOB))
