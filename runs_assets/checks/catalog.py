"""Every check of a source, by the data set that it is shown on. A check's docstring is its description in Dagster."""

from collections.abc import Callable

from runs_assets.checks.failure_rates import metrics_follow_the_newest_read
from runs_assets.checks.outcome import Outcome
from runs_assets.checks.raw_runs import (
    days_in_reach_are_stored,
    no_day_is_about_to_be_forgotten_unread,
    nothing_is_quarantined,
)
from runs_assets.checks.run_status_counts import counts_match_the_rows
from runs_assets.checks.runs import every_run_is_stored_once, every_status_is_known, open_runs_are_not_abandoned
from runs_assets.checks.stored_days import StoredDays
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.storage.layout import RAW_RUNS

Check = Callable[[StoredDays], Outcome]

CHECKS: tuple[tuple[str, Check], ...] = (
    (RAW_RUNS, nothing_is_quarantined),
    (RAW_RUNS, days_in_reach_are_stored),
    (RAW_RUNS, no_day_is_about_to_be_forgotten_unread),
    (RUNS.name, every_run_is_stored_once),
    (RUNS.name, every_status_is_known),
    (RUNS.name, open_runs_are_not_abandoned),
    (RUN_STATUS_COUNTS.name, counts_match_the_rows),
    (FAILURE_RATES.name, metrics_follow_the_newest_read),
)
"""Each check with its data set."""
