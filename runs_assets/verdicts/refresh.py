"""Building the verdict tables from the daily files, and what the platforms are asked before; needs no Dagster.

Each source's rows are made from its own files alone, so that one whose files cannot be read keeps its former rows and
stops no other. Each table's file says from which state of the daily files it was built, so that nothing is built twice.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.daily.tables import ledger_of
from runs_assets.errors import BusyError, CredentialsError, DamagedFileError, SettingsError, StorageError
from runs_assets.reasons.details_files import load_error_groups
from runs_assets.reasons.platform_details import DetailsRefresh, FailedRuns
from runs_assets.settings import ProjectSettings, project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.folder import empty_scratch
from runs_assets.storage.layout import ALL_SOURCES, ERROR_GROUPS, Layout
from runs_assets.storage.ledger import Rows
from runs_assets.storage.tables import load_table
from runs_assets.storage.waits import without_conflict
from runs_assets.verdicts.failure_reasons import Errors
from runs_assets.verdicts.hanging_runs import ABANDONED_AFTER_HOURS
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.source_history import SourceHistory, load_history, read_days
from runs_assets.verdicts.tables import (
    VERDICT_TABLES,
    Knowledge,
    Verdicts,
    built_from,
    load_verdicts,
    no_verdicts,
    store_verdicts,
    verdicts_of,
)
from runs_assets.watch_file import WatchFile, load_watch_file

log = logging.getLogger(__name__)
NEVER_BUILT = ""
ASKED_DAYS = 31
"""Of so many newest days, the platforms are asked why runs failed."""


@dataclass(frozen=True)
class Refreshed:
    """The tables by their names, and by the name of a source whose files could not be read, why."""

    tables: Verdicts
    failures: Mapping[str, str]

    @property
    def problem(self) -> str | None:
        """What went wrong, in whole sentences; None if every source was judged."""
        failures = " ".join(f"{source}: {failure}" for source, failure in self.failures.items())
        return f"Some rows were not rebuilt and are those of the last refresh. {failures}" if failures else None


@dataclass(frozen=True)
class _Part:
    """One source's rows of every table, and the state of its files from which they were made."""

    source: str
    fingerprint: str
    rows: Verdicts
    failure: str | None = None


@dataclass(frozen=True)
class Judge:
    """Judges the stored days of sources: over how many days, with which watch file, and how long for runs to end."""

    layout: Layout
    window_days: int
    watch: WatchFile
    abandoned_after_hours: float = ABANDONED_AFTER_HOURS

    @classmethod
    def of(cls, settings: ProjectSettings) -> Self:
        """As the `RUNS_ASSETS_*` settings have it; raises `SettingsError` if the watch file cannot be used."""
        layout, watch = Layout(settings.data), load_watch_file(settings.watch_file)
        return cls(layout, settings.window_days, watch, settings.abandoned_after_hours)

    def refresh(
        self, sources: Sequence[Source], only: Collection[str] | None = None, report: Callable[[str], None] = log.info
    ) -> Refreshed:
        """Build the `VERDICT_TABLES` from what is stored; with `only`, the rows of other sources stay as they are.

        Raises `BusyError` if another process keeps building them, `StorageError` if the folder cannot be written.
        """
        with self.layout.lock_file(ALL_SOURCES).held("the verdicts", report=report):
            empty_scratch(self.layout.scratch(ALL_SOURCES))
            return without_conflict(partial(self._refreshed, sources, only, report))

    def _refreshed(
        self, sources: Sequence[Source], only: Collection[str] | None, report: Callable[[str], None]
    ) -> Refreshed:
        versions = {table.name: self.layout.verdict_file(table.name).version() for table in VERDICT_TABLES}
        former = cache(partial(_stored_parts, self.layout, sources))  # read only if some are needed
        due = {source.name for source in sources} if only is None else set(only)
        parts = [
            self._part(source, former, report) if source.name in due else former()[source.name] for source in sources
        ]
        stamp = {part.source: part.fingerprint for part in parts}
        tables = {
            table.name: pa.concat_tables([table.schema.empty_table(), *(part.rows[table.name] for part in parts)])
            for table in VERDICT_TABLES
        }
        for table in VERDICT_TABLES:
            store_verdicts(self.layout, table, tables[table.name], stamp, versions[table.name])
        return Refreshed(tables, {part.source: part.failure for part in parts if part.failure})

    def is_behind(self, source: str, turn: int = 0) -> bool:
        """Whether a source's daily files, or what they are judged by, have changed since its rows were built.

        Also if the file of a table is missing, damaged, of another version of the table, or of another refresh. It is
        not if none of its days can be judged. The ledger is asked, and at each `turn` another part of it is compared
        with the files.
        """
        rows = ledger_of(source, self.layout).rows(turn=turn)
        if not any(FAILURE_RATES.name in row.versions for row in rows.values()):
            return False
        built, *others = (built_from(self.layout, table) for table in VERDICT_TABLES)
        if built is None or any(other != built for other in others):
            return True
        return built.get(source) != self._fingerprint(rows)

    def fingerprint(self, source: str) -> str:
        """Changes with every daily file of a source, all of which are listed, with the settings and the watch file."""
        return self._fingerprint(ledger_of(source, self.layout).compared()[0])

    def _fingerprint(self, rows: Rows) -> str:
        left_out = [mute for mute in self.watch.mutes if mute.not_in_rates]
        rules = (
            *(self.window_days, self.abandoned_after_hours),
            *(self.watch.expectations, self.watch.holidays, left_out),
        )
        found = hashlib.blake2b(repr(rules).encode(), digest_size=16)
        for dataset in (RUNS.name, FAILURE_RATES.name):
            for day in sorted(rows):
                if version := rows[day].versions.get(dataset):
                    found.update(f"{dataset} {day} {version}\n".encode())
        return found.hexdigest()

    def _part(self, source: Source, former: Callable[[], Mapping[str, _Part]], report: Callable[[str], None]) -> _Part:
        fingerprint = self.fingerprint(source.name)
        try:
            history = load_history(self.layout, source.name, self.window_days)
            if history is None:
                return _Part(source.name, fingerprint, no_verdicts())
            errors = self._errors(source.name, history, report)
            knowledge = Knowledge(source.explanations, errors, self.watch, self.abandoned_after_hours)
            return _Part(source.name, fingerprint, verdicts_of(history, knowledge))
        except StorageError as error:
            return _Part(source.name, fingerprint, former()[source.name].rows, str(error))

    def _errors(self, source: str, history: SourceHistory, report: Callable[[str], None]) -> Errors:
        """The known errors of the read days; a day's file that is damaged is reported, and stops nothing."""
        errors = {}
        for day in self.layout.stored_days(ERROR_GROUPS, source):
            if day in read_days(history.window):
                try:
                    errors[day] = load_error_groups(self.layout, source, day)
                except DamagedFileError as damage:
                    report(f"{source}: the reasons for failures on {day} cannot be read. {damage}")
        return errors


