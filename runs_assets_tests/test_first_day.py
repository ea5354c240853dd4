"""Where a source's partitions begin: no day is shown as missing that nobody could ever fill."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project, StoppedClock

FIRST_IN_REACH = date(2026, 2, 15)
"""31 days before NOW, 2026-03-18 12:00, it is 2026-02-15 12:00: its second half can be asked for."""


def first_partitions(now: datetime = NOW) -> dict[str, str]:
    """By source, the first partition of its raw runs, in a code location that is loaded at a time."""
    found = definitions_of(SOURCES, StoppedClock(at=now.isoformat())).resolve_asset_graph()
    keys = {source.name: dg.AssetKey([source.name, "raw_runs"]) for source in SOURCES}
    partitions = {name: found.get(key).partitions_def for name, key in keys.items()}
    return {name: found.get_first_partition_key() or "" for name, found in partitions.items() if found}


@pytest.mark.usefixtures("project")
def test_a_source_that_forgets_begins_with_what_can_be_asked_for() -> None:
    assert first_partitions() == {"cloudcruise": str(FIRST_IN_REACH), "productsup": "2025-01-01"}
    assert first_partitions(NOW + timedelta(days=1))["cloudcruise"] == "2026-02-16"


def test_it_stays_where_its_history_began_over_restarts(project: Project) -> None:
    assert project.materialize("cloudcruise", NOW.date()).success  # the newest day comes first
    assert first_partitions()["cloudcruise"] == str(FIRST_IN_REACH)
    assert project.materialize("cloudcruise", FIRST_IN_REACH).success
    later = datetime(2027, 3, 18, tzinfo=UTC)
    assert first_partitions(later)["cloudcruise"] == str(FIRST_IN_REACH)


@pytest.mark.usefixtures("project")
def test_the_setting_wins_for_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-01-01")
    assert first_partitions() == {"cloudcruise": "2026-01-01", "productsup": "2026-01-01"}


@pytest.mark.usefixtures("project")
def test_a_faulty_setting_of_one_source_stops_no_other_from_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "many")
    assert first_partitions() == {"cloudcruise": "2025-01-01", "productsup": "2025-01-01"}
