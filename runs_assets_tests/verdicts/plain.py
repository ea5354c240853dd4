"""The verdicts computed a second time, in plain Python, from the raw lines: for clarity, not for speed.

Nothing of the product takes part but the files that it stored: the raw lines, and what each day's failure rates say of
the reading behind them. Names and reasons are left out, and so are silences by an expectation that somebody wrote down.
"""

from collections.abc import Iterable
from typing import Any

from runs_assets_tests.verdicts.plain_concentrations import Reason, failure_concentrations
from runs_assets_tests.verdicts.plain_hanging import hanging_runs
from runs_assets_tests.verdicts.plain_health import pipeline_health
from runs_assets_tests.verdicts.plain_outages import outages
from runs_assets_tests.verdicts.plain_runs import History
from runs_assets_tests.verdicts.plain_silences import silences
from runs_assets_tests.verdicts.plain_source import source_health
from runs_assets_tests.verdicts.plain_trends import failure_trends

Tables = dict[str, list[dict[str, Any]]]

KEYS = {
    "failure_trends": ("source", "scope", "pipeline_id", "period", "date"),
    "outages": ("source", "pipeline_id", "first_run_id"),
    "silences": ("source", "pipeline_id", "kind", "basis", "since"),
    "hanging_runs": ("source", "pipeline_id", "run_id"),
    "failure_concentrations": ("source", "pipeline_id", "dimension", "value"),
    "source_health": ("source",),
    "pipeline_health": ("source", "pipeline_id"),
}
"""The columns that tell the rows of a table apart."""


def verdicts(histories: Iterable[History]) -> Tables:
    """The rows of every table, in no particular order."""
    found: Tables = {table: [] for table in KEYS}
    for history in histories:
        for table, rows in verdicts_of(history).items():
            found[table] += rows
    return found


def verdicts_of(history: History, reason: Reason = lambda _: None) -> Tables:
    """The rows of one source; `reason` is why a run failed, None where that is not known."""
    tables = {
        "failure_trends": failure_trends(history),
        "outages": outages(history),
        "silences": silences(history),
        "hanging_runs": hanging_runs(history),
        "failure_concentrations": failure_concentrations(history, reason),
        "source_health": source_health(history),
    }
    return tables | {"pipeline_health": pipeline_health(history, tables)}
