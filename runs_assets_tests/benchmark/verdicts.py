"""One refresh of the verdict tables from stored days: `python -m runs_assets_tests.benchmark.verdicts FOLDER [DAYS]`.

DAYS are judged, 90 by default. Prints JSON: `seconds` of the refresh, `peak_bytes` of the whole process, and
`pipelines` (rows of `pipeline_health`).
"""

import json
import sys
import time
from pathlib import Path

from runs_assets.accounts import SOURCES
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.refresh import Judge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.benchmark.process import peak_bytes

WINDOW_DAYS = 90


def main() -> None:
    """Refresh and print what it took."""
    folder, *window = sys.argv[1:]
    judge = Judge(Layout(Path(folder)), int(window[0]) if window else WINDOW_DAYS, WatchFile())
    begun = time.perf_counter()
    refreshed = judge.refresh(SOURCES)
    seconds = time.perf_counter() - begun
    if refreshed.failures:
        raise RuntimeError(str(refreshed.failures))
    pipelines = refreshed.tables[PIPELINE_HEALTH.name].num_rows
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(), "pipelines": pipelines}))  # noqa: T201


if __name__ == "__main__":
    main()
