"""Where one machine, one daemon and one database end: arithmetic on what was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runs_assets.automation.jobs import MAX_RUNS
from runs_assets.settings import ProjectSettings

RUNS_A_DAY = {"run of today": 24, "run of one day": 5, "run of three days": 6, "check run": 1}
"""Of one account: every hour, ten of earlier days and the nightly one, and the morning's checks."""
READINGS = 35
"""After each of which the tables are built."""
TICKS_A_DAY, TICKS_OVER_ALL_A_DAY, SKIPPED_TICKS_KEPT_DAYS = 1440, 2880, 7
TICK_EVERY_SECONDS, READ_EVERY_SECONDS, DAY_SECONDS = 60, 3_600, 86_400
REFRESHES_APART_SECONDS = 30
USED = 0.5
"""Of what there is: the rest is for backfills, for the page, and for when all come at once."""
KEPT_DAYS: int = ProjectSettings.model_fields["history_days"].default + 1
MOST_ACCOUNTS = 10_000
DISK_BYTES = 100e9


@dataclass(frozen=True)
class Account:
    """What one run of each kind, one refresh and one tick add, of each thing that is counted."""

    added: Mapping[str, Mapping[str, float]]

    def a_day(self, what: str) -> float:
        """All runs of a day, and the refreshes that follow them, if it is the only account."""
        runs = sum(times * self.added[kind][what] for kind, times in RUNS_A_DAY.items())
        return runs + READINGS * self.added["refresh"][what]

    def kept(self, what: str, years: int) -> float:
        """What is left after so many years: the last days whole, and of each older day the run that is its newest."""
        newest = (self.added["run of one day"][what] + self.added["run of three days"][what]) / 2
        ticks = TICKS_A_DAY * SKIPPED_TICKS_KEPT_DAYS * self.added["tick"][what]
        return KEPT_DAYS * self.a_day(what) + ticks + 365 * years * newest


@dataclass(frozen=True)
class Line:
    """A cost that grows with the accounts as a straight line: what it is beside none, and what each adds."""

    base: float
    each: float

    @classmethod
    def through(cls, costs: Mapping[int, float]) -> "Line":
        """The line from the fewest to the most accounts that were measured; none falls, whatever the noise."""
        few, many = min(costs), max(costs)
        each = max(0.0, (costs[many] - costs[few]) / (many - few))
        return cls(costs[few] - few * each, each)

    def at(self, count: int) -> float:
        """The cost beside so many accounts."""
        return self.base + count * self.each


@dataclass(frozen=True)
class Work:
    """The processor time, in seconds, of what a machine does for its accounts.

    `start` is that of a process that loads the definitions, `refresh` that of building the tables after one account was
    read; `tick` is that of the daemon and the code server together, `runs` those of an account's runs of a day after their
    start, without refreshes.
    """

    start: Line
    refresh: Line
    tick_over_all: Line
    tick: float
    runs: float

    def a_day(self, count: int) -> float:
        """Of so many accounts. One refresh at a time follows all readings that ended during the one before."""
        refresh = self.start.at(count) + self.refresh.at(count)
        refreshes = min(READINGS * count, DAY_SECONDS / (refresh + REFRESHES_APART_SECONDS))
        own = sum(RUNS_A_DAY.values()) * self.start.at(count) + self.runs + TICKS_A_DAY * self.tick
        return count * own + refreshes * refresh + TICKS_OVER_ALL_A_DAY * self.tick_over_all.at(count)

    def most_accounts(self, cores: int) -> int:
        """As many as keep half of the cores busy."""
        return _most(lambda count: self.a_day(count) <= USED * cores * DAY_SECONDS)


def most_ticked(tick_seconds: float, over_all: Line) -> int:
    """As many accounts as one daemon evaluates one after the other in half of a minute."""
    twice = TICK_EVERY_SECONDS / REFRESHES_APART_SECONDS
    return _most(lambda count: count * tick_seconds + twice * over_all.at(count) <= USED * TICK_EVERY_SECONDS)


def most_refreshed(of_all: Line) -> int:
    """As many accounts as one refresh judges in half of an hour, after which all of them were read again."""
    return _most(lambda count: of_all.at(count) <= USED * READ_EVERY_SECONDS)


def most_pruned() -> int:
    """As many accounts as have no more runs a day than one night's deletion takes, each with its own refreshes."""
    return MAX_RUNS // (sum(RUNS_A_DAY.values()) + READINGS)


def most_kept(account: Account, years: int) -> int:
    """As many accounts as leave a disk half empty after so many years."""
    return int(USED * DISK_BYTES / account.kept("database bytes", years))


def _most(fits: Callable[[int], bool]) -> int:
    return next((count - 1 for count in range(1, MOST_ACCOUNTS) if not fits(count)), MOST_ACCOUNTS)
