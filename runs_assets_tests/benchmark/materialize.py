"""One run of a source's daily job by Dagster itself: `python -m runs_assets_tests.benchmark.materialize SOURCE FIRST LAST`.

Both days are inside; the source's settings are read from the environment. Prints JSON: `reading_seconds`, which
`raw_runs` took, and `peak_bytes` of the process.
"""

import json
import sys
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from runs_assets.definitions import defs
from runs_assets_tests.benchmark.process import peak_bytes, temporary_instance


def run(source: str, first: str, last: str) -> dict[str, Any]:
    """Materialize the source's four assets for these days in one run."""
    job = defs.resolve_job_def(f"{source}_daily")
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        result = job.execute_in_process(instance=instance, **_asked(first, last))
        return {"reading_seconds": _seconds(instance, result.run_id, f"{source}__raw_runs"), "peak_bytes": peak_bytes()}


def _asked(first: str, last: str) -> dict[str, Any]:
    if first == last:
        return {"partition_key": first}
    return {"tags": {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}}


def _seconds(instance: dg.DagsterInstance, run_id: str, step_key: str) -> float:
    [step] = instance.get_run_step_stats(run_id, [step_key])
    if step.start_time is None or step.end_time is None:
        raise RuntimeError(f"{step_key} has not ended")
    return step.end_time - step.start_time


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:])))  # noqa: T201
