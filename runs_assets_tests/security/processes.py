"""The real processes of a test: a child that runs scenarios, Dagster's command line, Dagster's page."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from runs_assets_tests.ports import free_ports

DEADLINE_SECONDS = 150.0
DAGSTER_YAML = """\
telemetry: {enabled: false}
python_logs:
  python_log_level: DEBUG
  managed_python_loggers: [root, runs_assets, httpx, httpcore, oauthlib, asyncio, filelock]
"""


@dataclass(frozen=True)
class Workplace:
    """A folder with a `DAGSTER_HOME` that keeps every log line, a place for data, and all that processes write."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Workplace":
        """A new one, whose databases exist already: several processes may begin with it at once."""
        home = root / "dagster_home"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text(DAGSTER_YAML)
        with dg.DagsterInstance.from_config(str(home)):
            return cls(root)

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        own = ("CLOUDCRUISE_", "PRODUCTSUP_", "RUNS_ASSETS_", "DAGSTER_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        home = str(self.root / "dagster_home")
        return {**inherited, "DAGSTER_HOME": home, "RUNS_ASSETS_DATA": str(self.root / "data"), **settings}

    def run(self, name: str, command: Sequence[str], settings: dict[str, str], asked: str = "") -> str:
        """What a command wrote to stdout; all that it wrote is in `<name>.out` and `<name>.err`."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self.environment(settings),
            input=asked,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        (self.root / f"{name}.out").write_text(done.stdout)
        (self.root / f"{name}.err").write_text(done.stderr)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def run_scenarios(self, scenarios: list[dict[str, Any]], settings: dict[str, str]) -> dict[str, str]:
        asked = json.dumps(scenarios)
        outcomes: dict[str, str] = json.loads(
            self.run("scenarios", ["runs_assets_tests.security.child"], settings, asked)
        )
        return outcomes

    @contextmanager
    def page(self, settings: dict[str, str]) -> Iterator["Page"]:
        """Dagster's web server on this history; it takes a while to start."""
        [port] = free_ports(1)
        command = ["dagster_webserver", "-m", "runs_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
        with (self.root / "page.log").open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.root,
                env=self.environment(settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Page(f"http://127.0.0.1:{port}", server)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@dataclass(frozen=True)
class Page:
    """A web server that was started."""

    url: str
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            assert self.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)

    def ask(self, query: str) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": query}, trust_env=False, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/server_info", trust_env=False).is_success
        except httpx.HTTPError:
            return False
