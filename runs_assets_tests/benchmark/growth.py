"""How fast Dagster's own database grows, and where it stops: `python -W ignore -m runs_assets_tests.benchmark.growth`.

Not part of the tests: it takes some minutes. It counts bytes, so the speed of the machine does not matter. It runs the
project's real job in process against the sandbox, on a Dagster home with the project's `dagster.yaml`, and

* measures what a run and a tick leave on disk, once and for a day and a year of the default cadences;
* lives through `--days` days of fewer runs with the nightly deletion and without, and compares what is left. After each
  deletion every partition must show the materialization that it showed before; exit status 1 if one does not.

A run that the daemon launches writes two events and about 4 KB more than one in process; both leave empty
files of captured output, in two folders of 4 KB, which are counted. 1 MB = 1,000,000 bytes.
"""

import argparse
import logging
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.ref import InstanceRef
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._core.test_utils import freeze_time
from rich.console import Console
from rich.table import Table

import runs_assets_tests
from runs_assets.accounts import SOURCES
from runs_assets.automation.jobs import delete_superseded
from runs_assets.days import DayRange
from runs_assets.definitions import definitions_of
from runs_assets.instance.project import Project
from runs_assets.instance.run_tags import range_tags
from runs_assets.resources import Clock
from runs_assets.sandbox import FrozenClock, Sandbox
from runs_assets.settings import ProjectSettings

DAGSTER_YAML = Path(runs_assets_tests.__file__).parents[1] / "dagster.yaml"
KEEP_DAYS = ProjectSettings.model_fields["history_days"].default
START = datetime(2026, 1, 20, tzinfo=UTC)
SOURCE = "cloudcruise"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

RUNS_OF_TODAY, RUNS_OF_EARLIER_DAYS, NIGHTLY_RUNS = 24, 10, 1
"""Runs a day of one source. Those of earlier days are about one to three days, the nightly one is about three."""
TICKS = 24 * 60
SKIPPED_TICKS_KEPT_DAYS, OTHER_TICKS_KEPT_DAYS = 7, 30
REASON = f"The next day of {SOURCE} that is due is 2026-03-17, at 2026-03-18T13:00:00Z; its last reading was settled."

CLOCK = FrozenClock(START)


class MovedClock(Clock):
    """The time that the sandbox goes by."""

    def now(self) -> datetime:
        """The instant that CLOCK stands at."""
        return CLOCK()


@dataclass
class Home:
    """A Dagster home in a folder, and the project's job in it."""

    folder: Path
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(self, at: datetime, days: DayRange) -> None:
        """Run the daily job at that time; without its checks for today alone, as the sensor does."""
        CLOCK.now = at
        job = self.definitions.resolve_job_def(f"{SOURCE}_daily")
        is_one = days.first == days.last
        if days.first == at.date():
            job = job.get_subset(asset_selection=self.assets, asset_check_selection=frozenset())
        with freeze_time(at):
            job.execute_in_process(
                instance=self.instance,
                run_config=QUIET,
                partition_key=str(days.first) if is_one else None,
                tags=None if is_one else range_tags(days),
            )

    @property
    def assets(self) -> frozenset[dg.AssetKey]:
        """Those of the source."""
        found = self.definitions.resolve_asset_graph().get_all_asset_keys()
        return frozenset(key for key in found if key.path[0] == SOURCE)

    def prune(self, at: datetime) -> int:
        """Delete as the nightly job does at that time; returns the number of runs deleted."""
        project = Project(SOURCES)
        checks = project.checks_in(self.definitions.get_repository_def())
        return delete_superseded(self.instance, project, checks, at - timedelta(days=KEEP_DAYS))[0]

    def tick(self, status: TickStatus) -> None:
        """Record a tick as the daemon does: two identifiers of 40 characters, and what the sensor said."""
        said = {"skip_reason": REASON} if status == TickStatus.SKIPPED else {"run_ids": ["r" * 36], "run_keys": []}
        moment = CLOCK().timestamp()
        sensor = f"{SOURCE}_unsettled_days"
        data = TickData("o" * 40, sensor, InstigatorType.SENSOR, status, moment, selector_id="s" * 40, **said)
        self.instance.create_tick(data)

    def sizes(self) -> dict[str, int]:
        """Bytes on disk, by part."""
        parts = {"a run's own file": "history/runs/*-*.db*", "shared index": "history/runs/index.db*"}
        parts |= {"list of runs": "history/runs.db*", "ticks": "schedules/*", "captured output": "storage/**/*"}
        return {part: sum(file.stat().st_size for file in self.folder.glob(at)) for part, at in parts.items()}

    def newest(self) -> Mapping[tuple[str, str], Any]:
        """What each partition of each asset shows: its newest materialization's metadata."""
        found = {}
        for asset in self.definitions.resolve_asset_graph().get_all_asset_keys():
            for key in self.instance.get_materialized_partitions(asset):
                wanted = dg.AssetRecordsFilter(asset, asset_partitions=[key])
                [record] = self.instance.fetch_materializations(wanted, limit=1).records
                found[asset.to_user_string(), key] = record.asset_materialization
        return found


@contextmanager
def new_home() -> Iterator[Home]:
    """An empty one, with a sandbox that has a tenth of the usual runs."""
    with (
        TemporaryDirectory() as folder,
        Sandbox.simulated(days=40, volume=0.1, clock=CLOCK) as sandbox,
        pytest.MonkeyPatch.context() as environment,
    ):
        home = Path(folder, "dagster_home")
        home.mkdir()
        shutil.copy(DAGSTER_YAML, home)
        environment.setenv("CLOUDCRUISE_BASE_URL", sandbox.cloudcruise_url)
        environment.setenv("CLOUDCRUISE_API_KEY", sandbox.api_key)
        environment.setenv("RUNS_ASSETS_DATA", str(Path(folder, "data")))
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
            yield Home(home, instance, definitions_of(SOURCES, MovedClock()))


