"""The tables of what was measured, and what must not grow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runs_assets_tests.benchmark.figures import Figure, markdown
from runs_assets_tests.benchmark.growth.ends import (
    KEPT_DAYS,
    RUNS_A_DAY,
    TICKS_A_DAY,
    TICKS_OVER_ALL_A_DAY,
    Account,
    Line,
    Work,
    most_kept,
    most_pruned,
    most_refreshed,
    most_ticked,
)
from runs_assets_tests.benchmark.growth.stored import DATA_SETS

CORES = (2, 8)
YEARS_KEPT = (1, 10)


@dataclass(frozen=True)
class Cell:
    """The costs of a number of accounts with a number of years each; see `costs.py`."""

    accounts: int
    years: int
    costs: Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """All that was measured.

    `cells` are in seconds, `requests` those of one account in a bucket; `loads` are the seconds in which a process has
    loaded the definitions, by the number of accounts; `daemon_tick` those of a tick in the daemon; `lived` what some
    days of runs wrote, and what the nightly deletion left, in bytes.
    """

    cells: Sequence[Cell]
    requests: Sequence[Cell]
    loads: Mapping[int, float]
    daemon_tick: float
    account: Account
    lived: Mapping[str, float]
    ledger_bytes: int

    def cost(self, name: str, accounts: int, years: int) -> float:
        """Of one size."""
        return next(cell.costs[name] for cell in self.cells if (cell.accounts, cell.years) == (accounts, years))

    @property
    def counts(self) -> list[int]:
        """The numbers of accounts."""
        return sorted({cell.accounts for cell in self.cells})

    @property
    def years(self) -> list[int]:
        """The numbers of years."""
        return sorted({cell.years for cell in self.cells})

    def line(self, name: str) -> Line:
        """How a cost grows with the accounts, with the most years."""
        return Line.through({count: self.cost(name, count, self.years[-1]) for count in self.counts})

    @property
    def work(self) -> Work:
        """What a machine does, with the most years."""
        runs = sum(times * self.account.added[kind]["seconds"] for kind, times in RUNS_A_DAY.items())
        lines = (Line.through(self.loads), self.line("refresh"), self.line("tick over all"))
        return Work(*lines, self.daemon_tick, runs)


def limits(found: Measured) -> Iterator[Figure]:
    """What should be flat, as ratios within this run; and what was promised of a tick and of the deletion."""
    few, many, first, last = found.counts[0], found.counts[-1], found.years[0], found.years[-1]

    def by_years(name: str) -> float:
        return found.cost(name, few, last) / found.cost(name, few, first)

    def by_accounts(name: str) -> float:
        return found.cost(name, many, last) / found.cost(name, few, last)

    years, accounts = f"{last} years, of {first}", f"{many} accounts, of {few}"
    for name, at_most in FLAT_IN_YEARS.items():
        yield Figure(f"{name}: {years}", (by_years(name),), "{:.2f}", at_most=at_most)
    for name, at_most in FLAT_IN_ACCOUNTS.items():
        yield Figure(f"{name}: {accounts}", (by_accounts(name),), "{:.2f}", at_most=at_most)
    for name, at_most in IN_PROPORTION.items():
        ratio = by_accounts(name) / (many / few)
        yield Figure(f"{name}, for each account: {accounts}", (ratio,), "{:.2f}", at_most=at_most)
    tick = max(cell.costs["tick"] for cell in found.requests)
    yield Figure("requests of a tick in a bucket", (tick,), "{:.1f}", at_most=MOST_REQUESTS)
    written, left = found.lived["written"], found.lived["left"]
    yield Figure(
        "what the nightly deletion leaves, of what was written", (left / written,), "{:.2f}", at_most=MOST_LEFT
    )


FLAT_IN_YEARS = {"tick": 2.5, "refresh": 1.5, "refresh of all": 1.5, "check run": 3.0}
"""A tick reads the ledger, and asks Dagster which days it knows; a check run lists the files."""
FLAT_IN_ACCOUNTS = {"tick": 2.0, "check run": 1.5}
IN_PROPORTION = {"tick over all": 1.5, "refresh of all": 1.5}
MOST_REQUESTS = 3
MOST_LEFT = 0.8


def report(found: Measured) -> str:
    """All tables, in Markdown."""
    return "\n\n".join([_costs(found), _days(found), _ends(found), markdown(limits(found))])


def _costs(found: Measured) -> str:
    requests = {cell.years: cell.costs for cell in found.requests}
    headings = (
        *("accounts", "years", "tick of an account", "tick over all", "refresh of one", "of all"),
        *("check run", "first check run", "loading", "deletion"),
    )
    rows = []
    for cell in sorted(found.cells, key=lambda cell: (cell.accounts, cell.years)):
        costs = cell.costs
        rows.append(
            (
                *(str(cell.accounts), str(cell.years)),
                *(f"{1000 * costs[name]:.0f} ms" for name in ("tick", "tick over all")),
                *(f"{costs[name]:.1f} s" for name in ("refresh", "refresh of all", "check run", "first check run")),
                *(f"{found.loads[cell.accounts]:.1f} s", f"{costs['deletion']:.1f} s"),
            )
        )
    of_one = [
        (
            *("1, in a bucket", str(years)),
            *(f"{costs[name]:.1f} requests" for name in ("tick", "tick over all")),
            *(f"{costs[name]:.0f}" for name in ("refresh", "refresh of all", "check run", "first check run")),
            *("", ""),
        )
        for years, costs in sorted(requests.items())
    ]
    return _table(headings, [*rows, *of_one])


def _days(found: Measured) -> str:
    account = found.account
    costs = max(found.requests, key=lambda cell: cell.years).costs
    ticks = TICKS_A_DAY * costs["tick"] + TICKS_OVER_ALL_A_DAY * costs["tick over all"]
    kept = [f"{account.kept('database bytes', years) / 1e9:.2f} GB after {years} years" for years in YEARS_KEPT]
    on_disk = [f"{account.kept('bytes', years) / 1e9:.2f} GB after {years} years" for years in YEARS_KEPT]
    return _table(
        ("an account", ""),
        [
            ("objects a day that stay", f"{len(DATA_SETS)}"),
            ("its ledger", f"{found.ledger_bytes / 1000:.0f} KB after {found.years[-1]} years"),
            ("requests a day", f"{account.a_day('requests') + ticks:,.0f}, of which ticks {ticks:,.0f}"),
            ("rows a day in Dagster's database", f"{account.a_day('rows'):,.0f} of runs, {TICKS_A_DAY:,} of ticks"),
            (
                f"rows that stay ({KEPT_DAYS} days, the newest of older ones)",
                f"{account.kept('rows', 1):,.0f} after a year",
            ),
            ("PostgreSQL", ", ".join(kept)),
            ("SQLite and its files", ", ".join(on_disk)),
        ],
    )


def _ends(found: Measured) -> str:
    work, over_all = found.work, found.line("tick over all")
    tick = f"{1000 * found.daemon_tick:.0f} ms a tick"
    soon, later = (most_kept(found.account, years) for years in YEARS_KEPT)
    return _table(
        ("what", "ends at"),
        [
            *((f"one machine of {cores} cores", f"{work.most_accounts(cores):,} accounts") for cores in CORES),
            ("one refresh at a time", f"{most_refreshed(found.line('refresh of all')):,} accounts"),
            ("one daemon", f"{most_ticked(found.daemon_tick, over_all):,} accounts, at {tick}"),
            ("one database with 100 GB of disk", f"{soon:,} accounts after a year, {later:,} after {YEARS_KEPT[-1]}"),
            ("one deletion a night", f"{most_pruned():,} accounts"),
        ],
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (headings, ["---"] * len(headings), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
