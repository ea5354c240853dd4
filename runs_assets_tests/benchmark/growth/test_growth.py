"""The smallest simulation runs, and finds each account as it says; and the arithmetic on what one has measured."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runs_assets.daily.tables import DAILY_TABLES, ledger_of
from runs_assets.days import DayRange
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets_tests.benchmark.figures import exit_status
from runs_assets_tests.benchmark.growth.__main__ import MODULE, README
from runs_assets_tests.benchmark.growth.accounts import account_names, accounts, settings
from runs_assets_tests.benchmark.growth.costs import simulation
from runs_assets_tests.benchmark.growth.ends import (
    RUNS_A_DAY,
    Account,
    Line,
    Work,
    most_pruned,
    most_refreshed,
    most_ticked,
)
from runs_assets_tests.benchmark.growth.stored import RUNS_A_DAY as ROWS
from runs_assets_tests.benchmark.growth.stored import share, write_days
from runs_assets_tests.benchmark.growth.tables import Cell, Measured, limits, report
from runs_assets_tests.readme import written_by

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAYS = DayRange(NOW.date() - timedelta(days=2), NOW.date())


def test_every_account_has_the_days_and_nothing_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, to, names = Layout(tmp_path / "days"), Layout(tmp_path / "of 2"), account_names(2)
    for name, value in settings(to.root, DAYS.first, 2, NOW).items():
        monkeypatch.setenv(name, value)
    write_days(layout, accounts(1)[0], DAYS, NOW)
    share(layout, names[0], to, names)
    for name in names:
        rows = ledger_of(name, to).rebuild()
        assert sorted(rows) == sorted(DAYS.newest_first())
        assert [row.raw.rows for row in rows.values() if row.raw] == [ROWS] * 3
        assert {len(row.versions) for row in rows.values()} == {len((RAW_RUNS, *DAILY_TABLES))}
    with simulation(2, NOW, time.process_time) as found:
        assert found.timed == found.sources
        costs = found.costs()
    assert min(costs.values()) > 0


def test_an_account_leaves_a_week_of_runs_and_the_newest_of_each_older_day() -> None:
    added = {kind: {"rows": 10.0} for kind in (*RUNS_A_DAY, "refresh")} | {"tick": {"rows": 1.0}}
    account = Account({**added, "run of three days": {"rows": 30.0}})
    assert account.a_day("rows") == 10 * (24 + 5 + 1 + 35) + 30 * 6
    assert account.kept("rows", 2) == 8 * 830 + 7 * 1440 + 2 * 365 * 20


def test_a_line_goes_through_the_fewest_and_the_most_accounts() -> None:
    assert Line.through({1: 12.0, 10: 99.0, 100: 210.0}) == Line(10, 2)


def test_a_line_does_not_fall() -> None:
    assert Line.through({1: 1.6, 100: 1.5}) == Line(1.6, 0)


def test_a_machine_ends_when_half_of_its_cores_are_busy() -> None:
    flat, no = Line(1, 0), Line(0, 0)
    work = Work(start=no, refresh=no, tick_over_all=no, tick=0, runs=864)
    assert (work.most_accounts(1), work.most_accounts(4)) == (50, 200)
    assert replace(work, tick=0.6).most_accounts(1) == 25
    assert replace(work, start=flat).a_day(1) == 36 + 864 + 35
    assert replace(work, refresh=Line(402, 0)).a_day(100) == 86_400 + 200 * 402


def test_a_daemon_ends_when_its_ticks_take_half_of_a_minute() -> None:
    assert most_ticked(0.1, Line(0, 0)) == 300
    assert most_ticked(0.1, Line(5, 0.05)) == 100


def test_a_refresh_of_all_accounts_takes_half_of_an_hour_at_most() -> None:
    assert most_refreshed(Line(0, 2)) == 900


def test_a_night_deletes_the_runs_of_some_accounts() -> None:
    assert most_pruned() == 140  # 10,000 runs, of which an account has 36, and 35 refreshes


def measured(*, ten_years: float = 1.0, requests: float = 2.1) -> Measured:
    names = ("tick", "tick over all", "refresh", "refresh of all", "check run", "first check run", "deletion")
    cells = [
        Cell(count, years, {name: (ten_years if years > 1 else 1) * (count if "all" in name else 1) for name in names})
        for count in (1, 10)
        for years in (1, 10)
    ]
    kinds = (*RUNS_A_DAY, "refresh", "tick")
    counted = ("seconds", "bytes", "database bytes", "rows", "requests")
    account = Account({kind: dict.fromkeys(counted, 1.0) for kind in kinds})
    in_bucket = [Cell(1, 10, {**cells[0].costs, "tick": requests})]
    return Measured(cells, in_bucket, {1: 1, 10: 2}, 0.1, account, {"written": 4, "left": 1}, 1)


def test_the_report_says_where_what_was_measured_ends() -> None:
    lines = report(measured()).splitlines()
    assert "| one deletion a night | 140 accounts |" in lines
    assert "| one refresh at a time | 1,800 accounts |" in lines
    assert "| one daemon | 14 accounts, at 100 ms a tick |" in lines
    assert lines[2].startswith("| 1 | 1 | 1000 ms | 1000 ms | 1.0 s | 1.0 s |")


def test_what_is_flat_is_within_its_limits() -> None:
    assert exit_status(limits(measured())) == 0


@pytest.mark.parametrize("found", [measured(ten_years=5), measured(requests=3.1)])
def test_what_grows_is_an_exit_status_of_1(found: Measured) -> None:
    assert exit_status(limits(found)) == 1


def test_the_readme_has_a_place_for_the_tables() -> None:
    assert written_by(MODULE, README)