def _stored_parts(layout: Layout, sources: Sequence[Source]) -> dict[str, _Part]:
    """The rows as they are stored; none if there are none, or a table is of another version or cannot be read."""
    parts = {source.name: _Part(source.name, NEVER_BUILT, no_verdicts()) for source in sources}
    stamps = {table.name: built_from(layout, table) for table in VERDICT_TABLES}
    fingerprints = stamps[PIPELINE_HEALTH.name]  # written last
    if fingerprints is None or None in stamps.values():
        return parts
    try:
        tables = {name: load_verdicts(layout, name) for name in stamps}
    except StorageError as error:
        log.warning("All sources are judged again, because a table cannot be read. %s", error)
        return parts
    if any(tables[table.name].schema != table.schema for table in VERDICT_TABLES):
        log.warning("All sources are judged again, because the stored tables have other columns.")
        return parts
    for source, fingerprint in fingerprints.items():
        is_its = pc.field("source") == source
        parts[source] = _Part(source, fingerprint, {name: rows.filter(is_its) for name, rows in tables.items()})
    return parts


def ask_about_failures(
    source: Source, layout: Layout, clock: Callable[[], datetime], report: Callable[[str], None]
) -> None:
    """Ask a source's API, if it is configured and `RUNS_ASSETS_DETAILS` is on; no answer of it is an error.

    Nor is a setting, a proxy or a file of tokens that cannot be used, nor a daily file that cannot be read: then only
    names are asked for. Raises `StorageError` if earlier answers cannot be read, or the new ones cannot be written.
    """
    if not (project_settings().details and source.is_configured):
        return
    try:
        # The client may renew tokens, which only one process at a time can.
        with (
            layout.lock_file(source.name).held(source.name, patience=0, report=report),
            source.api.client(source.name, layout, clock) as client,
        ):
            now = clock()
            failed_runs = _failed_runs(layout, source.name, now.date(), report)
            retention = source.api.capabilities.retention
            DetailsRefresh(source.name, layout, failed_runs, now, report, retention).run(client)
    except BusyError:
        report(f"{source.name}: it is being read; names and error codes are requested at the next refresh.")
    except (SettingsError, CredentialsError) as error:
        report(f"{source.name}: could not request names and errors. {error}")


def _failed_runs(layout: Layout, source: str, today: date, report: Callable[[str], None]) -> FailedRuns:
    days = (day for day in layout.stored_days(FAILURE_RATES.name, source) if day > today - timedelta(days=ASKED_DAYS))
    try:
        return {day: _failed_runs_on(layout, source, day) for day in days}
    except StorageError as error:
        report(f"{source}: the reasons of failed runs are not requested. {error}")
        return {}


def _failed_runs_on(layout: Layout, source: str, day: date) -> dict[str, int]:
    rates, _ = load_table(layout, FAILURE_RATES.name, source, day, ["pipeline_id", "failed"])
    rows = zip(rates["pipeline_id"].to_pylist(), rates["failed"].to_pylist(), strict=True)
    return {pipeline: failed for pipeline, failed in rows if pipeline is not None and failed}
