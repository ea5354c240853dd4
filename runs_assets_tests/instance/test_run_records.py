"""Which runs a query finds in an instance that is shared with other projects."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from runs_assets.accounts import SOURCES
from runs_assets.instance.project import ASSET_PAGE_JOB, Project, label_of
from runs_assets.instance.run_records import LOOK_BACK, NEWEST, Records, is_about

CLOUDCRUISE = SOURCES[0]
OURS, THEIRS = "repository@ours", "repository@theirs"
RAW = dg.AssetKey(["cloudcruise", "raw_runs"])
SUCCESS = dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def launched(instance: dg.DagsterInstance, label: str | None, asset: dg.AssetKey = RAW) -> dg.DagsterRun:
    """A run from an asset page, as the page launches it in the code location of the label, or in process."""
    origin = None
    if label:
        repository, location = label.split("@")
        server = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name=location)
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(server, repository), ASSET_PAGE_JOB)
    run = dg.DagsterRun(
        ASSET_PAGE_JOB,
        str(uuid.uuid4()),
        status=SUCCESS,
        asset_selection=frozenset({asset}),
        remote_job_origin=origin,
    )
    return instance.add_run(run)


def found(instance: dg.DagsterInstance, label: str | None, within: timedelta = LOOK_BACK) -> list[str]:
    records = Records(instance, datetime.now(UTC) + LOOK_BACK - within, label).ended(CLOUDCRUISE.job_name)
    return [record.dagster_run.run_id for record in records if is_about(record.dagster_run, CLOUDCRUISE)]


def test_runs_of_the_repository_are_found_below_any_number_of_others(instance: dg.DagsterInstance) -> None:
    older, ours = launched(instance, None), launched(instance, OURS)
    for _ in range(NEWEST):
        launched(instance, THEIRS, dg.AssetKey("theirs"))
    newest = launched(instance, None)
    assert found(instance, OURS) == [newest.run_id, ours.run_id]
    assert found(instance, None) == [newest.run_id]
    assert older.run_id not in found(instance, OURS)


def test_what_changed_before_the_time_asked_for_is_left_out(instance: dg.DagsterInstance) -> None:
    launched(instance, OURS)
    assert len(found(instance, OURS)) == 1
    assert found(instance, OURS, within=-timedelta(minutes=1)) == []


@pytest.mark.parametrize(("label", "is_ours"), [(OURS, True), (THEIRS, False), (None, True)])
def test_a_launched_run_belongs_to_the_project_of_its_code_location(
    instance: dg.DagsterInstance, label: str | None, is_ours: bool
) -> None:
    run = launched(instance, label)
    stored = instance.get_run_by_id(run.run_id)
    assert stored is not None
    assert label_of(stored) == label
    assert Project(SOURCES, label=OURS).has(stored) is is_ours
