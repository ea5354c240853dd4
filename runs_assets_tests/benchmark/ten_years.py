"""How long a tick takes over ten years of days that are stored, settled, and known to Dagster.

All files of a day are on the disk, as many times as there are days. A tick decodes the ledger anew, as after a reading;
it compares the versions of a part of the files, and asks Dagster whether it knows a part of the days. The median of
several ticks counts, in a process that has evaluated one before, in processor time: what other processes take is no
part of it. Ticks that look at the days beyond reach are measured by themselves.

`python -W ignore -m runs_assets_tests.benchmark.ten_years DAYS` prints `{"medians": {...}}`: seconds, by what was asked.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events

from runs_assets.accounts import SOURCES
from runs_assets.automation.sensors import Tick, due_refresh
from runs_assets.daily.table import build_days
from runs_assets.daily.tables import DAILY_TABLES, code_versions, ledger_of
from runs_assets.days import DayRange
from runs_assets.instance.project import Project
from runs_assets.instance.run_records import Records
from runs_assets.resources import DataFolder
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage import ledger
from runs_assets.storage.layout import RAW_RUNS, DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.verdicts.refresh import Judge
from runs_assets_tests.benchmark.process import temporary_instance
from runs_assets_tests.benchmark.ticks import OURS, median
from runs_assets_tests.files_on_disk import on_disk

NOW = datetime.now(UTC)
BEYOND = 9
"""The number of a tick that looks at the days beyond reach."""


def medians(count: int) -> dict[str, float]:
    """Store so many days, and time (in seconds) the ticks over them."""
    yesterday = NOW.date() - timedelta(days=1)
    days = DayRange(yesterday - timedelta(days=count), yesterday - timedelta(days=1))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RUNS_ASSETS_DATA", str(Path(folder, "data")))
        environment.setenv("RUNS_ASSETS_FIRST_DAY", str(days.first))
        environment.setenv("PRODUCTSUP_CDE_BASE_URL", "http://127.0.0.1:9")
        with temporary_instance(folder) as instance:
            for source in SOURCES:
                _store(source, DataFolder().layout, days)
                for name in (RAW_RUNS, *code_versions(source)):
                    _record(instance, dg.AssetKey(source.path(name)), days)
            Judge.of(project_settings()).refresh(SOURCES)
            return {name: median(ask) for name, ask in _questions(instance)}


def _questions(instance: dg.DagsterInstance) -> Iterator[tuple[str, Callable[[], object]]]:
    for source in SOURCES:
        yield f"{source.name}_unsettled_days", partial(_tick, instance, source, 0)
        yield f"{source.name}_unsettled_days, beyond reach", partial(_tick, instance, source, BEYOND)
    yield "outdated_verdicts", partial(_refresh, instance)


def _tick(instance: dg.DagsterInstance, source: Source, number: int) -> None:
    ledger.decoded.cache_clear()
    folder = DataFolder()
    made_of = (folder.layout, folder.rules, folder.first_day)
    Tick(source, code_versions(source), Records(instance, NOW, OURS), *made_of).decide(number)


def _refresh(instance: dg.DagsterInstance) -> None:
    ledger.decoded.cache_clear()
    found = due_refresh(Project(SOURCES, label=OURS), Judge.of(project_settings()), Records(instance, NOW, OURS))
    if isinstance(found, dg.RunRequest) and found.tags:
        raise AssertionError("the tables were built from what is stored")


def _store(source: Source, layout: Layout, days: DayRange) -> None:
    """An empty day, and its files as those of all others."""
    one = DayRange(days.first, days.first)
    with closing(Spool(layout.scratch(source.name) / "day")) as spool:
        store_day(DayFiles(layout, source.name, days.first), spool, Read("r", NOW, NOW), source.shape.id_field)
    for table in DAILY_TABLES:
        list(build_days(table, source, one, layout, DataFolder().rules))
    for name in (RAW_RUNS, *code_versions(source)):
        whole = on_disk(layout.day_file(name, source.name, days.first))
        for day in days.newest_first()[:-1]:
            path = on_disk(layout.day_file(name, source.name, day))
            path.parent.mkdir()
            os.link(whole, path)
    ledger_of(source.name, layout).rebuild()


def _record(instance: dg.DagsterInstance, asset: dg.AssetKey, days: DayRange) -> None:
    """Have Dagster know the days of an asset: all events are as the first, which it stores itself."""
    instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=str(days.first)))
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError("the measured instance keeps its events in SQLite")
    with storage.index_connection() as connection:
        found = connection.execute(Events.select().where(Events.c.asset_key == asset.to_string()))
        [first] = [dict(row) for row in found.mappings()]
        del first["id"]
        rows = [{**first, "partition": str(day)} for day in days.newest_first()[:-1]]
        connection.execute(Events.insert(), rows)


if __name__ == "__main__":
    print(json.dumps({"medians": medians(int(sys.argv[1]))}))  # noqa: T201
