"""The demo's own folder and environment, so that nothing of it meets the user's data, settings or Dagster history."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from runs_assets.sandbox.story import WATCH_FILE

FOLDER = ".demo"
SETTINGS = ("CLOUDCRUISE_", "PRODUCTSUP_", "RUNS_ASSETS_", "DAGSTER_")
LOOPBACK = "127.0.0.1,localhost"
LOCATION = "SANDBOX (simulated runs)"

# nux is the sign-up dialog that would cover the page. Without a limit, a run whose process was killed shows as running
# for ever and counts among the ten that may run at once.
DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring: {enabled: true, max_runtime_seconds: 600}
python_logs: {managed_python_loggers: [runs_assets], python_log_level: INFO}
"""
WORKSPACE_YAML = f"""\
load_from:
  - python_module:
      module_name: runs_assets.definitions
      location_name: "{LOCATION}"
"""


@dataclass(frozen=True)
class DemoFolder:
    """Where everything of the demo lies. Its processes run inside, where no `.env` of the user's is found."""

    root: Path

    @property
    def data(self) -> Path:
        """`RUNS_ASSETS_DATA`."""
        return self.root / "sandbox-data"

    @property
    def dagster_home(self) -> Path:
        """`DAGSTER_HOME`."""
        return self.root / "dagster_home"

    @property
    def logs(self) -> Path:
        """What the demo's processes write, one file each."""
        return self.root / "logs"

    @property
    def workspace(self) -> Path:
        """What the Dagster page loads, under a name that says what it is."""
        return self.root / "workspace.yaml"

    @property
    def watch_file(self) -> Path:
        """`RUNS_ASSETS_WATCH_FILE`."""
        return self.root / "watch.toml"

    def prepare(self, day: date) -> None:
        """Make the folders and the files that Dagster reads; what a demo stored on the same UTC day stays."""
        marker = self.root / "day"
        if not marker.exists() or marker.read_text() != str(day):
            for folder in (self.data, self.dagster_home, self.logs):
                shutil.rmtree(folder, ignore_errors=True)  # another day tells the story of other runs
        for folder in (self.data, self.dagster_home, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML)
        self.workspace.write_text(WORKSPACE_YAML)
        self.watch_file.write_text(WATCH_FILE)
        marker.write_text(str(day))


@contextmanager
def own_folder(parent: Path, day: date) -> Iterator[DemoFolder]:
    """`.demo`, or `.demo-2` and so on while other demos run in those before; prepared, and held to the block's end."""
    for number in count(1):
        folder = DemoFolder(parent / (FOLDER if number == 1 else f"{FOLDER}-{number}"))
        folder.root.mkdir(parents=True, exist_ok=True)
        with suppress(Timeout), FileLock(folder.root / "running.lock", timeout=0):
            folder.prepare(day)
            yield folder
            return


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of this project or of Dagster, and with no proxy before loopback."""
    cleaned = {name: value for name, value in environment.items() if not name.startswith(SETTINGS)}
    for name in ("NO_PROXY", "no_proxy"):
        cleaned[name] = ",".join(filter(None, (LOOPBACK, environment.get(name))))
    return cleaned


def demo_environment(environment: Mapping[str, str], folder: DemoFolder, first_day: date) -> dict[str, str]:
    """What Dagster's processes get, still without the sandbox's addresses; partitions begin at `first_day`."""
    return {
        **without_settings(environment),
        "RUNS_ASSETS_DATA": str(folder.data),
        "RUNS_ASSETS_WATCH_FILE": str(folder.watch_file),
        "RUNS_ASSETS_FIRST_DAY": first_day.isoformat(),
        "DAGSTER_HOME": str(folder.dagster_home),
    }
