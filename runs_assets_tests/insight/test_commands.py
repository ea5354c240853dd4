"""The commands as people and scripts use them: what is printed where, and how they end."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from runs_assets.cli import main
from runs_assets.days import utc_now
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.reasons.details_files import KnownDetails, store_details
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.tables import load_verdicts, store_verdicts
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.files_on_disk import folder_of, on_disk
from runs_assets_tests.verdicts.storing import runs_table, store_runs


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """An hour-old reading of one pipeline that is well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "data" / "raw_runs").mkdir(parents=True)
    layout = Layout(tmp_path / "data")
    store_health(layout, {"state": "ok"})
    return layout


def store_health(layout: Layout, *rows: dict[str, Any], read_until: datetime | None = None) -> None:
    """Verdicts on runs that were read until then, or until an hour ago."""
    read_until = read_until or utc_now() - timedelta(hours=1)
    common = {"source": "cloudcruise", "pipeline_id": "p", "source_read_until": read_until}
    filled = [{**common, "last_run_at": common["source_read_until"], "failures": 7, **row} for row in rows]
    store_rows(layout, "pipeline_health", filled)
    store_rows(layout, "source_health", [{**common, "state": "ok"}])
    for table in ("failure_trends", "outages", "silences", "failure_reasons"):
        store_rows(layout, table, [])


@pytest.mark.parametrize(
    ("state", "ends_with"),
    [
        *[("ok", 0), ("new", 0), ("worse", 0), ("failing", 0), ("hanging", 0), ("flaky", 0)],
        *[("down", 1), ("never succeeded", 1), ("stuck", 1), ("silent", 1)],
    ],
)
def test_status_ends_with_1_if_something_is_broken(layout: Layout, state: str, ends_with: int) -> None:
    store_health(layout, {"state": state, "flip_rate": 0.3})
    assert main(["status"]) == ends_with


