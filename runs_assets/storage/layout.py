"""Where each file is below the data folder.

Data sets are hive-partitioned (`<data set>/source=<source>/date=<day>/part-0.<ending>`), so that pandas, DuckDB, Spark
and Athena read them as they are. Names that begin with a dot are not data and are ignored by those readers.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

from runs_assets.errors import NoDataFolderError, SettingsError
from runs_assets.storage.folder import Folder
from runs_assets.storage.store import FileEntry, Store, StoredFile

RAW_RUNS = "raw_runs"
QUARANTINE = "quarantine"
ERROR_GROUPS = "error_groups"
RUNS_REPORT = "runs_report"
LOCKS = ".locks"
LEDGERS = ".ledger/"
CHECKED = ".checked"

_CHECKED_ENDING = ".msgpack.zst"
_ENDINGS = {RAW_RUNS: "jsonl.zst", QUARANTINE: "jsonl.zst", ERROR_GROUPS: "json"}
ALL_SOURCES = "all-sources"
"""Stands where a source's name does for what is written about all of them; no source can have this name."""

REPORT_WRITER = f"{ALL_SOURCES}-report"
ALERTS_WRITER = f"{ALL_SOURCES}-alerts"
"""Stand for these files where locks and unfinished files are; no source can have these names."""

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def checked_source_name(name: str) -> str:
    """A source's name, if it can be part of an asset key, a setting's name and a path; `ValueError` otherwise."""
    if not _SOURCE_NAME.fullmatch(name):
        raise ValueError(f"a source's name is made of a-z, 0-9 and _, and begins with a letter: {name!r}")
    return name


