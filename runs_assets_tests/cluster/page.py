"""What people do on Dagster's page, and see there: by the page's own GraphQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME

from runs_assets.instance.run_tags import PARTITION
from runs_assets_tests.project import ALL

LAUNCH = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}
  }
}"""
LAUNCH_RUN = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}
  }
}"""
RUNS = """{runsOrError(limit: 500) {... on Runs {results {
  runId status jobName tags {key value} startTime assetSelection {path}
}}}}"""
BACKFILLS = "{partitionBackfillsOrError {... on PartitionBackfills {results {id status}}}}"
STATS = """query($key: AssetKeyInput!) {assetNodeOrError(assetKey: $key) {... on AssetNode {
  partitionStats {numMaterialized numPartitions numFailed numMaterializing}
}}}"""
WAITING = {"NOT_STARTED", "QUEUED"}
LAUNCHED = {"STARTING", "STARTED", "CANCELING"}


@dataclass(frozen=True)
class Run:
    """A run as the page lists it."""

    run_id: str
    status: str
    job: str
    tags: Mapping[str, str]
    assets: Sequence[str]

    @property
    def is_waiting(self) -> bool:
        """Whether it is yet to be given to the workers."""
        return self.status in WAITING

    @property
    def is_launched(self) -> bool:
        """Whether it was given to the workers and has not ended."""
        return self.status in LAUNCHED


@dataclass(frozen=True)
class Page:
    """The page at an address."""

    address: str

    def backfill(self, source: str, days: Sequence[date]) -> None:
        """Materialize the source's four assets for some days."""
        params = {"assetSelection": _assets(source), "partitionNames": [str(day) for day in days], "tags": []}
        launched = self.asked(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def materialize(self, source: str, day: date, queue: str = "dagster") -> str:
        """Materialize the source's four assets for a day, by a worker that listens on a queue; the run's id."""
        params = {
            "selector": {
                "repositoryLocationName": "runs_assets.definitions",
                "repositoryName": SINGLETON_REPOSITORY_NAME,
                "pipelineName": f"{source}_daily",
                "assetSelection": _assets(source),
                "assetCheckSelection": [],
            },
            "runConfigData": {},
            "executionMetadata": {
                "tags": [
                    {"key": PARTITION, "value": str(day)},
                    {"key": "dagster-celery/queue", "value": queue},
                ]
            },
        }
        launched = self.asked(LAUNCH_RUN, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id: str = launched["run"]["runId"]
        return run_id

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        found = self.asked(RUNS)["runsOrError"]["results"]
        return [
            Run(
                run["runId"],
                run["status"],
                run["jobName"],
                {tag["key"]: tag["value"] for tag in run["tags"]},
                ["/".join(asset["path"]) for asset in run["assetSelection"] or ()],
            )
            for run in found
        ]

    def backfills(self) -> dict[str, str]:
        """The states of all backfills."""
        return {one["id"]: one["status"] for one in self.asked(BACKFILLS)["partitionBackfillsOrError"]["results"]}

    def days_of(self, source: str, asset: str) -> dict[str, int]:
        """In which state an asset's days are."""
        stats: dict[str, int] = self.asked(STATS, key={"path": [source, asset]})["assetNodeOrError"]["partitionStats"]
        return stats

    def asked(self, query: str, **variables: Any) -> dict[str, Any]:
        """What GraphQL answers."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.address}/graphql", json=body, timeout=60, trust_env=False).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


def _assets(source: str) -> list[dict[str, list[str]]]:
    return [{"path": [source, name]} for name in ALL]
