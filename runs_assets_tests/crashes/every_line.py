"""Writes a day again and again, each time killed one line of `storage/folder.py` later, and looks at it after each kill.

`python -m runs_assets_tests.crashes.every_line FOLDER` prints how many kills there were. A process of its own, because
a process with threads, such as a test's server, should not be forked.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange
from runs_assets.storage.folder import empty_scratch
from runs_assets.storage.layout import RAW_RUNS, DayFiles, Layout
from runs_assets.storage.ledger import Ledger, doubt
from runs_assets.storage.merging import store_day
from runs_assets.storage.raw import blocks, stat_day
from runs_assets.storage.reads import Read
from runs_assets.storage.spool import Spool
from runs_assets.storage.tables import Lineage, load_table
from runs_assets_tests.crashes.killing import KillPoint
from runs_assets_tests.crashes.watching import files
from runs_assets_tests.files_on_disk import on_disk, stored_file
from runs_assets_tests.storage.tables_of_days import store_table

DAY = date(2026, 3, 17)
AT = datetime(2026, 3, 18, 1, tzinfo=UTC)


def write(layout: Layout, version: str) -> None:
    """One reading of the day, with a run of its own, and a table that follows it; the ledger is told."""
    doubt(layout, "s", DayRange(DAY, DAY))
    read = Read(version, AT, AT)
    with closing(Spool(layout.scratch("s") / "spool")) as spool:
        spool.append(pa.array(["a", version]), b'{"id":"a"}\n{"id":"%b"}\n' % version.encode(), AT)
        store_day(DayFiles(layout, "s", DAY), spool, read, "id")
    lineage = Lineage(read, open_runs=0, settled=True, code_version="1")
    store_table(layout, RUNS.name, "s", DAY, pa.table({"version": [version]}), lineage)
    Ledger(layout, "s", [RUNS.name]).look_again([DAY])


def held(layout: Layout) -> tuple[str, str]:
    """The versions of the raw file and of the table, each whole."""
    path = on_disk(layout.day_file(RAW_RUNS, "s", DAY))
    raw = stat_day(stored_file(path)).read.read_id
    ids = b"".join(blocks(stored_file(path)))
    assert ids.count(b'"id":"a"') == ids.count(b'"id":"%b"' % raw.encode()) == 1
    table, lineage = load_table(layout, RUNS.name, "s", DAY, ["version"])
    assert table["version"].to_pylist() == [lineage.read.read_id]
    return raw, lineage.read.read_id


def in_child(action: Callable[[], None]) -> int:
    """The exit status of a process that does this; the parent never starts Arrow's threads, which no fork survives."""
    if (pid := os.fork()) == 0:
        try:
            os.setsid()
            action()
            os._exit(0)
        except BaseException:  # noqa: BLE001  (the last thing before the process ends)
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def write_and_be_killed(layout: Layout, version: str, before: int) -> None:
    with KillPoint("runs_assets/storage/folder.py", before).armed():
        write(layout, version)


def look(layout: Layout, version: str, seen: Path) -> None:
    """The day is as it was seen before, or one or both of its files have the new version."""
    before = seen.read_text().split()
    now = held(layout)
    assert now in ((before[0], before[1]), (version, before[1]), (version, version)), (now, before)
    assert len(files(layout)) == 2
    ledger = Ledger(layout, "s", [RUNS.name])
    if not (known := ledger.known()[DAY]).in_doubt:
        assert known == ledger.looked([DAY], {})[DAY]
    empty_scratch(layout.scratch("s"))
    seen.write_text(" ".join(now))


def main(folder: Path) -> None:
    layout, seen = Layout(folder / "data"), folder / "seen"
    seen.write_text("0 0")
    assert in_child(partial(write, layout, "0")) == 0
    kills = 0
    while True:
        version, before = str(kills + 1), kills + 1
        status = in_child(partial(write_and_be_killed, layout, version, before))
        assert status in (0, -signal.SIGKILL)
        assert in_child(partial(look, layout, version, seen)) == 0
        if status == 0:
            break
        kills += 1
    sys.stdout.write(str(kills))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
