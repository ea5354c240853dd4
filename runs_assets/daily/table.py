"""How a daily table is declared, and how its files are built: one Parquet file per source and UTC day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import pyarrow as pa

from runs_assets.days import DayRange
from runs_assets.errors import DamagedFileError, StorageError
from runs_assets.settling.rules import Rules
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.ledger import doubt
from runs_assets.storage.store import StoredFile
from runs_assets.storage.tables import Lineage, load_table, replacing_table
from runs_assets.storage.waits import without_conflict
from runs_assets.tables import Table

Headline = Mapping[str, float]
"""The numbers of a day that are worth plotting by day."""
Write = Callable[[pa.Table], None]
Build = Callable[["DailyTable", Source, date, Layout, Rules, Write], tuple[Lineage, Headline]]
"""Writes a day's rows; returns what they were built from, and the day's numbers.

Raises `DamagedFileError` if the input cannot be used, perhaps after some rows.
"""


_REMEDIES = {
    True: "Materialize them for these days again, if the API still has them: what can be read of the files is kept. Or "
    "restore the files from a backup.",
    False: "Materialize them for these days again: they are rebuilt from the files before, without asking the API.",
}
"""What to do about damaged files: of `raw_runs`, and of what follows from it."""


@dataclass(frozen=True, kw_only=True)
class DailyTable(Table):
    """A table of one source, built day by day from the data set `built_from`."""

    built_from: str
    build: Build

    def code_version(self, source: Source) -> str:
        """What a day's file says of its code: the normalizer's version, and this table's if it has one."""
        return "/".join(filter(None, (source.normalizer_version, self.version)))


@dataclass(frozen=True)
class BuiltDay:
    """A day's file that has just become durable, with what it was built from, and the day's numbers.

    `first_rows` are some of its `rows`; all of them, where they were computed.
    """

    day: date
    file: StoredFile
    rows: int
    first_rows: pa.Table
    lineage: Lineage
    headline: Headline


def computed(
    compute: Callable[[pa.Table, Lineage], pa.Table], headline: Callable[[pa.Table, pa.Table], Headline] | None = None
) -> Build:
    """Build from the columns that the table needs of the one that it is built from, whose lineage it takes over.

    `headline` gives the numbers of a day by its rows and those columns.
    """

    def build(
        table: DailyTable, source: Source, day: date, layout: Layout, _: Rules, write: Write
    ) -> tuple[Lineage, Headline]:
        needed, lineage = load_table(layout, table.built_from, source.name, day, table.needs, repeating=table.needs)
        rows = compute(needed, lineage)
        write(rows)
        return lineage, headline(rows, needed) if headline else {}

    return build


def build_days(table: DailyTable, source: Source, days: DayRange, layout: Layout, rules: Rules) -> Iterator[BuiltDay]:
    """Build each day's file, oldest first. Only for the holder of the source's lock.

    Raises `StorageError` at the end, naming the days whose input is missing or damaged, after all others are done.
    """
    doubt(layout, source.name, days)
    missing, damaged = [], []
    for day in reversed(days.newest_first()):
        if not layout.day_file(table.built_from, source.name, day).is_stored():
            missing.append(str(day))
            continue
        try:
            built = without_conflict(partial(_built, table, source, day, layout, rules))
        except DamagedFileError as error:
            damaged.append(f"{day} ({error.file}: {error.why})")
            continue
        yield built
    if missing or damaged:
        raise StorageError(_left_out(source.name, table.built_from, missing, damaged))


def _built(table: DailyTable, source: Source, day: date, layout: Layout, rules: Rules) -> BuiltDay:
    """A day's file, whose version is looked up before its input is read: so it never follows from an older one."""
    file = layout.day_file(table.name, source.name, day)
    with replacing_table(file, table.schema, file.version()) as out:
        lineage, headline = table.build(table, source, day, layout, rules, out.write)
        own = replace(lineage, code_version=table.code_version(source))
        out.finish(own.to_metadata())
    return BuiltDay(day, file, out.rows, out.first_rows, own, headline)


def _left_out(source: str, data_set: str, missing: list[str], damaged: list[str]) -> str:
    sentences = []
    if missing:
        sentences.append(f"{source}/{data_set} are missing for {', '.join(missing)}. Materialize these days first.")
    if damaged:
        sentences.append(f"{source}/{data_set} are damaged for {', '.join(damaged)}. {_REMEDIES[data_set == RAW_RUNS]}")
    return " ".join([*sentences, "All other days of the range are built."])
