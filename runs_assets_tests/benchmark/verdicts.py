"""One refresh of the verdict tables from stored days: `python -m runs_assets_tests.benchmark.verdicts FOLDER [DAYS]`.

DAYS are judged, 90 by default. Prints JSON: `seconds` of the refresh, `peak_bytes` of the whole process, `imports_bytes` of them before it began,
`pipelines` (rows of `pipeline_health`), and `stages`: by the names of the steps, `seconds` that each took, and
`peak_bytes` of the process after it.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from runs_assets.accounts import SOURCES
from runs_assets.storage.layout import Layout
from runs_assets.verdicts import pipeline_health, refresh, tables
from runs_assets.watch_file import WatchFile
from runs_assets_tests.benchmark.process import peak_bytes

WINDOW_DAYS = 90
STAGES = {
    refresh: ("load_history", "store_verdicts"),
    tables: (
        "failure_streaks",
        "success_durations",
        "failure_trends",
        "silences",
        "hanging_runs",
        "failure_reasons",
        "outages",
        "pipeline_health",
    ),
    pipeline_health: ("_versions",),
}
"""The steps of a refresh, by the modules that take them."""

Stages = dict[str, dict[str, float]]


def measured_stages() -> Stages:
    """What the steps take from now on; filled as they are taken."""
    found: Stages = {}
    for module, names in STAGES.items():
        for name in names:
            setattr(module, name, _measured(getattr(module, name), name.lstrip("_"), found))
    return found


def _measured(step: Callable[..., Any], name: str, into: Stages) -> Callable[..., Any]:
    @wraps(step)
    def measured(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        result = step(*args, **kwargs)
        seconds = into.get(name, {"seconds": 0.0})["seconds"] + time.perf_counter() - begun
        into[name] = {"seconds": seconds, "peak_bytes": peak_bytes()}
        return result

    return measured


def main() -> None:
    """Refresh and print what it took."""
    imports_bytes, stages = peak_bytes(), measured_stages()
    folder, *window = sys.argv[1:]
    judge = refresh.Judge(Layout(Path(folder)), int(window[0]) if window else WINDOW_DAYS, WatchFile())
    begun = time.perf_counter()
    refreshed = judge.refresh(SOURCES)
    seconds = time.perf_counter() - begun
    if refreshed.failures:
        raise RuntimeError(str(refreshed.failures))
    pipelines = refreshed.tables[pipeline_health.PIPELINE_HEALTH.name].num_rows
    memory = {"peak_bytes": peak_bytes(), "imports_bytes": imports_bytes}
    print(json.dumps({"seconds": seconds, **memory, "pipelines": pipelines, "stages": stages}))  # noqa: T201


if __name__ == "__main__":
    main()
