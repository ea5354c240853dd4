"""The views for DuckDB, over a stored folder that was judged, against what is worked out by hand and in Python."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.days import DayRange
from runs_assets.insight.record import find_pipeline, record_of
from runs_assets.insight.status import current_status
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.refresh import Judge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.files_on_disk import folder_of
from runs_assets_tests.verdicts.cases import READ_UNTIL, at
from runs_assets_tests.verdicts.storing import runs_table, store_runs

SOURCE = "productsup"
DAYS = DayRange(date(2026, 2, 1), date(2026, 3, 18))
LOST, OPEN = date(2026, 3, 10), date(2026, 3, 16)
"""A day that is not stored, and one that was read whole and has an open run."""
BROKE_ON = date(2026, 3, 17)


def runs_of(day: date) -> Iterator[tuple[str, str | None, str, datetime, bool]]:
    """Each hour to 11:00 a run of each pipeline: `well` never fails, `shaky` at 6:00, `broken` since `BROKE_ON`."""
    for hour in range(12):
        created = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        for pipeline, fails in (("well", False), ("shaky", hour == 6), ("broken", day >= BROKE_ON), (None, False)):
            yield f"{pipeline}-{day}-{hour}", pipeline, "failed" if fails else "succeeded", created, False
    if day == OPEN:
        yield "open", "well", "running", at(3, 16), False
    yield f"dry-{day}", "broken", "failed", at(day.month, day.day), True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = Layout(tmp_path_factory.mktemp("it's data"))
    for day in (day for day in DAYS.newest_first() if day != LOST):
        ids, pipelines, statuses, created, dry = zip(*runs_of(day), strict=True)
        ends = [
            None if status == "running" else one + timedelta(minutes=1)
            for one, status in zip(created, statuses, strict=True)
        ]
        columns: dict[str, Any] = {"run_id": ids, "pipeline_id": pipelines, "status": statuses, "created_at": created}
        columns |= {"finished_at": ends, "dry_run": dry, "exit_code": [int(one == "failed") for one in statuses]}
        store_runs(
            layout,
            SOURCE,
            day,
            runs_table(columns),
            min(at(3, 18, 12), at(day.month, day.day) + timedelta(days=2)),
            settled=day < OPEN,
        )
    assert not Judge(layout, 28, WatchFile()).refresh(SOURCES).failures
    return folder_of(layout)


@pytest.fixture
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        database.execute("SET VARIABLE data = ?", [str(folder)])
        database.execute(SQL)
        yield database


SQL = files("runs_assets.insight").joinpath("views.sql").read_text()


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = database.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_what_is_wrong_now_is_what_status_says(database: duckdb.DuckDBPyConnection, folder: Path) -> None:
    [found] = current_status(Layout(folder), WatchFile(), [SOURCE])
    shown = rows(database, "FROM wrong_now")
    assert [(row["pipeline_id"], row["state"], row["since"]) for row in shown] == [
        (health.pipeline_id, health.state, health.since) for health in found.wrong
    ]
    assert (shown[0]["pipeline"], shown[0]["state"]) == ("broken", "down")
    assert shown[0]["since"] == at(3, 17, 0, 1)
    assert (shown[0]["failures"], shown[0]["failure_rate_24h"], shown[0]["usual_rate"]) == (24, 1.0, 0.0)


def test_since_when_a_pipeline_is_down_and_why(database: duckdb.DuckDBPyConnection, folder: Path) -> None:
    [row] = rows(database, "FROM since_when('bro%')")
    layout = Layout(folder)
    [reason] = record_of(layout, WatchFile(), SOURCES[1], find_pipeline(layout, [SOURCE], "broken")).reasons
    assert (row["state"], row["since"], row["last_success_at"]) == ("down", at(3, 17, 0, 1), at(3, 16, 11, 1))
    assert (row["reason"], row["side"], row["failed_28d"]) == (reason["reason"], reason["side"], 24)
    assert row["latest_failed_run_id"] == row["example"] == "broken-2026-03-18-11"
    [well] = rows(database, "FROM since_when('well')")
    assert (well["state"], well["reason"], well["failed_28d"]) == ("ok", None, None)


def test_the_failed_runs_of_a_day_are_listed_without_dry_ones(database: duckdb.DuckDBPyConnection) -> None:
    shown = [row["run_id"] for row in rows(database, f"FROM failed_on('{BROKE_ON}')")]
    by_hour = [f"broken-2026-03-17-{hour}" for hour in range(11, -1, -1)]
    assert shown == [*by_hour[:6], "shaky-2026-03-17-6", *by_hour[6:]]


def test_yesterday_is_the_utc_day_before_today(
    database: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path
) -> None:
    copytree(folder, tmp_path / "data")
    [(yesterday,)] = database.execute("SELECT today() - 1").fetchall()
    for back in range(2):
        day = yesterday - timedelta(days=back)
        columns = {"run_id": [f"failed {back}"], "pipeline_id": ["well"], "status": ["failed"]}
        run = runs_table({**columns, "created_at": [datetime(day.year, day.month, day.day, 9, tzinfo=UTC)]})
        store_runs(Layout(tmp_path / "data"), SOURCE, day, run, READ_UNTIL, settled=False)
    database.execute("SET VARIABLE data = ?", [str(tmp_path / "data")])
    assert [row["run_id"] for row in rows(database, "FROM failed_yesterday")] == ["failed 0"]


def test_who_fails_most_in_four_weeks_with_its_interval(database: duckdb.DuckDBPyConnection) -> None:
    shown = rows(database, "FROM most_failures")
    days = 28 - 1  # 2026-02-19 to 2026-03-18, without the one that is lost
    counts = {row["pipeline_id"]: (row["completed"], row["failed"], row["failure_rate"]) for row in shown}
    assert counts == {
        "shaky": (12 * days, days, 1 / 12),
        "broken": (12 * days, 24, 24 / (12 * days)),
        "well": (12 * days, 0, 0),
        None: (12 * days, 0, 0),
    }
    assert [row["pipeline_id"] for row in shown][:2] == ["shaky", "broken"]
    # Wilson, 27 of 324: z2 = 3.841459
    assert [shown[0]["failure_rate_low"], shown[0]["failure_rate_high"]] == pytest.approx(
        [0.0579019, 0.1185293], abs=1e-6
    )
    assert [shown[2]["failure_rate_low"], shown[2]["failure_rate_high"]] == pytest.approx([0, 0.0117175], abs=1e-6)


def test_what_is_not_known_is_listed_the_newest_day_first(database: duckdb.DuckDBPyConnection) -> None:
    shown = [(row["date"], row["what"], row["open_runs"]) for row in rows(database, "FROM not_known")]
    assert shown == [
        (date(2026, 3, 18), "not read to its end", 0),
        (date(2026, 3, 17), "may still change", 0),
        (OPEN, "may still change", 1),
        (LOST, "not stored", None),
    ]


def test_without_a_folder_or_its_verdicts_it_says_what_to_do(tmp_path: Path) -> None:
    with duckdb.connect() as database:
        with pytest.raises(duckdb.Error, match="Name the data folder first"):
            database.execute(SQL)
        database.execute("SET VARIABLE data = ?", [str(tmp_path)])
        with pytest.raises(duckdb.Error, match=r"There is no pipeline_health in .*\. Run `runs-assets refresh` first"):
            database.execute(SQL)
