"""The demo's story in a folder of the tests: read, judged, and shown by a real Dagster page."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from runs_assets.days import DayRange, utc_now
from runs_assets.demo.environment import DemoFolder, demo_environment, own_folder
from runs_assets.demo.materialize import ask_names, judge, materialize, prepare_instance
from runs_assets.demo.page import page_url
from runs_assets.demo.processes import running, wait_until
from runs_assets.demo.run import DAYS, SOURCES
from runs_assets.demo.sandbox import sandbox, settings_of
from runs_assets_tests.ports import free_ports

HOST = "127.0.0.1"
DOWN = "invoice-download"
"""What is down since noon of the day before the story's, by the sandbox."""
START_SECONDS = 120.0


@dataclass(frozen=True)
class Story:
    """What was read and judged; `environment` is that of its processes."""

    folder: DemoFolder
    days: DayRange
    environment: Mapping[str, str]

    def answers(self, *arguments: str) -> list[dict[str, Any]]:
        """What `runs-assets <arguments> --json` prints: the same facts, by another view."""
        return [json.loads(line) for line in self.output(*arguments, "--json").splitlines()]

    def output(self, *arguments: str) -> str:
        """What `runs-assets <arguments>` prints."""
        command = [sys.executable, "-m", "runs_assets.cli", *arguments]
        asked = subprocess.run(
            command, env=dict(self.environment), cwd=self.folder.root, capture_output=True, text=True, check=False
        )
        assert not asked.stderr, asked.stderr
        return asked.stdout


@contextmanager
def told_story(parent: Path) -> Iterator[Story]:
    """The fortnight up to now, judged."""
    today = utc_now().date()
    days = DayRange(today - timedelta(days=DAYS - 1), today)
    with own_folder(parent, days.last) as folder, sandbox(os.environ, folder, days.last) as platforms:
        environment = demo_environment(os.environ, folder, days.first)
        prepare_instance(environment, folder)
        environment |= settings_of(platforms)
        ask_names(environment, folder)
        materialize(Console(quiet=True), SOURCES, days, environment, folder)
        judge(environment, folder)
        yield Story(folder, days, environment)


@contextmanager
def dagster_page(story: Story) -> Iterator[str]:
    """The address of a page on the story, without the daemon, whose sensors would go on reading during the tests."""
    [port] = free_ports(1)
    arguments = ["dagster_webserver", "--host", HOST, "--port", str(port), "--workspace", str(story.folder.workspace)]
    log, folder = story.folder.logs / "webserver.log", story.folder.root
    with running("The Dagster page", arguments, env=story.environment, cwd=folder, log=log) as child:
        wait_until(lambda: _answers(page_url(HOST, port)), [child], seconds=START_SECONDS)
        yield page_url(HOST, port)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", trust_env=False).is_success
    except httpx.TransportError:
        return False
