"""More accounts and more years, simulated: `python -m runs_assets_tests.benchmark.growth [--quick] [--write]`.

Not part of the tests. Exit status 1 if something grows that should not. Every size is measured: of the ticks, of the
refreshes and the check run on a disk in processor time, of one account in a bucket in requests (to moto, by a proxy that
counts them). What the runs of a day leave behind is measured once, for one of each kind, and multiplied by how often
there is one. `--write` writes the tables of `runs_assets/deploy/README.md`. It needs the extra `cluster`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rich.console import Console

import runs_assets
from runs_assets.days import DayRange
from runs_assets.storage.layout import Layout
from runs_assets_tests.benchmark.children import module
from runs_assets_tests.benchmark.figures import exit_status, shown
from runs_assets_tests.benchmark.growth.accounts import account_names, accounts, settings
from runs_assets_tests.benchmark.growth.ends import Account
from runs_assets_tests.benchmark.growth.stored import copy, share, write_days
from runs_assets_tests.benchmark.growth.tables import Cell, Measured, limits, report
from runs_assets_tests.benchmark.machine import machine
from runs_assets_tests.cluster.databases import postgres
from runs_assets_tests.cluster.servers import BUCKET, ObjectServer, moto
from runs_assets_tests.readme import write

MODULE = "runs_assets_tests.benchmark.growth --write"
README = Path(runs_assets.__file__).parent / "deploy" / "README.md"
FIRST = "account_000"
LOADS, AT_ONCE = 3, 2
"""Two sizes at a time: what counts is their own processor time, and their requests."""


@dataclass(frozen=True)
class Plan:
    """How large it is, and who is told how far it is; `runs` of each kind are the mean that is multiplied."""

    say: Callable[[str], None]
    accounts: tuple[int, ...] = (1, 10, 100)
    years: tuple[int, ...] = (1, 5, 10)
    days_a_year: int = 365
    runs: int = 8
    lived_days: int = 14

    @classmethod
    def quick(cls, say: Callable[[str], None]) -> "Plan":
        """To see that it works: years as long as the tables look back."""
        return cls(say, accounts=(1, 3), years=(1, 2), days_a_year=90, runs=1, lived_days=5)


def measured(plan: Plan) -> Measured:
    """Measure all of it, in a folder that is gone afterwards."""
    now = _last_noon()
    with TemporaryDirectory() as folder, moto(_made(folder, "moto")) as objects, _reached(objects):
        layout, bucket = Layout(_made(folder, "days")), Layout(f"s3://{BUCKET}/growth")
        shared = {count: Layout(Path(folder, f"of {count}")) for count in plan.accounts}
        cells, requests = [], []
        for years, days in _histories(plan, now.date()):
            plan.say(f"{years} years: writing the days of an account")
            write_days(layout, accounts(1)[0], days, now)
            copy(layout, bucket, FIRST, days)
            plan.say(f"{years} years: ticks, refreshes and check runs")
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for count, its in sorted(shared.items(), reverse=True):
                    share(layout, FIRST, its, account_names(count))
                    cells.append(pool.submit(_cell, plan, its, years, count, days.first, now))
                requests.append(pool.submit(_cell, plan, bucket, years, 1, days.first, now, objects))
        plan.say("loading the definitions, and the daemon's ticks")
        variables = {count: settings(its.root, days.first, count, now) for count, its in shared.items()}
        loads = {count: _load_seconds(its) for count, its in variables.items()}
        daemon = module("growth.daemon", settings=variables[plan.accounts[1]])["seconds"]
        plan.say("what runs leave in Dagster's database: PostgreSQL")
        with postgres(Path(folder, "postgres.log")) as port:
            ports = (objects.port, port)
            on_servers = module("growth.dagster_database", plan.runs, 0, *ports, settings=objects.environment)
        plan.say("what runs leave in Dagster's database: SQLite")
        on_a_machine = module("growth.dagster_database", plan.runs, plan.lived_days)
        ledger = layout.ledger_file(FIRST).entry()
    added = {kind: {**on_a_machine["added"][kind], **values} for kind, values in on_servers["added"].items()}
    return Measured(
        cells=[cell.result() for cell in cells],
        requests=[cell.result() for cell in requests],
        loads=loads,
        daemon_tick=daemon,
        account=Account(added),
        lived=on_a_machine["lived"],
        ledger_bytes=ledger.size if ledger else 0,
    )


def _histories(plan: Plan, today: date) -> Iterator[tuple[int, DayRange]]:
    """Each number of years, with the days that it has more than the one before it."""
    last = today
    for years in plan.years:
        first = today - timedelta(days=years * plan.days_a_year - 1)
        yield years, DayRange(first, last)
        last = first - timedelta(days=1)


def _cell(
    plan: Plan, layout: Layout, years: int, count: int, first: date, now: datetime, objects: ObjectServer | None = None
) -> Cell:
    variables = settings(layout.root, first, count, now) | (objects.environment if objects else {})
    arguments = (count, now.isoformat(), *([objects.port] if objects else []))
    ended = module("growth.costs", *arguments, settings=variables)
    plan.say(f"{years} years, {count} accounts{' in a bucket' if objects else ''}: {ended.seconds:.0f} s")
    costs: Mapping[str, float] = ended["costs"]
    return Cell(count, years, costs)


def _load_seconds(variables: Mapping[str, str]) -> float:
    """Processor time of a process that loads the definitions, Python and Dagster included; the best of some."""
    return min(module("growth.loaded", settings=variables).cpu_seconds for _ in range(LOADS))


def _last_noon() -> datetime:
    """Not in the hours in which settled days are read again."""
    now = datetime.now(UTC)
    noon = datetime.combine(now.date(), time(12), UTC)
    return noon if noon <= now else noon - timedelta(days=1)


def _made(folder: str, name: str) -> Path:
    path = Path(folder, name)
    path.mkdir()
    return path


@contextmanager
def _reached(objects: ObjectServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in objects.environment.items():
            environment.setenv(name, value)
        yield


def main() -> None:
    """Measure, report, and exit with 1 if a figure is beyond its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets_tests.benchmark.growth", description="More accounts and more years, simulated."
    )
    parser.add_argument("--quick", action="store_true", help="years of 90 days, and few accounts: does it work?")
    parser.add_argument("--write", action="store_true", help="write the tables of runs_assets/deploy/README.md")
    options = parser.parse_args()
    if options.write and options.quick:
        parser.error("--write needs everything, measured whole")
    console = Console(log_path=False, width=160)
    found = measured(Plan.quick(console.log) if options.quick else Plan(console.log))
    figures, text = list(limits(found)), f"{machine()}\n\n{report(found)}"
    console.print(text, markup=False, soft_wrap=True)
    console.print(shown(figures))
    if options.write:
        write(MODULE, text, README)
    sys.exit(exit_status(figures))


if __name__ == "__main__":
    main()
