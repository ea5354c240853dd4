"""Building the verdict tables from the daily files, and what the platforms are asked before; needs no Dagster.

Each source's rows are made from its own files alone, so that one whose files cannot be read keeps its former rows and
stops no other. Each table's file says from which state of the daily files it was built, so that nothing is built twice.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
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
TURNS_PER_COMPARISON = 10
BEING_WRITTEN, UNREADABLE = "being written", "unreadable"
ASKED_DAYS = 31
"""Of so many newest days, the platforms are asked why runs failed."""

_found: dict[tuple[Layout, str], tuple[str | None, str]] = {}
"""By source, the version of its ledger that was read last, and what it says of the daily files that are judged."""


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

    def behind(self, sources: Sequence[str], turn: int = 0) -> list[str]:
        """The sources whose daily files, or what they are judged by, have changed since their rows were built.

        Also if the file of a table is missing, damaged, of another version of the table, or of another refresh. A
        source none of whose days can be judged is only if it was built before; one is while its days are being written,
        and if they cannot be looked at. The ledgers are asked; at each `turn` another part of them is compared with the
        files.

        In a bucket that takes three requests, whatever the number of sources and days: what did not change is not got
        again, and each turn looks at one of the tables beside the one that is written last. A turn that
        `looks_further` compares a part of one source's ledger instead.
        """
        *others, last = VERDICT_TABLES
        compared = list(sources)
        if self.layout.store.is_remote:
            part, rest = divmod(turn, TURNS_PER_COMPARISON)
            others = [others[turn % len(others)]] if rest else []
            turn, number = divmod(part, max(len(sources), 1))
            compared = [] if rest else compared[number : number + 1]
        for source in compared:
            if not self.layout.lock_file(source).is_held():
                with suppress(StorageError):  # it stops no other source, and the refresh says why
                    ledger_of(source, self.layout).rows(turn=turn)
        built = built_from(self.layout, last)
        if any(built_from(self.layout, other) != built for other in others):
            built = None
        ledgers = self.layout.ledger_versions()
        found = {source: _stored_files(self.layout, source, ledgers.get(source)) for source in sources}
        states = built or {}
        return [
            source
            for source, files in found.items()
            if (files or states.get(source)) and states.get(source) != self._fingerprint(files)
        ]

    def looks_further(self, turn: int) -> bool:
        """Whether at this turn more may be looked at: on a disk always, in a bucket at every tenth."""
        return not (self.layout.store.is_remote and turn % TURNS_PER_COMPARISON)

    def fingerprint(self, source: str) -> str:
        """Changes with every daily file of a source that is judged, with the settings and the watch file.

        It is that of the files as the ledger has them, like what `behind` compares it with, and stays the same as long
        as none of the days can be judged, or the files cannot be looked at.
        """
        try:
            return self._fingerprint(_judged_files(ledger_of(source, self.layout).rows()))
        except StorageError:
            return self._fingerprint(UNREADABLE)

    def _fingerprint(self, files: str) -> str:
        left_out = [mute for mute in self.watch.mutes if mute.not_in_rates]
        rules = (
            *(self.window_days, self.abandoned_after_hours),
            *(self.watch.expectations, self.watch.holidays, left_out),
            *((table.name, table.version) for table in VERDICT_TABLES),
        )
        return _digest(repr((rules, files)))

    def _part(self, source: Source, former: Callable[[], Mapping[str, _Part]], report: Callable[[str], None]) -> _Part:
        fingerprint = UNREADABLE
        try:
            # The files may have changed without the ledger; the rows are made from what is stored now.
            ledger_of(source.name, self.layout).compared([RUNS.name, FAILURE_RATES.name])
            fingerprint = self.fingerprint(source.name)
            history = load_history(self.layout, source.name, self.window_days)
            if history is None:
                return _Part(source.name, fingerprint, no_verdicts())
            errors = self._errors(source.name, history, report)
            knowledge = Knowledge(source.explanations, errors, self.watch, self.abandoned_after_hours)
            return _Part(source.name, fingerprint, verdicts_of(history, knowledge))
        except StorageError as error:
            # A damaged file is not tried again before it changes; one that could not be read may not have to change.
            state = fingerprint if isinstance(error, DamagedFileError) else UNREADABLE
            return _Part(source.name, state, former()[source.name].rows, str(error))

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


def _stored_files(layout: Layout, source: str, ledger: str | None) -> str:
    """As `_judged_files` has it; found out once of a `ledger` in one version."""
    found = _found.get((layout, source))
    if found and found[0] == ledger:
        return found[1]
    if layout.lock_file(source).is_held():
        return BEING_WRITTEN  # years of days may be in doubt
    try:
        rows = ledger_of(source, layout).rows()
    except StorageError:
        return UNREADABLE
    files = _judged_files(rows)
    # Without a ledger, nothing tells that files have come or changed. That a bucket has none is kept all the same: at
    # each turn, to list them takes too many requests.
    can_tell = ledger is not None or (layout.store.is_remote and not rows)
    if can_tell and not any(row.in_doubt for row in rows.values()):
        _found[layout, source] = (ledger, files)
    return files


def _judged_files(rows: Rows) -> str:
    """Changes with each daily file that is judged; empty if none of the days can be."""
    if not any(FAILURE_RATES.name in row.versions for row in rows.values()):
        return ""
    versions = ((day, rows[day].versions) for day in sorted(rows))
    judged = ((day, found.get(RUNS.name), found.get(FAILURE_RATES.name)) for day, found in versions)
    return _digest("\n".join(f"{day} {runs} {rates}" for day, runs, rates in judged if runs or rates))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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
    try:
        stored = layout.stored_days(FAILURE_RATES.name, source)
        days = (day for day in stored if day > today - timedelta(days=ASKED_DAYS))
        return {day: _failed_runs_on(layout, source, day) for day in days}
    except StorageError as error:
        report(f"{source}: the reasons of failed runs are not requested. {error}")
        return {}


def _failed_runs_on(layout: Layout, source: str, day: date) -> dict[str, int]:
    rates, _ = load_table(layout, FAILURE_RATES.name, source, day, ["pipeline_id", "failed"])
    rows = zip(rates["pipeline_id"].to_pylist(), rates["failed"].to_pylist(), strict=True)
    return {pipeline: failed for pipeline, failed in rows if pipeline is not None and failed}