def grown(home: Home, before: Mapping[str, int], times: int) -> dict[str, float]:
    """Bytes by part that each of so many repetitions added."""
    return {part: (size - before[part]) / times for part, size in home.sizes().items()}


def measured(home: Home, runs: int) -> dict[str, dict[str, float]]:
    """Bytes by part that one of each thing adds, the mean of `runs` of them (of 500 for ticks)."""
    today, yesterday = START.date(), START.date() - timedelta(days=1)
    kinds = {
        "run of today": DayRange(today, today),
        "run of one day": DayRange(yesterday, yesterday),
        "run of three days": last_three(yesterday),
    }
    found = {}
    for kind, days in kinds.items():
        home.run(START + timedelta(hours=12), days)  # the first of a kind also stores what later ones share
        before = home.sizes()
        for _ in range(runs):
            home.run(START + timedelta(hours=12), days)
        found[kind] = grown(home, before, runs)
    for kind, status in (("skipped tick", TickStatus.SKIPPED), ("tick with a run", TickStatus.SUCCESS)):
        before = home.sizes()
        for _ in range(500):
            home.tick(status)
        found[kind] = grown(home, before, 500)
    return found


def last_three(day: date) -> DayRange:
    """The day and the two before it."""
    return DayRange(day - timedelta(days=2), day)


def show_costs(console: Console, found: Mapping[str, Mapping[str, float]]) -> None:
    """What one of each thing leaves on disk."""
    table = Table(title=f"Bytes on disk, without deletion (job {SOURCE}_daily)")
    for heading in ("", *next(iter(found.values())), "together"):
        table.add_column(heading, justify="right" if heading else "left")
    for kind, parts in found.items():
        table.add_row(kind, *(f"{size:,.0f}" for size in parts.values()), f"{sum(parts.values()):,.0f}")
    console.print(table)


def show_year(console: Console, found: Mapping[str, Mapping[str, float]]) -> None:
    """A day and a year of the default cadences, with all sources, by arithmetic."""
    today, one, three, skipped, asking = (sum(parts.values()) for parts in found.values())
    sources, earlier = len(SOURCES), (one + three) / 2
    runs = sources * (RUNS_OF_TODAY * today + RUNS_OF_EARLIER_DAYS * earlier + NIGHTLY_RUNS * three)
    kept_for_good = sources * earlier
    requests = RUNS_OF_TODAY + RUNS_OF_EARLIER_DAYS
    ticks = sources * (TICKS * skipped * SKIPPED_TICKS_KEPT_DAYS + requests * asking * OTHER_TICKS_KEPT_DAYS)
    table = Table("", "MB", title=f"{sources} sources, {requests + NIGHTLY_RUNS} runs a day each")
    rows = {
        "a day's runs": runs,
        "a year's runs and ticks, if nothing is deleted": 365 * (runs + sources * TICKS * skipped),
        "ticks that are kept": ticks,
        f"the runs of the last {KEEP_DAYS + 1} days": (KEEP_DAYS + 1) * runs,
        "older runs that are still the newest of a day, a year": 365 * kept_for_good,
        "all that is kept after the first year": ticks + (KEEP_DAYS + 1) * runs + 365 * kept_for_good,
    }
    for what, size in rows.items():
        table.add_row(what, f"{size / 1e6:,.0f}")
    console.print(table)


def live(console: Console, home: Home, days: int, found: Mapping[str, Mapping[str, float]]) -> bool:
    """Live through so many days of three runs each, with the nightly deletion; whether no partition ever changed."""
    today, three = (sum(found[kind].values()) for kind in ("run of today", "run of three days"))
    console.print("Three runs a day of one source, day by day:")
    deleted, is_same = 0, True
    for number in range(days):
        midnight = datetime.combine(START.date() + timedelta(days=number), time(), UTC)
        home.run(midnight + timedelta(minutes=15), last_three(midnight.date() - timedelta(days=1)))
        before = home.newest()
        deleted += home.prune(midnight + timedelta(hours=4))
        is_same = is_same and home.newest() == before
        for hour in (8, 16):
            home.run(midnight + timedelta(hours=hour), DayRange(midnight.date(), midnight.date()))
        if (number + 1) % 10 == 0:
            left, whole = home.instance.get_runs_count(), (number + 1) * (2 * today + three)
            size = sum(home.sizes().values())
            console.print(
                f"day {number + 1}: {deleted} runs deleted, {left} left; {size / 1e6:.1f} MB left, "
                f"{whole / 1e6:.1f} MB without deletion"
            )
    console.print(f"Every partition shows what it showed before each deletion: {'yes' if is_same else 'NO'}.")
    return is_same


def main() -> None:
    """Measure, live, report."""
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets_tests.benchmark.growth", description="How fast Dagster's own database grows."
    )
    parser.add_argument("--runs", type=int, default=10, help="runs of each kind to take the mean of (default: 10)")
    parser.add_argument("--days", type=int, default=60, help="days to live through (default: 60)")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    console = Console(width=140)
    with new_home() as home:
        found = measured(home, options.runs)
    show_costs(console, found)
    show_year(console, found)
    with new_home() as home:
        sys.exit(0 if live(console, home, options.days, found) else 1)


if __name__ == "__main__":
    main()
