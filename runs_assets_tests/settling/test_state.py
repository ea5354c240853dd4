"""What the files of a day say: read or not, followed by its tables or not, settled or not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.daily.table import build_days
from runs_assets.daily.tables import code_versions, ledger_of
from runs_assets.days import DayRange
from runs_assets.reading.open_runs import read_open_runs
from runs_assets.reading.request import ReadingRequest, SingleRunClient
from runs_assets.reading.whole_days import read_days
from runs_assets.resources import DataFolder
from runs_assets.sandbox import FixedHistory, FrozenClock
from runs_assets.settling.rules import Rules
from runs_assets.settling.state import DayState, day_states, verified
from runs_assets.sources.cloudcruise.normalize import VERSION
from runs_assets.storage.layout import RAW_RUNS
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.project import Project
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

DAY = NOW.date() - timedelta(days=3)


def look(project: Project, rules: Rules | None = None, normalizer: str = VERSION) -> DayState:
    versions = code_versions(replace(SOURCES[0], normalizer_version=normalizer))
    [row] = ledger_of("cloudcruise", project.layout).looked([DAY], {}).values()
    [state] = day_states({DAY: row}, versions, rules or DataFolder().rules)
    return state


@pytest.fixture
def read_day(project: Project) -> Project:
    """One run of three days ago, read whole."""
    row = {**CLOUDCRUISE_EXAMPLE[0], "created_at": f"{DAY}T10:00:00Z"}
    project.sandbox.cloudcruise.history = FixedHistory.of([row])
    assert project.materialize("cloudcruise", DAY).success
    return project


def test_a_day_without_a_raw_file_was_never_read(project: Project) -> None:
    assert look(project) == DayState(DAY)


def test_a_day_that_was_read_and_followed_is_settled(read_day: Project) -> None:
    state = look(read_day)
    assert state.raw is not None
    assert (state.raw.rows, state.is_behind, state.is_settled) == (1, False, True)


@pytest.mark.parametrize("dataset", [RUNS.name, RUN_STATUS_COUNTS.name, FAILURE_RATES.name])
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_table_that_is_missing_or_damaged_leaves_the_day_behind(read_day: Project, dataset: str, how: str) -> None:
    path = on_disk(read_day.layout.day_file(dataset, "cloudcruise", DAY))
    path.unlink() if how == "missing" else path.write_bytes(path.read_bytes()[:-20])
    state = look(read_day)
    assert state.is_behind
    assert not state.is_settled


def test_a_new_reading_new_code_or_another_grace_leaves_the_tables_behind(
    read_day: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(read_day, normalizer="other").is_behind
    monkeypatch.setenv("RUNS_ASSETS_GRACE_HOURS", "100")
    assert look(read_day).is_behind
    monkeypatch.delenv("RUNS_ASSETS_GRACE_HOURS")
    read_day.sandbox.clock = FrozenClock(NOW + timedelta(hours=1))
    assert read_day.materialize("cloudcruise", DAY, assets=(RAW_RUNS,)).success
    assert look(read_day).is_behind
    assert read_day.materialize("cloudcruise", DAY, assets=(RUNS.name, RUN_STATUS_COUNTS.name)).success
    assert look(read_day).is_behind
    assert read_day.materialize("cloudcruise", DAY, assets=(FAILURE_RATES.name,)).success
    assert not look(read_day).is_behind


def test_a_raw_file_whose_end_is_cut_is_damaged_and_one_that_is_wrong_inside_when_it_is_verified(
    read_day: Project,
) -> None:
    path = on_disk(read_day.layout.day_file(RAW_RUNS, "cloudcruise", DAY))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    state = look(read_day)
    assert state.raw is None
    assert str(path) in (state.damage or "")
    path.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
    state = look(read_day)
    assert state.raw is not None
    assert verified(state, read_day.layout, "cloudcruise").damage
    path.write_bytes(whole)
    assert verified((look(read_day)), read_day.layout, "cloudcruise") == look(read_day)


def test_whoever_changes_the_files_of_a_day_has_its_row_in_doubt(read_day: Project) -> None:
    """Until somebody asks, who looks at them."""
    layout, days, ledger = read_day.layout, DayRange(DAY, DAY), ledger_of("cloudcruise", read_day.layout)
    assert not ledger.known()[DAY].in_doubt
    list(build_days(RUNS, SOURCES[0], days, layout, DataFolder().rules))
    assert ledger.known()[DAY].in_doubt
    ledger.look_again([DAY])
    request = ReadingRequest("cloudcruise", "session_id", days, layout, read_day.sandbox.clock, print)
    with SOURCES[0].api.client("cloudcruise", layout, request.clock) as client:
        list(read_days(client, request, DAY, None))
    assert ledger.known()[DAY].in_doubt
    ledger.look_again([DAY])
    with SOURCES[1].api.client("productsup", layout, request.clock) as client:
        assert isinstance(client, SingleRunClient)
        list(read_open_runs(client, request, lambda _: []))
    assert ledger.known()[DAY].in_doubt
