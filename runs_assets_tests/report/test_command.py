"""`runs-assets report`, as people use it."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.cli import main
from runs_assets.days import start_of, utc_now
from runs_assets.report import charts
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.refresh import Judge
from runs_assets_tests.files_on_disk import folder_of, on_disk
from runs_assets_tests.report.reading import parsed, text_of
from runs_assets_tests.verdicts.storing import runs_table, store_runs

FIXED_SIZE = 250_000


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """One pipeline of which all runs have failed, stored and judged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_ASSETS_DATA", str(tmp_path / "data of mine"))
    (tmp_path / "data of mine" / "raw_runs").mkdir(parents=True)
    layout = Layout(tmp_path / "data of mine")
    store(layout, "failed")
    return layout


def store(layout: Layout, status: str) -> None:
    """Replace today by seven runs with this status, and judge it."""
    now = utc_now()
    times = [max(start_of(now.date()), now - timedelta(minutes=50 - n)) for n in range(7)]
    columns = {
        "run_id": [f"r{n}" for n in range(7)],
        "status": [status] * 7,
        "created_at": times,
        "finished_at": times,
        "pipeline_id": ["invoice-download"] * 7,
    }
    store_runs(layout, "cloudcruise", now.date(), runs_table(columns), now, settled=False)
    assert Judge.of(project_settings()).refresh(SOURCES).problem is None


def test_it_writes_the_page_and_prints_its_address(layout: Layout, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 0
    out, err = capfd.readouterr()
    page = folder_of(layout) / "runs_report" / "index.html"
    assert (out, err) == (f"{page.as_uri()}\n", "")
    assert "%20of%20mine" in out
    assert text_of(parsed(page.read_bytes()).find(".//h1")) == "1 is broken"
    assert page.stat().st_size < FIXED_SIZE


def test_it_replaces_the_page_and_leaves_nothing_beside_it(layout: Layout) -> None:
    assert main(["report"]) == 0
    store(layout, "succeeded")
    assert main(["report"]) == 0
    folder = folder_of(layout) / "runs_report"
    assert text_of(parsed((folder / "index.html").read_bytes()).find(".//h1")) == "Nothing needs attention"
    assert {file.name for file in folder.iterdir()} == {"index.html", "metrics.prom"}
    assert list((folder_of(layout) / ".scratch" / "all-sources-report").iterdir()) == []


def test_it_opens_the_page_where_asked(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-W", "ignore", "-m", "runs_assets.cli", "report", "--open"]
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    subprocess.run(command, check=True, timeout=60)
    assert opened.read_text().strip() == (folder_of(layout) / "runs_report" / "index.html").as_uri()


def test_without_data_or_verdicts_it_ends_with_2_and_names_what_is_missing(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk(layout.verdict_file("pipeline_health")).unlink()
    assert main(["report"]) == 2
    assert "There is no pipeline_health yet" in capfd.readouterr().err
    assert not (folder_of(layout) / "runs_report").exists()
    monkeypatch.setenv("RUNS_ASSETS_DATA", "elsewhere")
    assert main(["report"]) == 2
    assert "elsewhere is no data folder of this project" in capfd.readouterr().err


def test_it_says_how_to_get_charts_where_they_are_missing(
    layout: Layout, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert not charts.are_available()
    assert main(["report"]) == 0
    assert capfd.readouterr().out.endswith(f"{charts.HOW_TO_GET}\n")
    assert charts.HOW_TO_GET in text_of(parsed((folder_of(layout) / "runs_report" / "index.html").read_bytes()))
