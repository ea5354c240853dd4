"""Measure what comes of every fault on every source, and write the README's table: `python -m runs_assets_tests.contract`."""

import logging

from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.table import MODULE, README, table
from runs_assets_tests.readme import write


def main() -> None:
    """Takes a minute or two; says nothing of the runs that fail on purpose."""
    logging.disable(logging.CRITICAL)
    with Matrix.opened() as matrix:
        write(MODULE, table(matrix.verdict), README)


if __name__ == "__main__":
    main()