@dataclass(frozen=True)
class Layout:
    """The files below one data folder, or below the URL of a bucket."""

    root: Path | str

    @classmethod
    def stored(cls, root: Path | str) -> Self:
        """The files below a folder that was written to before; raises `NoDataFolderError` for any other."""
        layout = cls(root)
        store, begun = layout.store, (RAW_RUNS, LOCKS)
        # Of these, a folder has an entry, even an empty one; a bucket has what is below them.
        if not any(store.entry(name) or next(store.listed(f"{name}/"), None) for name in begun):
            raise NoDataFolderError(
                f"{root} is no data folder of this project: no run was ever stored there. RUNS_ASSETS_DATA names the "
                "folder, relative to the working directory unless absolute: set it, or change to the directory in "
                "which the project runs. Nothing was written."
            )
        return layout

    @cached_property
    def store(self) -> Store:
        """What holds the files."""
        if isinstance(self.root, Path):
            return Folder(self.root)
        try:
            from runs_assets.storage.bucket import Bucket  # noqa: PLC0415  (an extra: who has a folder needs none of it)
        except ImportError:
            raise SettingsError(
                "RUNS_ASSETS_DATA names object storage, which needs an extra: pip install 'runs_assets[objects]'."
            ) from None
        return Bucket(self.root)

    def day_file(self, dataset: str, source: str, day: date, name: str = "part-0") -> StoredFile:
        """The one file that holds a source's day in a data set."""
        ending = _ENDINGS.get(dataset, "parquet")
        # Errors are written without the source's lock, whose holder empties the scratch folder of the others.
        writer = f"{source}-details" if dataset == ERROR_GROUPS else source
        return StoredFile(self.store, f"{dataset}/source={source}/date={day}/{name}.{ending}", writer)

    def verdict_file(self, table: str) -> StoredFile:
        """The one file of a table over all days and sources."""
        return StoredFile(self.store, f"{table}/part-0.parquet", ALL_SOURCES)

    def report_file(self, name: str) -> StoredFile:
        """A file of the report over all days and sources."""
        return StoredFile(self.store, f"{RUNS_REPORT}/{name}", REPORT_WRITER)

    def alerts_file(self, name: str) -> StoredFile:
        """A file of what notifications remember."""
        return StoredFile(self.store, f".alerts/{name}", ALERTS_WRITER)

    def names_file(self, source: str) -> StoredFile:
        """Where the names of a source's pipelines are stored."""
        return StoredFile(self.store, f".names/{source}.json", f"{source}-details")

    def ledger_file(self, source: str) -> StoredFile:
        """What is known of a source's days."""
        return StoredFile(self.store, f"{LEDGERS}{source}.json.zst", f"{source}-ledger")

    def ledger_versions(self) -> dict[str, str]:
        """The version of each ledger that is stored, by source."""
        found = self.store.listed(LEDGERS)
        return {entry.key.removeprefix(LEDGERS).removesuffix(".json.zst"): entry.version for entry in found}

    def checked_file(self, source: str, month: str) -> StoredFile:
        """What the checks found of a source's days in a month (`YYYY-MM`)."""
        return StoredFile(self.store, f"{CHECKED}/{source}/{month}{_CHECKED_ENDING}", f"{source}-checks")

    def checked_months(self, source: str) -> list[str]:
        """The months of which there is such a file, in order."""
        prefix = f"{CHECKED}/{source}/"
        names = (entry.key.removeprefix(prefix) for entry in self.store.listed(prefix))
        return sorted(name.removesuffix(_CHECKED_ENDING) for name in names)

    def rates_file(self, source: str) -> StoredFile:
        """What a source's files of `failure_rates` held, but for the newest days."""
        return StoredFile(self.store, f".rates/{source}.parquet", ALL_SOURCES)

    def token_file(self, source: str) -> StoredFile:
        """Where rotated OAuth2 tokens of a source are kept."""
        return StoredFile(self.store, f".tokens/{source}.json", f"{source}-tokens")

    def lock_file(self, writer: str) -> StoredFile:
        """What stands for the right to write this source, or with `ALL_SOURCES` the verdicts."""
        return right_to_write(self.store, writer)

    def entries(self, dataset: str, source: str) -> dict[date, FileEntry]:
        """What is stored of a source in a data set by day, in order; anything else in the folder is ignored.

        Raises `StorageError` if the folder cannot be read.
        """
        prefix = f"{dataset}/source={source}/"
        found = {entry.key: entry for entry in self.store.listed(prefix)}
        days = sorted(day for key in found if (day := _day_of(key.removeprefix(prefix).partition("/")[0])))
        keys = ((day, self.day_file(dataset, source, day).key) for day in days)
        return {day: found[key] for day, key in keys if key in found}

    def found(self, dataset: str, source: str, days: Collection[date]) -> dict[date, FileEntry]:
        """What is stored of some days, as `entries` has it of all."""
        keys = {self.day_file(dataset, source, day).key: day for day in sorted(days)}
        return {keys[entry.key]: entry for entry in self.store.found([*keys])} if keys else {}

    def stored_days(self, dataset: str, source: str) -> list[date]:
        """The days that a data set holds of a source, in order; raises as `entries` does."""
        return list(self.entries(dataset, source))

    def scratch(self, writer: str) -> Path:
        """The local folder for unfinished files of a source, or of `ALL_SOURCES`."""
        return self.store.scratch(writer)


@dataclass(frozen=True)
class DayFiles:
    """The files of one day of a source."""

    layout: Layout
    source: str
    day: date

    def file(self, dataset: str) -> StoredFile:
        """The day's file in a data set."""
        return self.layout.day_file(dataset, self.source, self.day)

    def keep_aside(self, dataset: str, name: str) -> StoredFile:
        """Copy a damaged file to where no reader takes it for data and nothing deletes it; returns the copy.

        A copy, not a rename: the day has a file under its name at every instant.
        """
        named = self.layout.day_file(dataset, self.source, self.day, name)
        kept = replace(named, key=f".damaged/{named.key}")
        self.file(dataset).copy_to(kept)
        return kept


def right_to_write(store: Store, writer: str) -> StoredFile:
    """What stands for the right of a writer, one process at a time."""
    return StoredFile(store, f"{LOCKS}/{writer}.lock", writer)


def _day_of(folder: str) -> date | None:
    try:
        day = date.fromisoformat(folder.removeprefix("date="))
    except ValueError:
        return None
    return day if folder == f"date={day}" else None
