"""The measurements: which processes run, in which order, and the figures that follow from them.

Everything measured runs in a fresh process; this one stays small, because a child's `ru_maxrss` begins at the size of
the process that started it. The children see none of the caller's settings: only those given here.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHECKOUT = Path(__file__).parents[2]
OWN_PREFIXES = ("CLOUDCRUISE_", "PRODUCTSUP_", "RUNS_ASSETS_", "DAGSTER_")
LONGEST_SECONDS = 300
FIRST_DAY = date(2025, 1, 1)
SMALL_DAY, LARGE_DAY = date(2025, 4, 2), date(2025, 4, 4)
RANGE = [date(2025, 3, 1) + timedelta(days=n) for n in range(31)]
PEAK_DAY = RANGE[15]
IMPORT_TRIES = 5
YEAR_DAYS = 365

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many runs the days hold, and how often each speed is measured."""

    small: int = 100_000
    large: int = 400_000
    peak: int = 200_000
    other: int = 20_000
    rounds: int = 3

    @property
    def range_days(self) -> dict[date, int]:
        """The 31 days, one of which is large."""
        return {day: self.peak if day == PEAK_DAY else self.other for day in RANGE}

    @property
    def days(self) -> dict[date, int]:
        """Everything that is served, by day."""
        return {**self.range_days, SMALL_DAY: self.small, LARGE_DAY: self.large}

    def rows_after(self, day: date) -> int:
        """How many runs are newer than those of a day: the offset at which it begins."""
        return sum(count for other, count in self.days.items() if other > day)


@dataclass
class Speed:
    """The best time (seconds) for the small and for the large day, of the project and of the floor."""

    plan: Plan
    seconds: dict[tuple[str, date], list[float]] = field(default_factory=lambda: defaultdict(list))

    def rows_per_second(self, who: str) -> float:
        """The marginal rate: what the large day has more, by the time it takes more."""
        longer = min(self.seconds[who, LARGE_DAY]) - min(self.seconds[who, SMALL_DAY])
        return (self.plan.large - self.plan.small) / longer if longer > 0 else float("nan")

    @property
    def ratio(self) -> float:
        """The project's rate as a part of the floor's."""
        return self.rows_per_second("project") / self.rows_per_second("floor")


@dataclass
class Measured:
    """What was found for one source. Memory is in bytes, the peak of a whole process; durations are in seconds."""

    source: str
    speed: Speed
    large_peak: int = 0
    range_peak: int = 0
    range_day_peak: int = 0
    assets: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def measure_source(source: str, plan: Plan, say: Say) -> Measured:
    """Everything about one source, against a server of its own."""
    found = Measured(source, Speed(plan))
    say(f"{source}: serializing {sum(plan.days.values()):,} runs")
    with serving(source, plan) as url:
        for number in range(1, plan.rounds + 1):
            say(f"{source}: speed, round {number} of {plan.rounds}")
            for day in (SMALL_DAY, LARGE_DAY):
                _time_floor(found, url, day)
                _time_project(found, url, day)
        say(f"{source}: memory, {len(RANGE)} days and the largest of them alone")
        found.range_day_peak = _materialized(found, url, {PEAK_DAY: plan.peak})["peak_bytes"]
        found.range_peak = _materialized(found, url, plan.range_days)["peak_bytes"]
    return found


def _time_floor(found: Measured, url: str, day: date) -> None:
    plan = found.speed.plan
    with TemporaryDirectory() as folder:
        first, count = str(plan.rows_after(day)), str(plan.days[day])
        result = _module("floor", found.source, url, str(day), first, count, f"{folder}/runs.parquet")
    if result["rows"] < 0.99 * plan.days[day]:
        found.faults.append(f"the floor read only {result['rows']:,} of {plan.days[day]:,} runs of {day}")
    found.speed.seconds["floor", day].append(result["seconds"])


def _time_project(found: Measured, url: str, day: date) -> None:
    result = _materialized(found, url, {day: found.speed.plan.days[day]})
    times = found.speed.seconds["project", day]
    times.append(result["seconds"])
    if day == LARGE_DAY:
        found.large_peak = max(found.large_peak, result["peak_bytes"])
        found.assets = result["assets"] if min(times) == times[-1] else found.assets


def _materialized(found: Measured, url: str, days: Mapping[date, int]) -> dict[str, Any]:
    """Run the job for these days into an empty folder, and keep what the check says."""
    with TemporaryDirectory() as data:
        expected = json.dumps({str(day): count for day, count in days.items()})
        result = _module("materialize", found.source, expected, settings=_settings(url, data))
    found.faults += result["faults"]
    return result


