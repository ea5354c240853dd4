"""`runs`: a day's raw rows in the columns that all sources share."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import TypeVar

import pyarrow as pa

from runs_assets import arrow_functions as pc
from runs_assets.daily.table import DailyTable, Write
from runs_assets.normalizing.columns import RawRows, raw_rows
from runs_assets.normalizing.runs_table import RUNS_SCHEMA
from runs_assets.settling.rules import Rules
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.raw import blocks, stat_day
from runs_assets.storage.tables import Lineage, load_table

THREADS = 2
Block = TypeVar("Block")
Result = TypeVar("Result")


def normalized(source: Source, day: date, layout: Layout, rules: Rules, write: Write) -> Lineage:
    """Write a day's rows with the schema `RUNS_SCHEMA`; returns what they were built from."""
    stored = layout.day_file(RAW_RUNS, source.name, day)
    read = stat_day(stored).read
    open_runs = assumed_utc = unreadable = 0

    def normalized_block(lines: bytes) -> tuple[RawRows, pa.Table]:
        rows = raw_rows(lines, source.shape)
        return rows, source.normalize(rows)

    for rows, table in _ahead(normalized_block, blocks(stored)):
        write(table)
        open_runs += table.num_rows - (pc.sum(table["is_terminal"]).as_py() or 0)
        assumed_utc, unreadable = assumed_utc + rows.assumed_utc, unreadable + rows.unreadable_times
    is_settled = rules.is_settled(day, read, open_runs)
    return Lineage(read, open_runs, is_settled, source.normalizer_version, assumed_utc, unreadable)


def _ahead(function: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
    """A function's results in order; two are worked out in threads while the caller has the one before.

    The last is worked out here: a day of one block needs no thread.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        under_way: deque[Future[Result]] = deque()
        last: list[Block] = []
        for block in blocks:
            under_way.extend(pool.submit(function, one) for one in last)
            last = [block]
            if len(under_way) > THREADS:
                yield under_way.popleft().result()
        results = [function(one) for one in last]
        yield from (future.result() for future in under_way)
        yield from results


def open_run_ids(layout: Layout, source: str, day: date) -> list[str]:
    """The ids of a day's runs that have not ended; raises `StorageError` if the day has no `runs`."""
    runs, _ = load_table(layout, RUNS.name, source, day, ["run_id", "is_terminal"])
    ids: list[str] = runs.filter(pc.invert(runs["is_terminal"]))["run_id"].to_pylist()
    return ids


RUNS = DailyTable(
    name="runs",
    description=(
        "The same runs, one row each, in the columns that all sources share. Built from the raw file without asking "
        "the API, for any stored day, however long ago."
    ),
    schema=RUNS_SCHEMA,
    version="",  # the normalizers have versions of their own
    built_from=RAW_RUNS,
    build=lambda _, *day: (normalized(*day), {}),
)
