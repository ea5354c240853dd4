"""The stored days of many accounts: those of one are written as the product writes them, and the others share them.

An account is a link to the folders of the first, and has the files of its own that say what these hold: a million files
would say nothing more.
"""

import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from runs_assets.daily.table import build_days
from runs_assets.daily.tables import DAILY_TABLES, ledger_of
from runs_assets.days import DayRange, end_of
from runs_assets.settings import ProjectSettings
from runs_assets.settling.rules import Rules
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, DayFiles, Layout
from runs_assets.storage.merging import store_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.verdicts.stored_rates import load_rates
from runs_assets_tests.benchmark.growth.accounts import PLATFORM
from runs_assets_tests.benchmark.history import History

DATA_SETS = (RAW_RUNS, *(table.name for table in DAILY_TABLES))
RUNS_A_DAY, PIPELINES = 50, 10
PUT_AT_ONCE = 16
READ_LAST = timedelta(minutes=10)
"""Before now, all days were read again: so none is due, those with open runs included."""


def write_days(layout: Layout, source: Source, days: DayRange, now: datetime) -> None:
    """Store days of some runs each, as one reading of all of them just before `now` would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # or thousands of days would take as long as the disk does
        _write_days(layout, source, days, now)


def _write_days(layout: Layout, source: Source, days: DayRange, now: datetime) -> None:
    scratch, read_at = layout.scratch(source.name), now - READ_LAST
    for day in days.newest_first():
        ids, lines = _runs_of(day)
        with closing(Spool(scratch / str(day))) as spool:
            spool.append(pa.array(ids), lines, read_at)
            read = Read(f"reading-of-{day}", read_at, read_at if read_at >= end_of(day) else None)
            store_day(DayFiles(layout, source.name, day), spool, read, source.shape.id_field)
    for table in DAILY_TABLES:
        for _ in build_days(table, source, days, layout, Rules.of(ProjectSettings())):
            pass
    with layout.lock_file(source.name).held(source.name):
        ledger_of(source.name, layout).look_again(days.newest_first())
    load_rates(layout, source.name)


def _runs_of(day: date) -> tuple[list[str], bytes]:
    runs = orjson.loads(b"[%b]" % History(PLATFORM, {day: RUNS_A_DAY}).page(0, RUNS_A_DAY))
    for number, run in enumerate(runs):
        run["id"] = f"{day}-{number}"
        run["connector-id"] = f"pipeline-{number % PIPELINES}"
    return [run["id"] for run in runs], b"".join(orjson.dumps(run) + b"\n" for run in runs)


def share(layout: Layout, first: str, to: Layout, names: Sequence[str]) -> None:
    """Give accounts in another folder the days of the first account, and ledgers that say the same."""
    assert isinstance(layout.root, Path)
    assert isinstance(to.root, Path)
    content, rates = layout.ledger_file(first).content() or b"", layout.rates_file(first).content() or b""
    known = ledger_of(first, layout).known()
    for name in names:
        for data_set in DATA_SETS:
            link = to.root / data_set / f"source={name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(layout.root / data_set / f"source={first}")
        to.ledger_file(name).replace(content + _passed_over(name.encode()))
        to.rates_file(name).replace(rates)
        if ledger_of(name, to).known() != known:
            raise RuntimeError(f"the ledger of {name} does not say what that of {first} does")


def _passed_over(content: bytes) -> bytes:
    """A frame that zstd's readers skip, so that no two ledgers are alike: one that was read is remembered by its content."""
    return struct.pack("<II", 0x184D2A50, len(content)) + content


def copy(layout: Layout, to: Layout, source: str, days: DayRange) -> None:
    """Put what is stored of some days into another store, with a ledger."""

    def put(data_set: str, day: date) -> None:
        layout.day_file(data_set, source, day).copy_to(to.day_file(data_set, source, day))

    with ThreadPoolExecutor(PUT_AT_ONCE) as pool:
        list(pool.map(lambda of: put(*of), product(DATA_SETS, days.newest_first())))
    with to.lock_file(source).held(source):
        ledger_of(source, to).look_again(days.newest_first())
    load_rates(to, source)
