"""The report on a judged year: `python -m runs_assets_tests.benchmark.page FOLDER`.

Prints JSON: `seconds` of the whole report, `fleet_seconds` of them until it is computed, `peak_bytes` of the whole
process, `page_bytes`, and `pipelines`.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from runs_assets.accounts import SOURCES
from runs_assets.insight.fleet import fleet_of
from runs_assets.report.publishing import publish
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile
from runs_assets_tests.benchmark.process import peak_bytes
from runs_assets_tests.benchmark.year import DAYS, NOW
from runs_assets_tests.files_on_disk import on_disk


def main() -> None:
    """Write the report and print what it took."""
    layout = Layout(Path(sys.argv[1]))
    begun = time.perf_counter()
    fleet = fleet_of(layout, WatchFile(), SOURCES, now=NOW, window_days=DAYS, longest_unread=timedelta(hours=6))
    computed = time.perf_counter()
    page = publish(layout, fleet)
    took = {"seconds": time.perf_counter() - begun, "fleet_seconds": computed - begun, "peak_bytes": peak_bytes()}
    print(json.dumps({**took, "page_bytes": on_disk(page).stat().st_size, "pipelines": len(fleet.pipelines)}))  # noqa: T201


if __name__ == "__main__":
    main()
