"""Building all tables over days and sources from the daily files; needs no Dagster, and asks no API.

Each source's rows are made from its own files alone, so that one whose files cannot be read keeps its former rows and
stops no other. What is built says from which state of the files, so that nothing is built twice.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.errors import DamagedFileError, StorageError
from runs_assets.reasons.details_files import load_error_groups, load_names
from runs_assets.settings import ProjectSettings
from runs_assets.sources.source import Source
from runs_assets.storage import layout as data_sets
from runs_assets.storage.files import cannot_read, empty_scratch
from runs_assets.storage.layout import ALL_SOURCES, VERDICTS, Layout
from runs_assets.storage.lock import writing
from runs_assets.verdicts.failure_reasons import Errors
from runs_assets.verdicts.history import History, load_history, read_days
from runs_assets.verdicts.judging import SCHEMAS, Knowledge, Tables, no_rows, tables_of
from runs_assets.verdicts.stored import BuiltFrom, built_from, load_verdicts, store_verdicts
from runs_assets.watch_file import WatchFile, load_watch_file

log = logging.getLogger(__name__)
NEVER_BUILT = ""
VERSION = "1"
"""Changes whenever the same daily files give other tables."""


@dataclass(frozen=True)
class Refreshed:
    """What came of it: the tables by their names, and by a source's name why its rows are the former ones."""

    tables: Tables
    failures: Mapping[str, str]

    @property
    def problem(self) -> str | None:
        """What is wrong, as a sentence or a few; None if every source was judged."""
        said = " ".join(f"{source}: {failure}" for source, failure in self.failures.items())
        return f"Some rows are the former ones. {said}" if said else None


@dataclass(frozen=True)
class _Part:
    """One source's rows of every table, and the state of its files from which they were made."""

    source: str
    built_from: str
    tables: Tables
    failure: str | None = None


@dataclass(frozen=True)
class Judge:
    """How the days of a source are judged: over how many days, and with what a person knows of its pipelines."""

    layout: Layout
    window_days: int
    watch: WatchFile

    @classmethod
    def of(cls, settings: ProjectSettings) -> Self:
        """As the `RUNS_ASSETS_*` settings have it; raises `SettingsError` if the watch file cannot be used."""
        return cls(Layout(settings.data.absolute()), settings.window_days, load_watch_file(settings.watch_file))

    def refresh(
        self, sources: Sequence[Source], only: Collection[str] | None = None, report: Callable[[str], None] = log.info
    ) -> Refreshed:
        """Build the tables `VERDICTS` anew from what is stored; with `only`, other sources' rows stay as they are.

        Raises `BusyError` if another process goes on building them, `StorageError` if the folder cannot be written.
        """
        with writing(self.layout.lock_file(ALL_SOURCES), "the verdicts", report=report):
            empty_scratch(self.layout.scratch(ALL_SOURCES))
            former = _Former(self.layout)
            due = {source.name for source in sources} if only is None else set(only)
            parts = [
                self._part(source, former, report) if source.name in due else former.part(source.name)
                for source in sources
            ]
            tables = {
                name: pa.concat_tables([SCHEMAS[name].empty_table(), *(part.tables[name] for part in parts)])
                for name in VERDICTS
            }
            stamp = BuiltFrom({part.source: part.built_from for part in parts}, VERSION)
            for name in VERDICTS:
                store_verdicts(self.layout, name, tables[name], stamp)
        return Refreshed(tables, {part.source: part.failure for part in parts if part.failure})

    def is_behind(self, source: str) -> bool:
        """Whether a source's daily files, or what they are judged by, have changed since its rows were built.

        Also if a table is missing, or its footer shows that it is damaged or was not built with the others.
        """
        built, *others = (built_from(self.layout, name) for name in VERDICTS)
        if built is None or built.code_version != VERSION or any(other != built for other in others):
            return True
        return built.fingerprints.get(source) != self.fingerprint(source)

    def fingerprint(self, source: str) -> str:
        """Changes with every daily file of a source, with the window and with the watch file."""
        found = hashlib.blake2b(f"{self.window_days} {self.watch.expectations!r}".encode(), digest_size=16)
        for dataset in (RUNS.name, FAILURE_RATES.name):
            for day in self.layout.stored_days(dataset, source):
                path = self.layout.day_file(dataset, source, day)
                try:
                    stat = path.stat()
                except OSError as error:
                    raise cannot_read(path, error) from error
                found.update(f"{dataset} {day} {stat.st_mtime_ns} {stat.st_size} {stat.st_ino}\n".encode())
        return found.hexdigest()

    def _part(self, source: Source, former: "_Former", report: Callable[[str], None]) -> _Part:
        fingerprint = self.fingerprint(source.name)
        try:
            return _Part(source.name, fingerprint, self.tables_of(source, report))
        except StorageError as error:
            return _Part(source.name, fingerprint, former.part(source.name).tables, str(error))

    def tables_of(self, source: Source, report: Callable[[str], None] = log.info) -> Tables:
        """A source's rows of every table; raises `StorageError` if one of its files cannot be read."""
        history = load_history(self.layout, source.name, self.window_days)
        if history is None:
            return no_rows()
        names = load_names(self.layout, source.name)
        errors = self._errors(source.name, history, report)
        return tables_of(history, Knowledge(names, source.explanations, errors, self.watch))

    def _errors(self, source: str, history: History, report: Callable[[str], None]) -> Errors:
        """What was learned of the read days' errors; a day's file that is damaged is said, and stops nothing."""
        errors = {}
        for day in self.layout.stored_days(data_sets.ERROR_GROUPS, source):
            if day in read_days(history.window):
                try:
                    errors[day] = load_error_groups(self.layout, source, day)
                except DamagedFileError as damage:
                    report(f"{source}: why runs of {day} failed is not known. {damage}")
        return errors


@dataclass(frozen=True)
class _Former:
    """The rows as they are stored, which are read only if some are needed."""

    layout: Layout

    def part(self, source: str) -> _Part:
        """A source's rows, and from which state of its files they were made; no rows if it never was."""
        return self._parts.get(source, _Part(source, NEVER_BUILT, no_rows()))

    @cached_property
    def _parts(self) -> dict[str, _Part]:
        """By source; none if other code built them, or if they cannot be read."""
        built = built_from(self.layout, data_sets.PIPELINE_HEALTH)
        if built is None or built.code_version != VERSION:
            return {}
        try:
            tables = {name: load_verdicts(self.layout, name) for name in VERDICTS}
        except StorageError as error:
            log.warning("All sources are judged anew: %s", error)
            return {}
        if any(table.schema != SCHEMAS[name] for name, table in tables.items()):
            log.warning("All sources are judged anew: other code built the tables.")
            return {}
        return {
            source: _Part(source, fingerprint, {name: _rows_of(table, source) for name, table in tables.items()})
            for source, fingerprint in built.fingerprints.items()
        }


def _rows_of(table: pa.Table, source: str) -> pa.Table:
    return table.filter(pc.equal(table["source"], source))
