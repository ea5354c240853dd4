"""What Dagster alone takes: `python -m runs_assets_tests.benchmark.bare` materializes one trivial asset.

Prints `{"peak_bytes": ...}`. Imports nothing of this project.
"""

import json
from tempfile import TemporaryDirectory

import dagster as dg

from runs_assets_tests.benchmark.process import peak_bytes, temporary_instance


@dg.asset
def trivial() -> None:
    """Nothing."""


def main() -> None:
    """Materialize it and print the peak."""
    with TemporaryDirectory() as folder, temporary_instance(folder) as instance:
        dg.materialize([trivial], instance=instance)
    print(json.dumps({"peak_bytes": peak_bytes()}))  # noqa: T201


if __name__ == "__main__":
    main()
