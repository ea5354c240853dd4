"""Measure both ways, and write the README's table: `python -m runs_assets_tests.comparison`; it needs the extra `comparison`."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from runs_assets.accounts import SOURCES
from runs_assets.sandbox.faults import FAULTS as EVERY_FAULT
from runs_assets_tests.comparison.fortnight import FAULTS, LAG, Fortnight
from runs_assets_tests.comparison.table import MODULE, README, table
from runs_assets_tests.readme import write

NO_LAG = timedelta(0)


def main() -> None:
    """Takes half an hour on two quiet cores; says nothing of the readings that fail."""
    logging.disable(logging.CRITICAL)
    write(MODULE, table(rows()), README)


def rows() -> Iterator[list[str]]:
    """A row for each fault; the first ones are without any."""
    yield ["none, and dlt without a lag", "", *cells(None, NO_LAG)]
    yield ["none", "", *cells(None)]
    for fault in FAULTS:
        yield [f"`{fault}`", EVERY_FAULT[fault].about, *cells(fault)]


def cells(fault: str | None, lag: timedelta = LAG) -> Iterator[str]:
    """What came of it on each platform, dlt first."""
    for source in SOURCES:
        fortnight = Fortnight(source.name, fault)
        yield str(fortnight.with_dlt(lag))
        yield str(fortnight.with_this_project())


if __name__ == "__main__":
    main()
