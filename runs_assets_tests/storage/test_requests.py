"""What is asked of a bucket by those who look at all days again and again, of days that have not changed."""

from pathlib import Path

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.checks.inspection import Inspection
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.tables import code_versions, ledger_of
from runs_assets.days import DayRange
from runs_assets.resources import DataFolder
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.refresh import TURNS_PER_COMPARISON, Judge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.checks.stored import FIRST, TODAY, YESTERDAY, Stored
from runs_assets_tests.cluster.faulty import FaultyWay
from runs_assets_tests.conftest import NOW

pytestmark = pytest.mark.cluster
NAMES = [source.name for source in SOURCES]
DAYS = DayRange(FIRST, TODAY)


@pytest.fixture
def layout(bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Two days of CloudCruise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", bucket_url)
    layout = Layout(bucket_url)
    with dg.DagsterInstance.ephemeral() as instance:
        for day in (YESTERDAY, TODAY):
            Stored(layout, instance).store(day)
    return layout


def test_whether_tables_are_behind_takes_three_requests_for_all_sources(layout: Layout, way: FaultyWay) -> None:
    judge = Judge(layout, 90, WatchFile())
    assert judge.behind(NAMES) == ["cloudcruise"]
    judge.refresh(SOURCES)
    assert judge.behind(NAMES) == []
    asked = []
    for turn in range(2 * TURNS_PER_COMPARISON):
        way.asked.clear()
        assert judge.behind(NAMES, turn) == []
        asked.append(len(way.asked))
    # The tenth asks whether a source is being written, gets its ledger, and lists a part of its files: for want of a ledger
    # all five data sets of Productsup.
    assert asked == [2 + 3, *[3] * 9, 2 + 2 + 5, *[3] * 9]


def test_a_table_or_a_day_that_was_changed_without_the_ledger_is_found_in_turn(layout: Layout) -> None:
    judge = Judge(layout, 90, WatchFile())
    judge.refresh(SOURCES)
    layout.verdict_file(OUTAGES.name).replace(b"damaged")
    assert any(judge.behind(NAMES, turn) for turn in range(1, TURNS_PER_COMPARISON))
    judge.refresh(SOURCES)
    layout.day_file(FAILURE_RATES.name, "cloudcruise", TODAY).remove()
    # A turn compares one data set of one source; there are five of each.
    found = [judge.behind(NAMES, turn * TURNS_PER_COMPARISON) for turn in range(2 * 5)]
    assert found.index(["cloudcruise"]) == 8  # of its five data sets, the fifth
    assert found[8:] == [["cloudcruise"]] * 2


def test_a_day_that_was_away_during_a_refresh_is_judged_when_it_is_back(layout: Layout) -> None:
    """Its version is that of its content."""
    judge, file = Judge(layout, 90, WatchFile()), layout.day_file(FAILURE_RATES.name, "cloudcruise", TODAY)
    judge.refresh(SOURCES)
    content = file.content()
    assert content is not None
    file.remove()
    judge.refresh(SOURCES)
    file.replace(content)
    assert any(judge.behind(NAMES, turn * TURNS_PER_COMPARISON) for turn in range(2 * 5))


def test_a_check_run_gets_what_has_changed_and_a_part_of_the_rest(layout: Layout, way: FaultyWay) -> None:
    ledger, versions = ledger_of("cloudcruise", layout), code_versions(SOURCES[0])
    Inspection(layout, "cloudcruise", versions, DataFolder().rules).of(DAYS, ledger.compared()[0], NOW)
    way.asked.clear()
    rows, wrong = ledger.compared()
    assert (wrong, way.asked) == (set(), ["GET"] * 6)  # the ledger, and a listing of each data set
    way.asked.clear()
    found = Inspection(layout, "cloudcruise", versions, DataFolder().rules).of(DAYS, rows, NOW)
    lease, its_end = (["HEAD", "GET", "PUT"] for _ in range(2))
    # Which months there are, this one, and the four files of a day: of two, the 28th part is one.
    assert way.asked == [*["GET"] * (1 + 1 + 4), *lease, "PUT", *its_end]
    assert [one.runs.abandoned for one in found if one.runs] == [0, 0]
