"""From the history of one source to its rows of every table; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from runs_assets.reasons.reason import Explanations
from runs_assets.storage import layout as data_sets
from runs_assets.verdicts.durations import durations_of
from runs_assets.verdicts.failure_reasons import FAILURE_REASONS, Errors, failure_reasons
from runs_assets.verdicts.failure_trends import FAILURE_TRENDS, failure_trends
from runs_assets.verdicts.hanging_runs import HANGING_RUNS, hanging_runs
from runs_assets.verdicts.history import History
from runs_assets.verdicts.outages import OUTAGES, outages, stretches_of
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH, Findings, pipeline_health
from runs_assets.verdicts.silences import SILENCES, silences
from runs_assets.verdicts.versions import version_changes
from runs_assets.watch_file import Expectation, WatchFile

Tables = Mapping[str, pa.Table]

SCHEMAS = {
    data_sets.FAILURE_TRENDS: FAILURE_TRENDS,
    data_sets.OUTAGES: OUTAGES,
    data_sets.SILENCES: SILENCES,
    data_sets.HANGING_RUNS: HANGING_RUNS,
    data_sets.FAILURE_REASONS: FAILURE_REASONS,
    data_sets.PIPELINE_HEALTH: PIPELINE_HEALTH,
}


@dataclass(frozen=True)
class Knowledge:
    """What is known of a source beside its runs.

    `names` of pipelines by their ids, `explanations` of what its exit codes and errors mean, the `errors` that its API
    told by day and pipeline, and what a person wrote into the `watch` file.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    explanations: Explanations = field(default_factory=Explanations)
    errors: Errors = field(default_factory=dict)
    watch: WatchFile = field(default_factory=WatchFile)


def tables_of(history: History, knowledge: Knowledge) -> Tables:
    """A source's rows of every table, by the tables' names (`runs_assets.storage.layout.VERDICTS`)."""
    names = knowledge.names
    stretches, durations = stretches_of(history), durations_of(history)
    findings = Findings(
        history=history,
        stretches=stretches,
        durations=durations,
        versions=version_changes(history),
        names=names,
        failure_trends=failure_trends(history, stretches, durations, names),
        silences=silences(history, _expectations(history, knowledge), names),
        hanging_runs=hanging_runs(history, durations, names),
        failure_reasons=_reasons(history, knowledge),
    )
    return {
        data_sets.FAILURE_TRENDS: findings.failure_trends,
        data_sets.OUTAGES: outages(history, stretches, names),
        data_sets.SILENCES: findings.silences,
        data_sets.HANGING_RUNS: findings.hanging_runs,
        data_sets.FAILURE_REASONS: findings.failure_reasons,
        data_sets.PIPELINE_HEALTH: pipeline_health(findings),
    }


def no_rows() -> Tables:
    """The tables of a source of which nothing is stored."""
    return {name: schema.empty_table() for name, schema in SCHEMAS.items()}


def _reasons(history: History, knowledge: Knowledge) -> pa.Table:
    return failure_reasons(
        history.source,
        history.failed_runs(),
        history.window,
        history_from=history.days[0].day,
        explanations=knowledge.explanations,
        errors=knowledge.errors,
        names=knowledge.names,
    )


def _expectations(history: History, knowledge: Knowledge) -> dict[int, Expectation]:
    found = (
        (number, knowledge.watch.expectation_of(history.source, pipeline, knowledge.names.get(pipeline or "")))
        for number, pipeline in enumerate(history.pipelines)
    )
    return {number: expectation for number, expectation in found if expectation is not None}
