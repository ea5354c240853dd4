"""`.env` as Dagster's own loader handles it: `dagster dev` puts it over the environment, empty values included."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from runs_assets_tests.readme import ROOT

BELOW_THE_LOADER = """
import os
os.environ["DAGSTER_IS_DEV_CLI"] = "1"  # as `dagster dev` does first
from dagster._cli.utils import get_possibly_temporary_instance_for_cli
from runs_assets.sources.cloudcruise.source import CloudCruiseSettings
with get_possibly_temporary_instance_for_cli():
    settings = CloudCruiseSettings.load("CLOUDCRUISE_")
    print(settings.api_key and settings.api_key.get_secret_value(), settings.page_size)
"""


def settings_below_dagster(folder: Path) -> str:
    """The API key and the page size, below the loader of `dagster dev`, with those of the environment from-outside, 7."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BELOW_THE_LOADER],
        cwd=folder,
        env={**os.environ, "CLOUDCRUISE_API_KEY": "from-outside", "CLOUDCRUISE_PAGE_SIZE": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_copy_of_the_example_takes_no_value_of_the_environment_away(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    assert settings_below_dagster(tmp_path) == "from-outside 7"


def test_what_stands_in_the_file_wins_below_dagster_dev_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLOUDCRUISE_API_KEY='from-file'\n")
    assert settings_below_dagster(tmp_path) == "from-file 7"
