"""What Dagster alone takes: `python -m runs_assets_tests.benchmark.bare DAY` materializes one day of four trivial assets.

Prints `{"peak_bytes": ...}`. Imports nothing of this project.
"""

import json
import sys
from tempfile import TemporaryDirectory

import dagster as dg

from runs_assets_tests.benchmark.process import peak_bytes, temporary_instance

DAYS = dg.DailyPartitionsDefinition(start_date="2025-01-01")


def trivial(name: str, *after: str) -> dg.AssetsDefinition:
    """An asset of daily partitions that does nothing."""

    @dg.asset(name=name, deps=after, partitions_def=DAYS)
    def nothing() -> None:
        pass

    return nothing


ASSETS = [trivial("raw_runs"), *(trivial(name, "raw_runs") for name in ("runs", "run_status_counts", "failure_rates"))]


def main() -> None:
    """Materialize them and print the peak."""
    job = dg.Definitions(ASSETS, jobs=[dg.define_asset_job("daily", ASSETS)]).resolve_job_def("daily")
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        job.execute_in_process(instance=instance, partition_key=sys.argv[1])
    print(json.dumps({"peak_bytes": peak_bytes()}))  # noqa: T201


if __name__ == "__main__":
    main()
