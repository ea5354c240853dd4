"""The definitions of as many accounts as `GROWTH_ACCOUNTS` says, at the time `GROWTH_NOW`; loading them is measured."""

import os

from runs_assets.definitions import definitions_of
from runs_assets_tests.benchmark.growth.accounts import accounts
from runs_assets_tests.project import StoppedClock

defs = definitions_of(accounts(int(os.environ["GROWTH_ACCOUNTS"])), StoppedClock(at=os.environ["GROWTH_NOW"]))

if __name__ == "__main__":
    defs.get_repository_def()
    print("{}")  # noqa: T201
