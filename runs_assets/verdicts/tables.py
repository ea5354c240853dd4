"""The verdict tables: which there are, one source's rows of all of them, and their files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from runs_assets.errors import NotStoredError, StorageError
from runs_assets.reasons.reason import Explanations
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import opened_parquet, replacing_table
from runs_assets.tables import Table
from runs_assets.verdicts.common_causes import with_common_cause
from runs_assets.verdicts.failure_concentrations import FAILURE_CONCENTRATIONS, failure_concentrations
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS, Errors, KnownReasons, failure_reasons
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS, failure_trends
from runs_assets.verdicts.hanging_runs import (
    ABANDONED_AFTER_HOURS,
    HANGING_RUNS,
    abandoned_runs,
    hanging_runs,
    open_too_long,
    stuck_since,
    success_durations,
)
from runs_assets.verdicts.outages import OUTAGES, failure_streaks, outages
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH, pipeline_health
from runs_assets.verdicts.silences import SILENCES, silences
from runs_assets.verdicts.source_health import SOURCE_HEALTH, source_health
from runs_assets.verdicts.source_history import SourceHistory, without_left_out
from runs_assets.watch_file import WatchFile

VERDICT_TABLES = (
    *(FAILURE_TRENDS, OUTAGES, SILENCES, HANGING_RUNS, FAILURE_REASONS),
    *(FAILURE_CONCENTRATIONS, SOURCE_HEALTH, PIPELINE_HEALTH),
)
"""In the order in which they are written; each is one file over all days and sources, without partitions."""

Verdicts = Mapping[str, pa.Table]
"""Rows by the name of their table."""
Fingerprints = Mapping[str, str]
"""By source, the state of the daily files from which its rows were built."""
_REMEDY = "Materialize it again, or run `runs-assets refresh`: it is rebuilt from the daily files."


@dataclass(frozen=True)
class Knowledge:
    """What is known of a source besides its runs.

    `explanations` of what its exit codes and errors mean, the `errors` that its API reported by day and pipeline, what
    a person wrote into the `watch` file, and how many hours after its limit an open run is abandoned.
    """

    explanations: Explanations = field(default_factory=Explanations)
    errors: Errors = field(default_factory=dict)
    watch: WatchFile = field(default_factory=WatchFile)
    abandoned_after_hours: float = ABANDONED_AFTER_HOURS


def verdicts_of(history: SourceHistory, knowledge: Knowledge) -> Verdicts:
    """A source's rows of every table."""
    history = without_left_out(history, knowledge.watch)
    streaks, durations = failure_streaks(history), success_durations(history)
    too_long = open_too_long(history, durations, knowledge.abandoned_after_hours)
    reasons = KnownReasons(knowledge.explanations, knowledge.errors, history.listed)
    found = {
        FAILURE_TRENDS.name: failure_trends(history, streaks, durations, history.names),
        OUTAGES.name: outages(history, streaks),
        SILENCES.name: silences(history, knowledge.watch),
        HANGING_RUNS.name: hanging_runs(history, durations, too_long),
        SOURCE_HEALTH.name: with_common_cause(source_health(history), history),
        FAILURE_REASONS.name: failure_reasons(
            history.source, history.failed_runs(), history.window, history.days[0].day, reasons, history.names
        ),
        FAILURE_CONCENTRATIONS.name: failure_concentrations(history, streaks, reasons.of_runs),
    }
    stuck, abandoned = stuck_since(history, too_long), abandoned_runs(history, too_long)
    return found | {PIPELINE_HEALTH.name: pipeline_health(history, streaks, durations, stuck, abandoned, found)}


def no_verdicts() -> Verdicts:
    """The tables of a source of which nothing is stored."""
    return {table.name: table.schema.empty_table() for table in VERDICT_TABLES}


def store_verdicts(
    layout: Layout, table: Table, rows: pa.Table, built_from: Fingerprints, version: str | None = None
) -> None:
    """Replace a table's file atomically; raises `ConflictError` if a `version` of it is no longer the stored one."""
    metadata = {"built_from": json.dumps(dict(built_from), sort_keys=True), "code_version": table.version}
    with replacing_table(layout.verdict_file(table.name), rows.schema, version) as file:
        file.write(rows)
        file.finish(metadata)


def load_verdicts(layout: Layout, name: str) -> pa.Table:
    """The rows of all days and sources of a table.

    Raises `StorageError` if it was never built or cannot be read, `DamagedFileError` if it is not as it was written.
    """
    stored = layout.verdict_file(name)
    try:
        with opened_parquet(stored, _REMEDY) as file:
            return file.read().replace_schema_metadata()
    except NotStoredError:
        raise NotStoredError(
            f"There is no {name} yet ({stored}). Materialize it, or run `runs-assets refresh`."
        ) from None


def built_from(layout: Layout, table: Table) -> Fingerprints | None:
    """What the file of a table was built from; None if it is missing, damaged, or of another version of the table."""
    try:
        with opened_parquet(layout.verdict_file(table.name), _REMEDY, footer_only=True) as file:
            metadata = file.schema_arrow.metadata
    except StorageError:
        return None
    if metadata[b"code_version"].decode() != table.version:
        return None
    fingerprints: Fingerprints = json.loads(metadata[b"built_from"])
    return fingerprints
