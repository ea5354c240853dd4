"""What Dagster alone takes: `python -m runs_assets_tests.benchmark.bare DAY [CHECKS]` materializes one day of four assets.

They are trivial, and so are the checks, of which there are none unless a number is given.
Prints `{"peak_bytes": ...}`. Imports nothing of this project.
"""

import json
import sys
from collections.abc import Iterator
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


def trivial_checks(count: int) -> dg.AssetChecksDefinition:
    """A step with so many checks of the assets, all of which pass."""
    specs = [dg.AssetCheckSpec(f"check_{n}", asset=ASSETS[n % len(ASSETS)].key) for n in range(count)]

    @dg.multi_asset_check(name="checks", specs=specs)
    def passing() -> Iterator[dg.AssetCheckResult]:
        for spec in specs:
            yield dg.AssetCheckResult(passed=True, asset_key=spec.asset_key, check_name=spec.name)

    return passing


ASSETS = [trivial("raw_runs"), *(trivial(name, "raw_runs") for name in ("runs", "run_status_counts", "failure_rates"))]


def main() -> None:
    """Materialize them and print the peak."""
    day, checks = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    definitions = dg.Definitions(
        ASSETS,
        asset_checks=[trivial_checks(checks)] if checks else [],
        jobs=[dg.define_asset_job("daily", ASSETS)],
    )
    job = definitions.resolve_job_def("daily")
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        job.execute_in_process(instance=instance, partition_key=day)
    print(json.dumps({"peak_bytes": peak_bytes()}))  # noqa: T201


if __name__ == "__main__":
    main()
