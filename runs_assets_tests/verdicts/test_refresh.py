"""Building the tables from the files, and what of them stays when something is in the way."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.daily.tables import ledger_of
from runs_assets.days import start_of
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.storage.layout import Layout
from runs_assets.tables import Table
from runs_assets.verdicts.outages import OUTAGES
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.refresh import Judge
from runs_assets.verdicts.source_health import SOURCE_HEALTH
from runs_assets.verdicts.tables import VERDICT_TABLES, built_from, load_verdicts, store_verdicts
from runs_assets.watch_file import WatchFile
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import folder_of, on_disk, unreadable
from runs_assets_tests.verdicts.storing import runs_table, store_runs

CLOUDCRUISE, PRODUCTSUP = SOURCES
NAMES = [source.name for source in SOURCES]
TODAY = NOW.date()


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(Layout(tmp_path / "data"), 90, WatchFile())


def store(judge: Judge, source: str, status: str = "failed", *, days_ago: int = 0) -> None:
    """One run of one pipeline on a day."""
    day = TODAY - timedelta(days=days_ago)
    columns = {"run_id": [f"{source} {day}"], "status": [status], "created_at": [start_of(day)], "pipeline_id": ["p"]}
    store_runs(judge.layout, source, day, runs_table(columns), NOW, settled=False)


def store_both(judge: Judge, *, days_ago: int = 0) -> None:
    for source in SOURCES:
        store(judge, source.name, days_ago=days_ago)


def failing(judge: Judge) -> dict[str, int]:
    """Failures in a row of the one pipeline of each source, in the stored table."""
    return {row["source"]: row["failures"] for row in load_verdicts(judge.layout, PIPELINE_HEALTH.name).to_pylist()}


def test_of_nothing_there_are_empty_tables_with_all_columns(judge: Judge) -> None:
    assert judge.refresh(SOURCES).failures == {}
    for table in VERDICT_TABLES:
        stored = load_verdicts(judge.layout, table.name)
        assert (stored.num_rows, stored.schema.names) == (0, table.schema.names)


def test_the_rows_of_both_sources_are_in_one_file(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    assert failing(judge) == {"cloudcruise": 1, "productsup": 1}


def test_a_source_whose_days_hold_no_run_is_judged_and_stops_no_other(judge: Judge) -> None:
    store(judge, "cloudcruise")
    store_runs(judge.layout, "productsup", TODAY, RUNS_SCHEMA.empty_table(), NOW, settled=False)
    assert judge.refresh(SOURCES).failures == {}
    assert failing(judge) == {"cloudcruise": 1}
    health = load_verdicts(judge.layout, SOURCE_HEALTH.name).to_pylist()
    assert [(row["source"], row["state"]) for row in health] == [("cloudcruise", "ok"), ("productsup", "ok")]


def test_a_source_is_behind_until_its_rows_are_built_from_what_is_stored(judge: Judge) -> None:
    store(judge, "cloudcruise")
    assert "cloudcruise" in judge.behind(NAMES)
    judge.refresh(SOURCES)
    assert "cloudcruise" not in judge.behind(NAMES)
    store(judge, "cloudcruise", days_ago=1)
    assert "cloudcruise" in judge.behind(NAMES)
    assert "productsup" not in judge.behind(NAMES)


def test_a_day_that_was_asked_about_and_is_not_stored_changes_nothing(judge: Judge) -> None:
    store(judge, "cloudcruise")
    judge.refresh(SOURCES)
    assert judge.behind(NAMES) == []
    ledger_of("cloudcruise", judge.layout).rows([TODAY - timedelta(days=5)])
    assert judge.behind(NAMES) == []


def test_what_the_watch_file_says_of_rates_and_runs_makes_rows_outdated_and_a_mute_does_not(judge: Judge) -> None:
    mute = {"weekly": "sun 02:00-06:00", "reason": "maintenance"}
    built, muted, left_out = (
        replace(judge, watch=WatchFile.model_validate(entries)).fingerprint("cloudcruise")
        for entries in ({}, {"mutes": [mute]}, {"mutes": [{**mute, "not_in_rates": True}]})
    )
    assert (muted == built, left_out == built) == (True, False)


def test_only_the_chosen_sources_are_judged_again(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES, ["productsup"])
    assert failing(judge) == {"productsup": 1}
    assert "cloudcruise" in judge.behind(NAMES)
    judge.refresh(SOURCES, ["cloudcruise"])
    store(judge, "productsup", days_ago=1)
    judge.refresh(SOURCES, ["cloudcruise"])
    assert failing(judge) == {"cloudcruise": 1, "productsup": 1}
    judge.refresh(SOURCES)
    assert failing(judge) == {"cloudcruise": 1, "productsup": 2}


def test_a_damaged_day_keeps_the_former_rows_of_its_source(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    store_both(judge, days_ago=1)
    path = on_disk(judge.layout.day_file(FAILURE_RATES.name, "cloudcruise", TODAY))
    path.write_bytes(path.read_bytes()[:-1])
    failures = judge.refresh(SOURCES).failures
    assert list(failures) == ["cloudcruise"]
    assert str(path) in failures["cloudcruise"]
    assert failing(judge) == {"cloudcruise": 1, "productsup": 2}


def test_a_source_whose_folder_cannot_be_read_stops_no_other(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    store_both(judge, days_ago=1)
    with unreadable(folder_of(judge.layout) / RUNS.name / "source=cloudcruise"):
        assert judge.behind(NAMES) == NAMES
        assert list(judge.refresh(SOURCES).failures) == ["cloudcruise"]
        assert failing(judge) == {"cloudcruise": 1, "productsup": 2}
        assert judge.behind(NAMES) == ["cloudcruise"]
    judge.refresh(SOURCES, judge.behind(NAMES))
    assert failing(judge) == {"cloudcruise": 2, "productsup": 2}


def test_what_could_not_be_read_is_tried_again_although_no_daily_file_has_changed(judge: Judge) -> None:
    store(judge, "cloudcruise")
    names = on_disk(judge.layout.names_file("cloudcruise"))
    names.mkdir(parents=True)
    assert list(judge.refresh(SOURCES).failures) == ["cloudcruise"]
    names.rmdir()
    assert judge.behind(NAMES) == ["cloudcruise"]
    judge.refresh(SOURCES, ["cloudcruise"])
    assert (failing(judge), judge.behind(NAMES)) == ({"cloudcruise": 1}, [])


def test_a_day_that_was_away_during_a_refresh_is_judged_when_it_is_back(judge: Judge, tmp_path: Path) -> None:
    """As it was, so that the ledger, which was not asked in the meantime, is right."""
    for days_ago in (0, 1):
        store(judge, "cloudcruise", days_ago=days_ago)
    judge.refresh(SOURCES)
    paths = [on_disk(judge.layout.day_file(table.name, "cloudcruise", TODAY)) for table in (RUNS, FAILURE_RATES)]
    away = [path.rename(tmp_path / path.parts[-4]) for path in paths]
    judge.refresh(SOURCES)
    assert failing(judge) == {"cloudcruise": 1}
    for kept, path in zip(away, paths, strict=True):
        kept.rename(path)
    assert judge.behind(NAMES) == ["cloudcruise"]
    judge.refresh(SOURCES)
    assert failing(judge) == {"cloudcruise": 2}


def test_the_rows_of_a_source_whose_files_are_all_gone_go_too(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    for table in (RUNS, FAILURE_RATES):
        shutil.rmtree(folder_of(judge.layout) / table.name / "source=productsup")
    assert judge.behind(NAMES) == ["productsup"]
    judge.refresh(SOURCES, ["productsup"])
    assert (failing(judge), judge.behind(NAMES)) == ({"cloudcruise": 1}, [])


def test_files_are_noticed_although_no_ledger_can_be_written(judge: Judge) -> None:
    scratch = judge.layout.scratch("cloudcruise-ledger")
    scratch.parent.mkdir(parents=True)
    scratch.write_bytes(b"no folder")
    assert judge.behind(NAMES) == []
    for days_ago in (0, 1):
        store(judge, "cloudcruise", days_ago=days_ago)
        assert judge.behind(NAMES) == ["cloudcruise"]
        judge.refresh(SOURCES)
        assert judge.behind(NAMES) == []
    assert not judge.layout.ledger_file("cloudcruise").is_stored()


def test_a_source_that_is_no_longer_registered_is_left_out(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    judge.refresh([CLOUDCRUISE])
    assert failing(judge) == {"cloudcruise": 1}


@pytest.mark.parametrize("table", [OUTAGES, PIPELINE_HEALTH], ids=lambda table: table.name)
def test_a_damaged_table_is_built_anew_for_all_sources(judge: Judge, table: Table) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    on_disk(judge.layout.verdict_file(table.name)).write_bytes(b"damaged")
    judge.refresh(SOURCES, ["cloudcruise", "productsup"])
    assert failing(judge) == {"cloudcruise": 1, "productsup": 1}


def test_tables_with_other_columns_stop_nothing(judge: Judge) -> None:
    """As a release leaves them that has another order of columns, when a day is damaged, too."""
    store(judge, "cloudcruise")
    store(judge, "productsup")
    judge.refresh(SOURCES)
    for table in VERDICT_TABLES:
        rows, built = load_verdicts(judge.layout, table.name), built_from(judge.layout, table)
        assert built
        store_verdicts(judge.layout, table, rows.select(rows.column_names[::-1]), built)
    on_disk(judge.layout.day_file(FAILURE_RATES.name, "productsup", TODAY)).write_bytes(b"damaged")
    assert list(judge.refresh(SOURCES).failures) == ["productsup"]
    assert failing(judge) == {"cloudcruise": 1}


@pytest.mark.parametrize("table", VERDICT_TABLES, ids=lambda table: table.name)
def test_a_table_that_is_missing_or_damaged_is_noticed(judge: Judge, table: Table) -> None:
    store(judge, "cloudcruise")
    for content in (None, b"damaged"):
        judge.refresh(SOURCES)
        assert "cloudcruise" not in judge.behind(NAMES)
        on_disk(judge.layout.verdict_file(table.name)).unlink()
        if content:
            on_disk(judge.layout.verdict_file(table.name)).write_bytes(content)
        assert "cloudcruise" in judge.behind(NAMES)


def test_what_a_killed_process_left_undone_is_noticed(judge: Judge) -> None:
    """The table that says what all were built from is written last."""
    store(judge, "cloudcruise")
    judge.refresh(SOURCES)
    store(judge, "cloudcruise", days_ago=1)
    old = on_disk(judge.layout.verdict_file(PIPELINE_HEALTH.name)).read_bytes()
    judge.refresh(SOURCES)
    on_disk(judge.layout.verdict_file(PIPELINE_HEALTH.name)).write_bytes(old)
    assert "cloudcruise" in judge.behind(NAMES)
    assert VERDICT_TABLES[-1] == PIPELINE_HEALTH


def test_a_table_of_another_version_is_built_anew_for_all_sources(judge: Judge) -> None:
    store_both(judge)
    judge.refresh(SOURCES)
    rows, built = load_verdicts(judge.layout, OUTAGES.name), built_from(judge.layout, OUTAGES)
    assert built
    store_verdicts(judge.layout, replace(OUTAGES, version="0"), rows, built)
    assert "cloudcruise" in judge.behind(NAMES)
    judge.refresh(SOURCES, ["productsup"])
    assert failing(judge) == {"productsup": 1}
    judge.refresh(SOURCES, ["cloudcruise"])
    assert "cloudcruise" not in judge.behind(NAMES)
    assert "productsup" not in judge.behind(NAMES)
