"""The daily tables, in the order in which they are built."""

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.sources.source import Source
from runs_assets.storage.layout import Layout
from runs_assets.storage.ledger import Ledger

DAILY_TABLES = (RUNS, RUN_STATUS_COUNTS, FAILURE_RATES)


def code_versions(source: Source) -> dict[str, str]:
    """By name, the code version that each table's files have if they are built by the present code."""
    return {table.name: table.code_version(source) for table in DAILY_TABLES}


def ledger_of(source: str, layout: Layout) -> Ledger:
    """What is known of the stored days of a source."""
    return Ledger(layout, source, tuple(table.name for table in DAILY_TABLES))
