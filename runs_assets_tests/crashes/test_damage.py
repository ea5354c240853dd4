"""A damaged file is found by whoever reads it, named, and built again from what is before it."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from runs_assets.sandbox import FixedHistory, Sandbox
from runs_assets.storage.raw import verify_raw
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk, stored_file
from runs_assets_tests.project import Project, failure_of
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

TODAY = NOW.date()
DAYS = [TODAY - timedelta(days=back) for back in (3, 2, 1)]
FIRST, MIDDLE, LAST = DAYS


def show(sandbox: Sandbox, *ids: str) -> None:
    """Let the API show runs of each day."""
    sandbox.cloudcruise.history = FixedHistory.of(
        {**CLOUDCRUISE_EXAMPLE[0], "session_id": f"{day} {key}", "created_at": f"{day}T10:00:0{n}Z"}
        for day in DAYS
        for n, key in enumerate(ids)
    )


def damage(path: Path, position: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(content)
    return bytes(content)


def ids(project: Project, day: date) -> list[str]:
    return sorted(run["run_id"].removeprefix(f"{day} ") for run in project.table("runs", "cloudcruise", day))


@pytest.mark.parametrize(("position", "recovered"), [(-100, 3), (40, 0)])
def test_a_damaged_raw_file_is_rebuilt_when_its_day_is_read_again(
    project: Project, position: int, recovered: int
) -> None:
    show(project.sandbox, "a", "b", "gone")
    assert project.materialize("cloudcruise", FIRST, LAST).success
    path = on_disk(project.layout.day_file("raw_runs", "cloudcruise", MIDDLE))
    damaged = damage(path, position)
    show(project.sandbox, "a", "b", "new")
    result = project.materialize("cloudcruise", FIRST, LAST)
    assert result.success

    assert ids(project, MIDDLE) == (["a", "b", "gone", "new"] if recovered else ["a", "b", "new"])
    assert ids(project, FIRST) == ids(project, LAST) == ["a", "b", "gone", "new"]
    assert project.metadata("runs", "cloudcruise", MIDDLE)["complete"] == "true"
    events = {event.partition: event for event in result.asset_materializations_for_node("cloudcruise__raw_runs")}
    note = events[str(MIDDLE)].metadata["notes"].value
    [kept] = (folder_of(project.layout) / f".damaged/raw_runs/source=cloudcruise/date={MIDDLE}").iterdir()
    assert f"is kept as {kept}; {recovered} of its lines were recovered" in str(note)
    assert kept.read_bytes() == damaged
    assert "notes" not in events[str(FIRST)].metadata
    logged = [entry.user_message for entry in project.instance.all_logs(result.run_id)]
    assert any(f"{MIDDLE}: The stored file was damaged" in message for message in logged)


def test_a_day_that_cannot_be_read_again_keeps_its_damaged_file(project: Project) -> None:
    show(project.sandbox, "a")
    assert project.materialize("cloudcruise", MIDDLE).success
    path = on_disk(project.layout.day_file("raw_runs", "cloudcruise", MIDDLE))
    damage(path, 40)
    before = project.files()
    project.sandbox.cloudcruise.api_key = "another"
    assert "HTTP 401" in failure_of(project.materialize("cloudcruise", MIDDLE))
    assert project.files() == before
    assert not (folder_of(project.layout) / ".damaged").exists()


def test_a_replay_does_every_day_but_names_the_damaged_and_the_missing(project: Project) -> None:
    show(project.sandbox, "a")
    assert project.materialize("cloudcruise", FIRST, LAST).success
    raw = {day: on_disk(project.layout.day_file("raw_runs", "cloudcruise", day)) for day in DAYS}
    runs = {day: on_disk(project.layout.day_file("runs", "cloudcruise", day)) for day in DAYS}
    damage(raw[FIRST], 40)
    raw[MIDDLE].unlink()
    for path in runs.values():
        path.unlink()
    failure = failure_of(project.materialize("cloudcruise", FIRST, LAST, ["runs"]))
    assert [day for day in DAYS if runs[day].exists()] == [LAST]
    assert f"cloudcruise/raw_runs are missing for {MIDDLE}. Materialize these days first." in failure
    assert (
        f"cloudcruise/raw_runs are damaged for {FIRST} ({raw[FIRST]}: {verify_raw(stored_file(raw[FIRST]))})."
        in failure
    )
    assert "if the API still has them" in failure
    assert failure.endswith("All other days of the range are built.")


@pytest.mark.parametrize("position", [200, -300])
def test_a_damaged_table_is_named_by_what_needs_it_and_rebuilt_without_the_api(project: Project, position: int) -> None:
    show(project.sandbox, "a")
    assert project.materialize("cloudcruise", MIDDLE).success
    path = on_disk(project.layout.day_file("runs", "cloudcruise", MIDDLE))
    before = project.files()
    damage(path, position)
    asked = len(project.sandbox.requests)
    failure = failure_of(project.materialize("cloudcruise", MIDDLE, assets=["failure_rates"]))
    assert f"cloudcruise/runs are damaged for {MIDDLE} ({path}: its " in failure
    assert "Materialize them for these days again: they are rebuilt from the files before" in failure
    assert project.materialize("cloudcruise", MIDDLE, assets=["runs", "failure_rates"]).success
    assert project.files() == before
    assert len(project.sandbox.requests) == asked
