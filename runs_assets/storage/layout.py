"""Where each file is below the data folder.

Data sets are hive-partitioned (`<data set>/source=<source>/date=<day>/part-0.<ending>`), so that pandas, DuckDB, Spark
and Athena read them as they are. Names that begin with a dot are not data and are ignored by those readers.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from runs_assets.errors import NoDataFolderError
from runs_assets.storage.files import cannot_read, is_stored, keep_aside, raising

RAW_RUNS = "raw_runs"
QUARANTINE = "quarantine"
ERROR_GROUPS = "error_groups"
RUNS_REPORT = "runs_report"
LOCKS = ".locks"

_ENDINGS = {RAW_RUNS: "jsonl.zst", QUARANTINE: "jsonl.zst", ERROR_GROUPS: "json"}
ALL_SOURCES = "all-sources"
"""Stands where a source's name does for what is written about all of them; no source can have this name."""

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def checked_source_name(name: str) -> str:
    """A source's name, if it can be part of an asset key, a setting's name and a path; `ValueError` otherwise."""
    if not _SOURCE_NAME.fullmatch(name):
        raise ValueError(f"a source's name is made of a-z, 0-9 and _, and begins with a letter: {name!r}")
    return name


@dataclass(frozen=True)
class Layout:
    """Paths below one data folder."""

    root: Path

    @classmethod
    def stored(cls, root: Path) -> Self:
        """The paths below a folder that was written to before; raises `NoDataFolderError` for any other."""
        if not any(is_stored(root / name) for name in (RAW_RUNS, LOCKS)):
            raise NoDataFolderError(
                f"{root} is no data folder of this project: no run was ever stored there. RUNS_ASSETS_DATA names the "
                "folder, relative to the working directory unless absolute: set it, or change to the directory in "
                "which the project runs. Nothing was written."
            )
        return cls(root)

    def day_file(self, dataset: str, source: str, day: date) -> Path:
        """The one file that holds a source's day in a data set."""
        ending = _ENDINGS.get(dataset, "parquet")
        return self._folder(dataset, source) / f"date={day}" / f"part-0.{ending}"

    def verdict_file(self, table: str) -> Path:
        """The one file of a table over all days and sources."""
        return self.root / table / "part-0.parquet"

    def report_file(self, name: str) -> Path:
        """A file of the report over all days and sources."""
        return self.root / RUNS_REPORT / name

    def stored_days(self, dataset: str, source: str) -> list[date]:
        """The days that a data set holds of a source, in order; anything else in the folder is ignored.

        Raises `StorageError` if the folder cannot be read.
        """
        with raising(cannot_read, self._folder(dataset, source)):
            days = sorted(self.days_with_folder(dataset, source))
            return [day for day in days if self.day_file(dataset, source, day).is_file()]

    def days_with_folder(self, dataset: str, source: str) -> set[date]:
        """The days that a data set has a folder for, perhaps without a file; raises as `stored_days` does."""
        folder = self._folder(dataset, source)
        with raising(cannot_read, folder), suppress(FileNotFoundError):
            return {day for entry in folder.iterdir() if (day := _day_of(entry.name)) is not None}
        return set()

    def _folder(self, dataset: str, source: str) -> Path:
        return self.root / dataset / f"source={source}"

    def scratch(self, writer: str) -> Path:
        """The folder for unfinished files; on the same file system, so that they can be renamed into place.

        `writer` is a source, or `ALL_SOURCES`.
        """
        return self.root / ".scratch" / writer

    def names_file(self, source: str) -> Path:
        """Where the names of a source's pipelines are stored."""
        return self.root / ".names" / f"{source}.json"

    def details_scratch(self, source: str) -> Path:
        """A scratch folder for what is written without the source's lock, whose holder empties the other one."""
        return self.scratch(f"{source}-details")

    def lock_file(self, writer: str) -> Path:
        """The file whose lock stands for writing this source, or with `ALL_SOURCES` the verdicts."""
        return self.root / LOCKS / f"{writer}.lock"

    def token_file(self, source: str) -> Path:
        """Where rotated OAuth2 tokens of a source are kept."""
        return self.root / ".tokens" / f"{source}.json"


@dataclass(frozen=True)
class DayFiles:
    """The files of one day of a source."""

    layout: Layout
    source: str
    day: date

    @property
    def scratch(self) -> Path:
        """The folder for unfinished files."""
        return self.layout.scratch(self.source)

    def path(self, dataset: str) -> Path:
        """The day's file in a data set."""
        return self.layout.day_file(dataset, self.source, self.day)

    def keep_aside(self, dataset: str, name: str, scratch: Path | None = None) -> Path:
        """Copy a damaged file to where no reader takes it for data and nothing deletes it; returns the copy's path."""
        kept = self.path(f".damaged/{dataset}").with_name(f"{name}.{_ENDINGS[dataset]}")
        keep_aside(self.path(dataset), kept, scratch or self.scratch)
        return kept


def _day_of(folder: str) -> date | None:
    try:
        day = date.fromisoformat(folder.removeprefix("date="))
    except ValueError:
        return None
    return day if folder == f"date={day}" else None
