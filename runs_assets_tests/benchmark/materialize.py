"""One run of a source's daily job by Dagster itself, timed, in a process of its own; then its files are checked.

`python -m runs_assets_tests.benchmark.materialize SOURCE DAYS` (DAYS as JSON: the expected number of runs by day,
without gaps) reads the source's settings from the environment and prints JSON: `seconds` of the run, `assets` (seconds
of each), `peak_bytes` (the most memory that the process held until the run's end), `faults` (what the check found, in
sentences).
"""

import json
import sys
import time
from collections.abc import Mapping
from datetime import date
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from runs_assets.definitions import defs
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets_tests.benchmark.process import peak_bytes, temporary_instance


def run(source: str, days: list[date]) -> dict[str, Any]:
    """Materialize the source's four assets for these days in one run; durations are in seconds."""
    job = defs.resolve_job_def(f"{source}_daily")
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        begun = time.perf_counter()
        result = job.execute_in_process(instance=instance, **_asked(days))
        seconds = time.perf_counter() - begun
        return {"seconds": seconds, "assets": _seconds_by_asset(instance, result.run_id), "peak_bytes": peak_bytes()}


def _asked(days: list[date]) -> dict[str, Any]:
    first, last = str(min(days)), str(max(days))
    if first == last:
        return {"partition_key": first}
    return {"tags": {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}}


def _seconds_by_asset(instance: dg.DagsterInstance, run_id: str) -> dict[str, float]:
    return {
        step.step_key.split("__", 1)[1]: step.end_time - step.start_time
        for step in instance.get_run_step_stats(run_id)
        if step.start_time is not None and step.end_time is not None
    }


def faults(source: str, expected: Mapping[date, int]) -> list[str]:
    """What is wrong with the stored days; imported late, so that the check takes no memory from the measured run."""
    from runs_assets_tests.benchmark.check import faults_of  # noqa: PLC0415

    layout = Layout(project_settings().data)
    return [fault for day, rows in expected.items() for fault in faults_of(layout, source, day, rows)]


def main() -> None:
    """Do what the arguments say and print the result."""
    source = sys.argv[1]
    expected = {date.fromisoformat(day): rows for day, rows in json.loads(sys.argv[2]).items()}
    measured = run(source, list(expected))
    print(json.dumps({**measured, "faults": faults(source, expected)}))  # noqa: T201


if __name__ == "__main__":
    main()
