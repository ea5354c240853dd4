"""The verdict tables, and one source's rows of all of them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from runs_assets.reasons.reason import Explanations
from runs_assets.verdicts.common_causes import with_common_cause
from runs_assets.verdicts.failure_concentrations import FAILURE_CONCENTRATIONS, failure_concentrations
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS, Errors, failure_reasons, reasons_of_runs
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS, failure_trends
from runs_assets.verdicts.hanging_runs import (
    ABANDONED_AFTER_HOURS,
    HANGING_RUNS,
    abandoned_runs,
    hanging_runs,
    open_too_long,
)
from runs_assets.verdicts.left_out import without_left_out
from runs_assets.verdicts.outages import OUTAGES, failure_streaks, outages
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH, pipeline_health
from runs_assets.verdicts.silences import SILENCES, silences
from runs_assets.verdicts.source_health import SOURCE_HEALTH, source_health
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.stuck_runs import stuck_since
from runs_assets.verdicts.success_durations import success_durations
from runs_assets.watch_file import WatchFile

VERDICT_TABLES = (
    *(FAILURE_TRENDS, OUTAGES, SILENCES, HANGING_RUNS, FAILURE_REASONS),
    *(FAILURE_CONCENTRATIONS, SOURCE_HEALTH, PIPELINE_HEALTH),
)
"""In the order in which they are written; each is one file over all days and sources, without partitions."""

Verdicts = Mapping[str, pa.Table]
"""Rows by the name of their table."""


@dataclass(frozen=True)
class Knowledge:
    """What is known of a source besides its runs.

    `names` of pipelines by their ids, `explanations` of what its exit codes and errors mean, the `errors` that its API
    reported by day and pipeline, what a person wrote into the `watch` file, and how many hours after its limit an open
    run is abandoned.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    explanations: Explanations = field(default_factory=Explanations)
    errors: Errors = field(default_factory=dict)
    watch: WatchFile = field(default_factory=WatchFile)
    abandoned_after_hours: float = ABANDONED_AFTER_HOURS


def verdicts_of(history: SourceHistory, knowledge: Knowledge) -> Verdicts:
    """A source's rows of every table."""
    names, after_hours = knowledge.names, knowledge.abandoned_after_hours
    history = without_left_out(history, names, knowledge.watch)
    streaks, durations = failure_streaks(history), success_durations(history)
    explanations, errors = knowledge.explanations, knowledge.errors
    reasons_of = partial(reasons_of_runs, explanations=explanations, errors=errors, names=names)
    found = {
        FAILURE_TRENDS.name: failure_trends(history, streaks, durations, names),
        OUTAGES.name: outages(history, streaks, names),
        SILENCES.name: silences(history, knowledge.watch, names),
        HANGING_RUNS.name: hanging_runs(history, durations, names, after_hours),
        SOURCE_HEALTH.name: with_common_cause(source_health(history), history),
        FAILURE_REASONS.name: failure_reasons(
            history.source,
            history.failed_runs(),
            history.window,
            history_from=history.days[0].day,
            explanations=explanations,
            errors=errors,
            names=names,
        ),
        FAILURE_CONCENTRATIONS.name: failure_concentrations(history, streaks, reasons_of, names),
    }
    stuck, too_long = stuck_since(history, durations), open_too_long(history, durations)
    abandoned = abandoned_runs(history, too_long, after_hours)
    return found | {PIPELINE_HEALTH.name: pipeline_health(history, streaks, durations, stuck, abandoned, names, found)}


def no_verdicts() -> Verdicts:
    """The tables of a source of which nothing is stored."""
    return {table.name: table.schema.empty_table() for table in VERDICT_TABLES}
