"""The ticks of all accounts as Dagster's daemon has them: `python -m runs_assets_tests.benchmark.growth.daemon`.

The daemon's own loop evaluates the sensors one after the other by a code server of its own; the settings say where the
data is, and of how many accounts. Prints JSON: `seconds` a tick takes, waiting included, as in one round of them all.
"""

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

from runs_assets_tests.benchmark.growth import loaded
from runs_assets_tests.benchmark.growth.accounts import accounts
from runs_assets_tests.benchmark.growth.costs import record_days
from runs_assets_tests.benchmark.process import temporary_instance
from runs_assets_tests.benchmark.ticks import our_runs, write_runs

ROUNDS = 3
APART = timedelta(seconds=61)


def seconds_a_tick(instance: dg.DagsterInstance) -> float:
    """The fastest round counts, after one in which everything is loaded. Raises `RuntimeError` if a tick fails."""
    target = ModuleTarget(loaded.__name__, attribute=None, working_directory=None, location_name="growth")
    fastest, log, begun = float("inf"), logging.getLogger(__name__), datetime.now(UTC)
    with create_test_daemon_workspace_context(target, instance) as workspace:
        for number in range(ROUNDS + 1):
            with freeze_time(begun + number * APART):
                before = time.perf_counter()
                list(execute_sensor_iteration(workspace, log, None, None))
                seconds = time.perf_counter() - before
            if number:
                fastest = min(fastest, seconds)
    ticks = [
        tick
        for state in instance.all_instigator_state()
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
    ]
    others = [tick for tick in ticks if tick.status != TickStatus.SKIPPED]
    if others or not ticks:
        raise RuntimeError(f"of {len(ticks)} ticks, {len(others)} did more than to find nothing to do")
    return fastest / (len(ticks) / (ROUNDS + 1))


def main() -> None:
    """Measure and print."""
    logging.disable(logging.ERROR)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the code server has the same, and says when it ends
        with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
            sources = accounts(int(os.environ["GROWTH_ACCOUNTS"]))
            write_runs(instance, our_runs(sources))
            record_days(instance, sources)
            out.write(json.dumps({"seconds": seconds_a_tick(instance)}))


if __name__ == "__main__":
    main()
