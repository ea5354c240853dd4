"""The demo's days, read from the sandbox by one real Dagster run per source, shown while they come in, and judged."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange, utc_now
from runs_assets.demo.environment import DemoFolder
from runs_assets.demo.errors import DemoError
from runs_assets.demo.processes import POLL_SECONDS, Child, running
from runs_assets.instance.run_tags import REFRESH_VERDICTS, range_tags
from runs_assets.storage.layout import RAW_RUNS, Layout

DATA_SETS = (RAW_RUNS, RUNS.name, RUN_STATUS_COUNTS.name, FAILURE_RATES.name)
_ERROR = re.compile(r"^[\w.]*(?:Failure|Error|Exception): .+", re.MULTILINE)


def prepare_instance(env: Mapping[str, str], folder: DemoFolder) -> None:
    """Create Dagster's databases, or bring those of an older Dagster up to date.

    Without it both runs would create them at the same time, and one would fail (measured).
    """
    _complete("Preparing Dagster's history", ["dagster", "instance", "migrate"], env, folder, "instance")


def ask_names(env: Mapping[str, str], folder: DemoFolder) -> None:
    """Store what the pipelines are called; raises `DemoError` if that cannot be done."""
    _complete("Asking for the names of pipelines", ["runs_assets.demo.names"], env, folder, "names")


def judge(env: Mapping[str, str], folder: DemoFolder) -> None:
    """Build the tables over all days; raises `DemoError` if the run fails."""
    job = ["dagster", "job", "execute", "-m", "runs_assets.definitions", "-j", REFRESH_VERDICTS]
    _complete("Judging the days", job, env, folder, "verdicts")


def _complete(does: str, arguments: Sequence[str], env: Mapping[str, str], folder: DemoFolder, log: str) -> None:
    with running(does, arguments, env=env, cwd=folder.root, log=folder.logs / f"{log}.log") as child:
        while child.status is None:
            time.sleep(POLL_SECONDS)
        _check_success([child])


def materialize(
    console: Console, sources: Sequence[str], days: DayRange, env: Mapping[str, str], folder: DemoFolder
) -> None:
    """Read the days of all sources, side by side; raises `DemoError` if a run fails."""
    since = utc_now()
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(console))
        tasks = {source: progress.add_task(source, total=len(days) * len(DATA_SETS), days="") for source in sources}
        runs = [stack.enter_context(_run(source, days, env, folder)) for source in sources]
        is_over = False
        while not is_over:
            is_over = all(run.status is not None for run in runs)
            for source, task in tasks.items():
                written = [_written(folder, data_set, source, days, since) for data_set in DATA_SETS]
                progress.update(task, completed=sum(written), days=f"{written[-1]} of {len(days)} days")
            time.sleep(POLL_SECONDS)
    _check_success(runs)


def _run(source: str, days: DayRange, env: Mapping[str, str], folder: DemoFolder) -> AbstractContextManager[Child]:
    job = ["-m", "runs_assets.definitions", "-j", f"{source}_daily", "--tags", json.dumps(range_tags(days))]
    log = folder.logs / f"{source}.log"
    return running(f"Reading {source}", ["dagster", "job", "execute", *job], env=env, cwd=folder.root, log=log)


def _written(folder: DemoFolder, data_set: str, source: str, days: DayRange, since: datetime) -> int:
    """How many of the days' files are newer than `since` (UTC)."""
    entries = [Layout(folder.data).day_file(data_set, source, day).entry() for day in days.newest_first()]
    return sum(entry is not None and entry.modified_at >= since for entry in entries)


def _check_success(children: Sequence[Child]) -> None:
    """Raise `DemoError` with the error lines of those that failed."""
    failed = [child for child in children if child.status != 0]
    if failed:
        raise DemoError("\n".join(_failure(child) for child in failed))


def _failure(child: Child) -> str:
    """The first error of each kind, which is the one that Dagster's later ones follow from."""
    errors = [error.removeprefix("dagster._core.definitions.events.") for error in _ERROR.findall(child.output)]
    lines = list(dict.fromkeys(errors))[:3] or child.tail
    return "\n".join([f"{child.does} failed:", *lines, f"Full log: {child.log}"])


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[days]}"), TimeElapsedColumn()
    return Progress(*columns, console=console)