def test_status_says_what_is_wrong_and_where(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    down = {"state": "down", "pipeline_name": "invoice-download", "reason": "E42", "reason_side": "platform"}
    store_health(layout, down, {"state": "ok", "pipeline_id": "q"})
    assert main(["status"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("cloudcruise: 1 needs attention, 1 well; read until 20")
    assert out.splitlines()[2].split()[:2] == ["down", "invoice-download"]
    assert "7 failures in a row: E42 (platform)" in out
    assert err == ""


def test_status_as_json_has_a_line_for_each_that_is_wrong(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    store_health(layout, {"state": "down"}, {"state": "ok", "pipeline_id": "q"}, {"state": "worse", "pipeline_id": "r"})
    assert main(["status", "--json"]) == 1
    rows = [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(row["pipeline_id"], row["state"], row["is_broken"]) for row in rows] == [
        ("p", "down", True),
        ("r", "worse", False),
    ]


def test_a_source_that_was_not_read_lately_cannot_be_told(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    read_until = utc_now() - timedelta(hours=7.1)
    store_health(layout, {"state": "ok"}, read_until=read_until)
    assert main(["status"]) == 2
    err = " ".join(capfd.readouterr().err.split())
    assert f"cloudcruise was last read up to {read_until:%Y-%m-%d %H:%M} UTC. Run `runs-assets doctor`" in err
    store_health(layout, {"state": "down"}, read_until=read_until)
    assert main(["status"]) == 1


def test_a_source_that_was_read_and_never_judged_cannot_be_told(
    layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    day = utc_now().date()
    runs = runs_table({"run_id": ["r"], "status": ["failed"], "created_at": [utc_now()], "finished_at": [utc_now()]})
    store_runs(layout, "productsup", day, runs, utc_now(), settled=False)
    assert main(["status"]) == 2
    assert "productsup has not been judged. Materialize some days, or run" in capfd.readouterr().err
    assert main(["status", "--source", "cloudcruise"]) == 0


def test_a_source_that_is_configured_and_was_never_read_cannot_be_told(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "key")
    store_health(layout, {"state": "ok"})
    assert main(["status"]) == 0
    monkeypatch.setenv("PRODUCTSUP_CDE_BASE_URL", "https://cde.example")
    monkeypatch.setenv("PRODUCTSUP_CDE_TOKEN", "token")
    assert main(["status"]) == 2
    assert "productsup has not been judged." in capfd.readouterr().err


def test_a_source_that_was_judged_and_has_no_runs_is_known(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    now = utc_now()
    store_runs(layout, "productsup", now.date(), RUNS_SCHEMA.empty_table(), now, settled=False)
    assert main(["refresh", "--offline"]) == 0
    assert main(["status", "--source", "productsup"]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1].startswith("productsup: 0 need attention, 0 well; read until ")
    assert err == ""


def test_tables_of_another_version_are_named(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    rows = load_verdicts(layout, "pipeline_health").drop_columns(["not_judged"])
    store_verdicts(layout, PIPELINE_HEALTH, rows, {})
    for command in (["status"], ["pipeline", "p"]):
        assert main(command) == (2 if command == ["status"] else 1)
        assert "pipeline_health was built by another version of this project." in capfd.readouterr().err


def test_without_data_or_verdicts_status_ends_with_2_and_names_what_is_missing(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk(layout.verdict_file("pipeline_health")).unlink()
    assert main(["status"]) == 2
    assert "There is no pipeline_health yet" in capfd.readouterr().err
    monkeypatch.setenv("RUNS_ASSETS_DATA", "elsewhere")
    for command in (["status"], ["runs"], ["pipeline", "p"]):
        assert main(command) == 2
        assert "elsewhere is no data folder of this project" in capfd.readouterr().err
        assert not Path("elsewhere").exists()


@pytest.mark.usefixtures("layout")
def test_an_unknown_source_and_pipeline_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--source", "cloudcruse"]) == 1
    assert "There is no source 'cloudcruse'. The sources are: cloudcruise, productsup." in capfd.readouterr().err
    assert main(["pipeline", "x"]) == 1
    assert "No pipeline of the judged days has the id or name 'x'." in capfd.readouterr().err


def test_runs_shows_the_newest_and_counts_the_rest(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    now = utc_now().replace(microsecond=0)
    times = [now - timedelta(seconds=30 * n) for n in range(1, 4)]
    for day in {now.date(), *(time.date() for time in times)}:
        of_day = [time for time in times if time.date() == day]
        columns = {"run_id": [f"r{(now - time).seconds}" for time in of_day], "status": ["failed"] * len(of_day)}
        runs = runs_table({**columns, "created_at": of_day, "finished_at": of_day})
        store_runs(layout, "cloudcruise", day, runs, now, settled=False)
    assert main(["runs", "--failed", "--limit", "2", "--since", "1h"]) == 0
    out, err = capfd.readouterr()
    assert [line.split()[-1] for line in out.splitlines()[1:3]] == ["r30", "r60"]
    assert out.splitlines()[-1] == "The first 2 of 3 runs (--limit, or --json for all)"
    assert f"{now.date()} known until {now:%Y-%m-%d %H:%M} UTC." in err
    main(["runs", "--failed", "--limit", "2", "--since", "1h", "--json"])
    assert len(capfd.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    "since", ["", "24", "24 h", "h", "yesterday", "2026-13-01", "999999d", "0001-01-01T00:00+10:00"]
)
def test_a_time_in_another_form_is_refused(since: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["runs", f"--since={since}"])
    assert f"a time is written as 24h, 7d, 2026-03-20 or 2026-03-20T08:00, not {since!r}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["runs", "--until", "9999-12-31"], "a time is written as"),
        (["runs", "--since", "2026-03-20", "--until", "2026-03-19"], "--since must be earlier than --until"),
        (["runs", "--since", "2026-03-20T08:00", "--until", "2026-03-20T08:00"], "--since must be earlier"),
        (["runs", "--limit", "0"], "it is a number from 1 on, not '0'"),
        (["runs", "--limit=-1"], "it is a number from 1 on, not '-1'"),
        (["runs", "--pipeline", " "], "a name, id or pattern is needed, not ' '"),
        (["pipeline", ""], "a name, id or pattern is needed, not ''"),
        (["pipeline", "\udcff"], "a name, id or pattern is needed, not '\\udcff'"),
        (["ack", ""], "a name, id or pattern is needed, not ''"),
        (["ack", "*", "--until", "9999-12-31"], "a time is written as 2026-03-20 or"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], why: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert why in capfd.readouterr().err


def test_a_day_is_meant_from_its_beginning_to_its_end(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    times = [datetime(2026, 3, 18, tzinfo=UTC), datetime(2026, 3, 18, 23, 59, 59, tzinfo=UTC)]
    runs = runs_table({"run_id": ["a", "b"], "status": ["failed"] * 2, "created_at": times, "finished_at": times})
    store_runs(layout, "cloudcruise", times[0].date(), runs, utc_now(), settled=True)
    assert main(["runs", "--since", "2026-03-18", "--until", "2026-03-18", "--json"]) == 0
    assert [orjson.loads(line)["run_id"] for line in capfd.readouterr().out.splitlines()] == ["b", "a"]


@pytest.mark.parametrize(("command", "ends_with"), [(["status", "--json"], 2), (["runs", "--json"], 1)])
def test_a_reader_that_has_read_enough_is_no_finding(layout: Layout, command: list[str], ends_with: int) -> None:
    """`status` cannot say that something is broken because of it; what is buffered is written before the end."""
    store_health(layout, {"state": "worse"})
    now = utc_now()
    runs = runs_table({"run_id": ["r"], "status": ["failed"], "created_at": [now], "finished_at": [now]})
    store_runs(layout, "cloudcruise", now.date(), runs, now, settled=False)
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": ""}
    process = subprocess.run(
        [sys.executable, "-m", "runs_assets.cli", *command],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert process.returncode == ends_with
    assert b"Error" not in process.stderr


def test_no_runs_of_a_source_of_which_nothing_is_stored_are_explained(
    layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "--source", "productsup"]) == 0
    out, err = capfd.readouterr()
    assert out == "0 runs\n"
    assert err == f"Nothing of productsup is stored in {folder_of(layout)}.\n"


def test_settings_that_are_misspelt_are_named_beside_the_answer(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_WINDOW_DAY", "90")
    store_health(layout, {"state": "ok"})
    for command in (["status", "--json"], ["runs", "--json"], ["pipeline", "p", "--json"]):
        assert main(command) == 0
        assert "RUNS_ASSETS_WINDOW_DAY is the name of no setting" in capfd.readouterr().err


def names_of_failed(capfd: pytest.CaptureFixture[str], pattern: str) -> list[str]:
    assert main(["runs", "--failed", "--since", "1h", "--json", "--pipeline", pattern]) == 0
    return sorted(orjson.loads(line)["pipeline"] for line in capfd.readouterr().out.splitlines())


def test_an_exact_name_is_no_pattern(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    now, unnamed = utc_now(), "443dac0a-bbd5-5187-8630-f07f5a4db0c5"
    ids = ["1", "2", unnamed]
    columns = {"run_id": ["r1", "r2", "r3"], "pipeline_id": ids, "status": ["failed"] * 3}
    times = [now - timedelta(seconds=1)] * 3
    runs = runs_table({**columns, "created_at": times, "finished_at": times})
    store_runs(layout, "cloudcruise", times[0].date(), runs, now, settled=False)
    store_details(layout, "cloudcruise", KnownDetails(names={"1": "export [x]", "2": "export x"}))
    assert names_of_failed(capfd, "export [x]") == ["export [x]"]
    assert names_of_failed(capfd, "export [xy]") == ["export x"]
    assert names_of_failed(capfd, "export*") == ["export [x]", "export x"]
    assert names_of_failed(capfd, "443dac0a") == names_of_failed(capfd, unnamed) == ["443dac0a"]


def test_a_time_of_another_year_shows_it(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    read_until = utc_now() - timedelta(hours=1)
    store_health(
        layout, {"state": "down", "since": read_until - timedelta(days=366)}, {"state": "worse", "since": read_until}
    )
    assert main(["status"]) == 1
    down, worse = capfd.readouterr().out.splitlines()[2:4]
    assert f"{read_until - timedelta(days=366):%Y-%m-%d %H:%M}" in down
    assert f"{read_until:%m-%d %H:%M}" in worse
    assert f"{read_until:%Y}" not in worse


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize(
    ("command", "ends_with"), [(["status"], 2), (["status", "--json"], 2), (["runs"], 1), (["pipeline", "p"], 1)]
)
def test_a_disk_that_is_full_is_named_in_a_sentence(layout: Layout, command: list[str], ends_with: int) -> None:
    store_health(layout, {"state": "worse"})
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with FULL.open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "runs_assets.cli", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=60,
            check=False,
            text=True,
        )
    assert process.returncode == ends_with
    assert process.stderr == "The output could not be written: No space left on device.\n"
