"""The processes of the benchmark: what is measured runs in a fresh one, and sees none of the caller's settings.

The process that starts them stays small (no numpy, no Dagster), because on Linux a child's `ru_maxrss` begins at the
size of the process that started it.
"""

import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHECKOUT = Path(__file__).parents[2]
OWN_PREFIXES = ("CLOUDCRUISE_", "PRODUCTSUP_", "RUNS_ASSETS_", "DAGSTER_")
NO_PANDAS = 'raise ModuleNotFoundError("No module named pandas: a default installation has none")'
"""The tests need it, so it is here. Where it is, pyarrow imports it as soon as it is given any Python value."""
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""With it, every process would compile all modules again, which none does where the project is installed."""
LONGEST_SECONDS = 900
Days = Mapping[date, int]
"""How many runs each UTC day has."""


@dataclass(frozen=True)
class Ended:
    """A process from its start to its end, and what it printed last."""

    seconds: float
    cpu_seconds: float
    printed: str

    def __getitem__(self, name: str) -> Any:
        """A part of the JSON object that it printed."""
        return json.loads(self.printed)[name]


def module(
    name: str, *arguments: object, settings: Mapping[str, str] | None = None, with_pandas: bool = False
) -> Ended:
    """A module of this benchmark."""
    options = ("-W", "ignore", "-m", f"{__package__}.{name}")
    return python(*options, *map(str, arguments), settings=settings, with_pandas=with_pandas)


def python(*arguments: str, settings: Mapping[str, str] | None = None, with_pandas: bool = False) -> Ended:
    """Python with these arguments, in an empty folder (where there is no `.env`). Raises `RuntimeError` if it fails."""
    with TemporaryDirectory() as empty:
        if not with_pandas:
            (Path(empty) / "pandas.py").write_text(NO_PANDAS)
        begun, cpu = time.perf_counter(), _cpu_of_children()
        ended = subprocess.run(
            [sys.executable, *arguments],
            env=_environment(settings or {}) | {"DLT_DATA_DIR": empty},
            cwd=empty,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
        seconds, cpu_seconds = time.perf_counter() - begun, _cpu_of_children() - cpu
    if ended.returncode:
        raise RuntimeError(f"{' '.join(arguments[:5])} ended with {ended.returncode}:\n{ended.stderr[-4000:]}")
    return Ended(seconds, cpu_seconds, ended.stdout.strip().rpartition("\n")[2])


@dataclass(frozen=True)
class Served:
    """A source's list of runs on loopback."""

    source: str
    url: str
    days: Days

    def requests(self) -> int:
        """How many pages were asked for until now."""
        root = self.url.removesuffix(f"/{self.source}")
        with urllib.request.urlopen(f"{root}/requests") as answer:
            return int(answer.read())

    def materialized(self, first: date, last: date, settings: Mapping[str, str]) -> Ended:
        """Run the source's daily job for these days, both inside. Raises `RuntimeError` if any holds other runs than were served."""
        with TemporaryDirectory() as data:
            ended = module("materialize", self.source, first, last, settings={**_settings(self.url, data), **settings})
            expected = {str(day): count for day, count in self.days.items() if first <= day <= last}
            if faults := module("check", self.source, data, json.dumps(expected))["faults"]:
                raise RuntimeError("\n".join(faults))
        return ended


@contextmanager
def serving(source: str, days: Days, *, wait_seconds: float = 0, kept_days: int = 0) -> Iterator[Served]:
    """A server of these days in its own process; see `server.py`."""
    served = json.dumps({str(day): count for day, count in days.items()})
    arguments = ["-m", f"{__package__}.server", source, served, str(wait_seconds), str(kept_days)]
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment({}),
        cwd=CHECKOUT,
    ) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        if not url:
            raise RuntimeError("the benchmark's server did not start")
        yield Served(source, url, days)  # leaving the block closes the server's standard input, which ends it


def _settings(url: str, data: str) -> dict[str, str]:
    return {
        "CLOUDCRUISE_API_KEY": "benchmark",
        "CLOUDCRUISE_BASE_URL": url,
        "CLOUDCRUISE_RETENTION_DAYS": "3660",
        "PRODUCTSUP_CDE_BASE_URL": url,
        "PRODUCTSUP_CDE_TOKEN": "benchmark",
        "RUNS_ASSETS_DATA": data,
        "RUNS_ASSETS_FIRST_DAY": "2025-01-01",
    }


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of this project or of Dagster, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((*OWN_PREFIXES, NO_BYTECODE))}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), "RUNTIME__DLTHUB_TELEMETRY": "false", **settings}


def _cpu_of_children() -> float:
    """Seconds of processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
