"""No verdict table changes its output while its version stays the same."""

import inspect
from pathlib import Path

import pytest

from runs_assets.tables import Table
from runs_assets.verdicts import (
    failure_concentrations,
    failure_reasons,
    failure_trends,
    hanging_runs,
    outages,
    pipeline_health,
    silences,
    source_health,
)
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.golden.files import check
from runs_assets_tests.golden.verdict_inputs import reasons_rows, verdict_history
from runs_assets_tests.verdicts.agreement import NOT_RECOMPUTED
from runs_assets_tests.verdicts.by_the_product import by_the_product

ROOT = Path(inspect.getfile(Table)).parents[1]
DECLARED_IN = {
    module.__name__.rpartition(".")[2]: Path(inspect.getfile(module)).relative_to(ROOT).as_posix()
    for module in (
        *(failure_trends, outages, silences, hanging_runs, failure_reasons, failure_concentrations),
        *(source_health, pipeline_health),
    )
}


@pytest.mark.parametrize("table", VERDICT_TABLES, ids=lambda table: table.name)
def test_the_output_changes_only_with_the_version(table: Table) -> None:
    by_hand = table is failure_reasons.FAILURE_REASONS
    rows = list(reasons_rows()) if by_hand else by_the_product(verdict_history())[table.name]
    kept = [{name: value for name, value in row.items() if by_hand or name not in NOT_RECOMPUTED} for row in rows]
    assert kept
    check(table.name, table.version, kept, DECLARED_IN[table.name], by_hand=by_hand)
