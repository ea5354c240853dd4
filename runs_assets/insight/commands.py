"""`runs-assets status`, `runs`, `pipeline`, `refresh` and `ledger`: the answers in a terminal, or as JSON.

They need the data folder alone; `refresh` and `ledger` write to it, and `refresh` unless offline asks the platforms for
names and errors.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self

from rich.console import Console

from runs_assets.accounts import SOURCES
from runs_assets.alerts.settings import longest_unread_by_settings
from runs_assets.daily.runs import RUNS
from runs_assets.daily.tables import ledger_of
from runs_assets.days import utc_now
from runs_assets.errors import NotFoundError, StorageError
from runs_assets.insight.freshness import is_expected, why_not_known
from runs_assets.insight.names import pipeline_names
from runs_assets.insight.printing import print_json, say
from runs_assets.insight.record import find_pipeline, record_of
from runs_assets.insight.runs import RunsQuery, find_runs, unknown_parts
from runs_assets.insight.status import SourceStatus, current_status
from runs_assets.insight.views import json_lines, print_record, print_runs, print_status
from runs_assets.plain_text.wording import label
from runs_assets.settings import project_settings
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.storage.ledger import wrong_days
from runs_assets.verdicts.refresh import Judge, ask_about_failures
from runs_assets.watch_entries import About, Subject
from runs_assets.watch_file import WatchFile, load_watch_file

NOTHING_BROKEN, BROKEN, NOT_KNOWN = 0, 1, 2


@dataclass(frozen=True)
class Stored:
    """The data folder and the watch file that the settings name, and the sources that are asked about."""

    layout: Layout
    watch: WatchFile
    sources: Sequence[Source]

    @classmethod
    def of(cls, only: str | None) -> Self:
        """All sources, or `only` one.

        Raises `SettingsError`, `NotFoundError` for an unknown source, `NoDataFolderError` if no run was ever stored.
        """
        settings = project_settings()
        sources = [source for source in SOURCES if only in {None, source.name}]
        if not sources:
            known = ", ".join(source.name for source in SOURCES)
            raise NotFoundError(f"There is no source {only!r}. The sources are: {known}.")
        return cls(Layout.stored(settings.data), load_watch_file(settings.watch_file), sources)


def status(console: Console, only: str | None, *, as_json: bool) -> int:
    """Print what is wrong now, the worst first.

    Returns 1 if a pipeline is down, never succeeded, stuck or silent, or a source is in trouble as a whole; else 2 if
    that cannot be told of a source, since it was not read or judged lately; else 0. Raises `StorageError` if what is
    stored cannot be read.
    """
    stored, now, longest = Stored.of(only), utc_now(), longest_unread_by_settings()
    names = [source.name for source in stored.sources]
    found = current_status(stored.layout, stored.watch, names)
    if as_json:
        print_json(health for one in found for health in one.wrong)
    for one in () if as_json else found:
        print_status(console, one)
    unknown = list(_unknown(stored, found, now - longest))
    for sentence in unknown:
        say(Console(stderr=True), sentence)
    if any(health.is_broken for one in found for health in one.wrong):
        return BROKEN
    return NOT_KNOWN if unknown else NOTHING_BROKEN


def runs(console: Console, only: str | None, query: RunsQuery, named: str, most: int, *, as_json: bool) -> None:
    """Print the runs of a query, the newest first; in a table at most so many.

    They are of the pipelines that have the id or name `named`, or if none has, match it as a shell pattern.

    What is not known of its days goes to standard error. Raises `StorageError` if a file cannot be read.
    """
    stored, now = Stored.of(only), utc_now()
    query = replace(query, wanted=_wanted(stored, named))
    found = [run for source in stored.sources for run in find_runs(stored.layout, stored.watch, source, query)]
    found.sort(key=lambda run: run.created_at, reverse=True)
    if as_json:
        print_json(found)
    else:
        print_runs(console, found, most, now.year)
    if not any(stored.layout.stored_days(RUNS.name, source.name) for source in stored.sources):
        names = " and ".join(source.name for source in stored.sources)
        say(Console(stderr=True), f"Nothing of {names} is stored in {stored.layout.root}.")
    for source in stored.sources:
        if unknown := "; ".join(unknown_parts(stored.layout, source.name, query, now)):
            say(Console(stderr=True), f"{source.name}: {unknown}.")


def pipeline(console: Console, only: str | None, wanted: str, *, as_json: bool) -> None:
    """Print the record of one pipeline; raises `NotFoundError` and `StorageError` as `find_pipeline` does."""
    stored = Stored.of(only)
    by_name = {source.name: source for source in stored.sources}
    row = find_pipeline(stored.layout, by_name, wanted)
    record = record_of(stored.layout, stored.watch, by_name[row["source"]], row)
    if as_json:
        print_json(json_lines(record))
    else:
        print_record(console, record)


def refresh(console: Console, *, offline: bool) -> None:
    """Build the verdict tables from the stored files, and print what is wrong now.

    Unless `offline`, the platforms are asked first for names and reasons. Raises `StorageError` if the files of a
    source cannot be read, after everything else is done; `NoDataFolderError` if there is no data folder;
    `SettingsError` and `BusyError` as `Judge.refresh`.
    """
    stored, judge = Stored.of(None), Judge.of(project_settings())

    def report(sentence: str) -> None:
        say(console, sentence)

    for source in stored.sources if not offline else ():
        ask_about_failures(source, stored.layout, utc_now, report)
    refreshed = judge.refresh(stored.sources, report=report)
    found = current_status(stored.layout, stored.watch, [source.name for source in stored.sources])
    for one in found:
        print_status(console, one)
    if not found:
        report(f"Nothing is stored in {stored.layout.root} that could be judged. Materialize some days first.")
    if refreshed.problem:
        raise StorageError(refreshed.problem)


def ledger(console: Console, only: str | None, *, anew: bool) -> None:
    """Compare what is known of the stored days with the files, or with `anew` find it out again, and say so.

    With `anew` the next run of the checks, and the next refresh, read all files, too.

    Raises `BusyError` if another process keeps writing, `StorageError` if the files cannot be listed.
    """
    stored = Stored.of(only)
    for source in stored.sources:
        known = ledger_of(source.name, stored.layout)
        if anew:
            with stored.layout.lock_file(source.name).held(source.name):
                rows, wrong = known.rebuild(), set[date]()
            for month in stored.layout.checked_months(source.name):
                stored.layout.checked_file(source.name, month).remove()
            stored.layout.rates_file(source.name).remove()
        else:
            rows, wrong = known.compared()
        say(console, f"{source.name}: {sum(bool(row.versions) for row in rows.values())} stored days are known.")
        if wrong:
            say(console, f"{source.name}: {wrong_days(wrong)}")


def _wanted(stored: Stored, named: str) -> Callable[[Subject], bool]:
    """Which pipelines have the id or name, or match the pattern; an exact name may look like a pattern of others."""
    known = (pipeline_names(stored.layout, source.name) for source in stored.sources)
    if any(named in {*names, *names.values()} for names in known):
        return lambda subject: named in subject[1:]
    about = About(pipeline=named)
    return lambda subject: about.covers(subject) or label(*subject[1:]) == named


def _unknown(stored: Stored, found: Iterable[SourceStatus], oldest: datetime) -> Iterator[str]:
    """Of which sources it cannot be told how they are, and what to do."""
    read_until = {one.source: one.read_until for one in found}
    for source in stored.sources:
        if source.name in read_until or is_expected(stored.layout, source):
            why = why_not_known(source.name, read_until.get(source.name), oldest)
            yield from [why] if why else []
    if not read_until:
        yield f"Nothing in {stored.layout.root} has been judged. Materialize some days, or run `runs-assets refresh`."