@dataclass(frozen=True)
class Refreshed:
    """What judging a year of days took: memory is in bytes, the peak of a whole process; durations are in seconds.

    `stages` are the seconds of each step and the peak after it, in the order of the steps.
    """

    rows: int
    expected_pipelines: int
    pipelines: int
    seconds: float
    peak_bytes: int
    imports_bytes: int
    writing_seconds: float
    stages: Mapping[str, tuple[float, int]]


def measure_refresh(runs_a_day: int, say: Say) -> Refreshed:
    """Write a year of days and judge it."""
    with TemporaryDirectory() as folder:
        say(f"verdicts: writing a year of {runs_a_day:,} runs a day")
        year = _module("year", folder, str(runs_a_day))
        say("verdicts: judging it")
        found = _module("verdicts", folder)
    return Refreshed(
        rows=year["rows"],
        expected_pipelines=year["pipelines"],
        pipelines=found["pipelines"],
        seconds=found["seconds"],
        peak_bytes=found["peak_bytes"],
        imports_bytes=found["imports_bytes"],
        writing_seconds=year["seconds"],
        stages={name: (stage["seconds"], stage["peak_bytes"]) for name, stage in found["stages"].items()},
    )


@dataclass(frozen=True)
class Reported:
    """What the report on a year took: memory is in bytes, the peak of a whole process; durations are in seconds."""

    rows: int
    expected_pipelines: int
    pipelines: int
    seconds: float
    fleet_seconds: float
    peak_bytes: int
    page_bytes: int


def measure_report(runs_a_day: int, say: Say) -> Reported:
    """Write a year of days, judge all of it, and write the report."""
    with TemporaryDirectory() as folder:
        say(f"report: writing a year of {runs_a_day:,} runs a day")
        year = _module("year", folder, str(runs_a_day))
        say("report: judging all of it")
        _module("verdicts", folder, str(YEAR_DAYS))
        say("report: writing it")
        return Reported(rows=year["rows"], expected_pipelines=year["pipelines"], **_module("page", folder))


def bare_peak() -> int:
    """The peak (bytes) of a process in which Dagster does next to nothing."""
    return int(_module("bare")["peak_bytes"])


def import_seconds() -> tuple[float, float]:
    """The best time to import Dagster, and the best to import this project's definitions, Dagster included."""
    modules = ("dagster", "runs_assets.definitions")
    tries = [[_import_time(module) for module in modules] for _ in range(IMPORT_TRIES)]
    dagster, project = (min(times) for times in zip(*tries, strict=True))
    return dagster, project


def _import_time(module: str) -> float:
    timing = f"import time; begun = time.perf_counter(); import {module}; print(time.perf_counter() - begun)"
    return float(_output(["-c", timing], {}))


@contextmanager
def serving(source: str, plan: Plan) -> Iterator[str]:
    """The base URL of a server that has the plan's days, in its own process."""
    days = json.dumps({str(day): count for day, count in plan.days.items()})
    command = [sys.executable, "-m", f"{__package__}.server", source, days]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment({}), cwd=CHECKOUT
    ) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        if not url:
            raise RuntimeError("the benchmark's server did not start")
        yield url  # leaving the block closes the server's standard input, which ends it


def _settings(url: str, data: str) -> dict[str, str]:
    return {
        "CLOUDCRUISE_API_KEY": "benchmark",
        "CLOUDCRUISE_BASE_URL": url,
        "CLOUDCRUISE_RETENTION_DAYS": "3660",
        "CLOUDCRUISE_PAGE_SIZE": "10000",
        "PRODUCTSUP_CDE_BASE_URL": url,
        "PRODUCTSUP_CDE_TOKEN": "benchmark",
        "PRODUCTSUP_CDE_PAGE_SIZE": "1000",
        "RUNS_ASSETS_DATA": data,
        "RUNS_ASSETS_FIRST_DAY": str(FIRST_DAY),
    }


def _module(name: str, *arguments: str, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a module of this benchmark; returns the JSON object that it prints last."""
    found: dict[str, Any] = json.loads(
        _output(["-m", f"{__package__}.{name}", *arguments], settings or {}).splitlines()[-1]
    )
    return found


def _output(arguments: list[str], settings: Mapping[str, str]) -> str:
    """What Python prints for these arguments, run in an empty folder (where there is no `.env`)."""
    with TemporaryDirectory() as empty:
        ended = subprocess.run(
            [sys.executable, *arguments],
            env=_environment(settings),
            cwd=empty,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} ended with {ended.returncode}:\n{ended.stderr[-4000:]}")
    return ended.stdout


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of this project or of Dagster, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIXES)}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), **settings}
