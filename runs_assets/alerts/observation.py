"""What one evaluation sees: the rows of the verdict tables, the project's own runs, the watch file and the settings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow.compute as pc
from pydantic import AwareDatetime

from runs_assets.alerts.lifecycle import Remembered
from runs_assets.alerts.settings import longest_unread
from runs_assets.errors import NotStoredError
from runs_assets.storage.layout import Layout
from runs_assets.tables import Table
from runs_assets.verdicts.failure_trends import DAY, PIPELINE, WORSE
from runs_assets.verdicts.tables import load_verdicts
from runs_assets.watch_entries import About, Rule, Severity, Subject, Tell
from runs_assets.watch_file import WATCHED_FOR, WatchFile

Row = Mapping[str, Any]
"""A row of a verdict table; times are aware UTC datetimes."""

BAD = frozenset({"down", "silent"})
"""The states that count when many pipelines at once are a matter of their platform."""
SEVERITIES = {
    "down": Severity.CRITICAL,
    "never succeeded": Severity.CRITICAL,
    "stuck": Severity.WARNING,
    "silent": Severity.WARNING,
    "failing": Severity.WARNING,
    "worse": Severity.WARNING,
    "partly failing": Severity.WARNING,
}
"""The states of a pipeline that are incidents, and how severe each is unless a rule says otherwise."""
STREAKS = frozenset({"down", "never succeeded", "failing"})
"""Those that are failures in a row."""
FAILS = STREAKS | {"worse", "partly failing"}
"""Those of pipelines whose runs fail. What only a site or a reason has is over when the verdict says so."""
FAILED_ONCE = "failed once"
HISTORY = timedelta(hours=24)
"""How much older than the previous observation the last sign of an incident may be without being history."""


class JobFailure(Remembered):
    """The failure of the latest ended run of a job."""

    run_id: str
    ended_at: AwareDatetime
    description: str


@dataclass(frozen=True)
class JobRun:
    """The latest ended run of a job; `failure` is None if it succeeded, `source` is set if it reads one."""

    job: str
    failure: JobFailure | None
    source: str | None = None


@dataclass(frozen=True)
class Observation:
    """Everything that is known at `now`, of all sources and jobs.

    Today is read every `today_every`. `faults` are what is wrong with the settings of notifications, `worse_spans` the
    rows of `failure_trends` for spans that are worse; of what is `acknowledged` people are not reminded. It
    `is_resumed` if there was a pause before it: a daemon was off. Of the sources in `awaited` there should be rows.
    """

    now: datetime
    watch: WatchFile
    health: Sequence[Row] = ()
    outages: Sequence[Row] = ()
    silences: Sequence[Row] = ()
    job_runs: Sequence[JobRun] = ()
    unread_after: timedelta = timedelta(hours=6)
    today_every: timedelta = timedelta(hours=1)
    faults: Sequence[str] = ()
    source_health: Sequence[Row] = ()
    worse_spans: Sequence[Row] = ()
    hanging_runs: Sequence[Row] = ()
    concentrations: Sequence[Row] = ()
    acknowledged: Sequence[About] = ()
    is_resumed: bool = False
    awaited: Collection[str] = ()

    @property
    def sources(self) -> set[str]:
        """The sources that it has rows or a run of."""
        return {*(row["source"] for row in self.health), *(run.source for run in self.job_runs if run.source)}

    @property
    def is_complete(self) -> bool:
        """Whether there are rows of every source that is awaited."""
        return bool(self.health) and {*self.awaited} <= {row["source"] for row in self.health}

    def is_acknowledged(self, subject: Subject) -> bool:
        """Whether somebody said that the incidents of a subject are known."""
        return any(known.covers(subject) for known in self.acknowledged)


@dataclass(frozen=True)
class SourceObservation:
    """An observation of one source, of which it is remembered how far it had been read at the previous one.

    `progressed_at` is when that was seen to change.
    """

    whole: Observation
    source: str
    remembered: datetime | None = None
    progressed_at: datetime | None = None

    @cached_property
    def rows(self) -> dict[str | None, Row]:
        """The rows of `pipeline_health` by pipeline id, with the states that the rules make of them."""
        rows = (row for row in self.whole.health if row["source"] == self.source)
        return {row["pipeline_id"]: _by_rule(row, self.whole.watch.rule_of(subject_of(row))) for row in rows}

    @cached_property
    def read_until(self) -> datetime | None:
        """Up to when the source has been read, as remembered if its rows are gone; None if never."""
        return max((row["source_read_until"] for row in self.rows.values()), default=self.remembered)

    @property
    def unread_since(self) -> datetime | None:
        """Up to when the source has been read if that is too long ago, and without progress, else None.

        A source that is read for the first time, or that catches up after a pause, is not one that cannot be read.
        """
        longest = longest_unread(self.whole.unread_after, self.whole.today_every)
        if self.read_until is None:
            return None
        progressed_at = max(self.read_until, self.progressed_at or self.read_until)
        return self.read_until if self.whole.now - progressed_at > longest else None

    @property
    def known_until(self) -> datetime | None:
        """Up to when the source was known at the previous observation; a clock that was ahead then does not count."""
        return self.remembered if self.remembered and self.remembered <= self.whole.now else self.read_until

    def age(self, instant: datetime) -> timedelta:
        """How long ago something was when the source was last read."""
        return (self.read_until or self.whole.now) - instant

    def is_watched(self, row: Row) -> bool:
        """Whether a pipeline has run lately enough to be missed."""
        return self.age(row["last_run_at"]) <= WATCHED_FOR

    def is_history(self, row: Row) -> bool:
        """Whether a pipeline last failed, or should have run, so long ago that it waits for the digest.

        What goes on failing is news, however long ago it was confirmed.
        """
        last_failure = row["last_failure_at"] if row["state"] in STREAKS else None
        return self.was_known(last_failure or confirmed_at(row))

    def was_known(self, last_sign: datetime | None) -> bool:
        """Whether something happened so long before the previous observation that it is no news."""
        return last_sign is not None and self.known_until is not None and last_sign < self.known_until - HISTORY

    def is_muted(self, subject: Subject) -> bool:
        """Whether a mute of the pipeline, or the source as a whole, holds now, or a rule says never."""
        watch = self.whole.watch
        return watch.is_muted(subject, self.whole.now) or watch.rule_of(subject).tell is Tell.NEVER

    def worse_span(self, row: Row) -> Row | None:
        """Of the spans in which a pipeline is worse than usual, the one with the highest failure rate."""
        found = self.of_pipeline(self.whole.worse_spans, row["pipeline_id"])
        return max(found, key=lambda span: span["failure_rate"], default=None)

    def of_pipeline(self, rows: Iterable[Row], pipeline_id: str | None) -> list[Row]:
        """The rows of a table that are about a pipeline of this source."""
        return [row for row in rows if (row["source"], row["pipeline_id"]) == (self.source, pipeline_id)]


def subject_of(row: Row) -> Subject:
    """The pipeline of a row."""
    return Subject(row["source"], row["pipeline_id"], row["pipeline_name"])


def confirmed_at(row: Row) -> datetime | None:
    """Since when an incident of a pipeline is certain; None if that is not known."""
    column = "confirmed_at" if row["state"] in STREAKS else "expected_by"
    instant: datetime | None = row[column] if row["state"] in STREAKS | {"silent"} else None
    return instant


def _by_rule(row: Row, rule: Rule) -> Row:
    """With failures in a row an incident from the rule's number on, and not before."""
    if rule.after is None:
        return row
    is_reached = row["failures"] >= rule.after
    if is_reached and row["state"] not in SEVERITIES:
        failing = {"state": "failing", "since": row["failing_since"], "confirmed_at": row["last_failure_at"]}
        return {**row, **failing, "alert_after": rule.after}
    if not is_reached and row["state"] in {*STREAKS, FAILED_ONCE}:
        return {**row, "state": "ok", "since": None}
    return row


def is_worse_span() -> pc.Expression:
    """Which rows of `failure_trends` are an observation's `worse_spans`."""
    return (pc.field("scope") == PIPELINE) & (pc.field("period") != DAY) & (pc.field("verdict") == WORSE)


def rows_of(layout: Layout, table: Table, where: pc.Expression | None = None) -> list[Row]:
    """The rows of a verdict table where an expression holds; none if it has not been built yet.

    Raises `StorageError` if it is damaged or cannot be read.
    """
    try:
        stored = load_verdicts(layout, table.name)
    except NotStoredError:
        return []
    rows: list[Row] = (stored if where is None else stored.filter(where)).to_pylist()
    return rows
