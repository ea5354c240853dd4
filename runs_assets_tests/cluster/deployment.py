"""The processes of the deployment, as its compose file has them, on this machine alone and without Docker.

Each one has a folder of its own, which is its working directory and holds its copy of the instance's settings, as on a
machine of its own.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import runs_assets
from runs_assets.demo.environment import without_settings
from runs_assets_tests.cluster.databases import postgres, valkey
from runs_assets_tests.cluster.processes import Process, listens, start, wait_until
from runs_assets_tests.cluster.servers import BUCKET, ObjectServer, seaweedfs
from runs_assets_tests.ports import free_ports

DEPLOY = Path(runs_assets.__file__).parent / "deploy"
START_SECONDS = 120.0


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The services of the compose file, with the values of the variables that it names."""
    text = (DEPLOY / "compose.yaml").read_text()
    services: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda name: variables[name[1]], text))["services"]
    return services


@dataclass
class Deployment:
    """What runs, by its name. `settings` is what `.env` has; `ports` are those of PostgreSQL, Valkey, code and page."""

    root: Path
    settings: Mapping[str, str]
    ports: tuple[int, int, int, int]
    objects: ObjectServer
    running: dict[str, Process] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.ports[3]}"

    @property
    def broker(self) -> str:
        """Where Celery's queues are."""
        return f"redis://127.0.0.1:{self.ports[1]}/0"

    def start(self, service: str, name: str | None = None, queue: str = "dagster", **settings: str) -> Process:
        """Start a process of a service, with more settings or others; a worker's listens on a queue."""
        name = name or service
        described = compose({"POSTGRES_PASSWORD": "none"})[service]
        environment = {key: self._here(value) for key, value in described["environment"].items()}
        if "env_file" in described:
            environment |= {**self.objects.environment, **self.settings, **settings}
        command = shlex.split(self._here(described["command"]))
        if service == "worker":  # whose name is that of its machine
            command += ["--hostname", f"celery@{name}"]
            command[command.index("--queues") + 1] = queue
        program = str(Path(sys.executable).with_name(command[0]))
        folder = self._own_folder(name)
        env = {**_without_settings(), "DAGSTER_HOME": str(folder / "dagster_home"), **environment}
        process = start([program, *command[1:]], self.root / f"{name}.log", env=env, cwd=folder)
        self.running[name] = process
        return process

    def run(self, service: str) -> None:
        """Run a service to its end."""
        process = self.start(service)
        assert process.leash.wait() == 0, process.log.read_text()

    def end(self) -> None:
        """End whatever runs."""
        for process in self.running.values():
            process.let_go()
        for process in self.running.values():
            process.end()

    def _own_folder(self, name: str) -> Path:
        folder = self.root / name
        home = folder / "dagster_home"
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEPLOY / "dagster.yaml", home)
        (home / "workspace.yaml").write_text(self._here((DEPLOY / "workspace.yaml").read_text()))
        return folder

    def _here(self, text: str) -> str:
        """What the compose file says of addresses, as it is on this machine."""
        postgres_port, valkey_port, code, page = self.ports
        replaced = {
            "postgres:5432": f"127.0.0.1:{postgres_port}",
            "valkey:6379": f"127.0.0.1:{valkey_port}",
            "0.0.0.0": "127.0.0.1",
            "4000": str(code),
            "3000": str(page),
        }
        for said, here in replaced.items():
            text = text.replace(said, here)
        return "127.0.0.1" if text == "code" else text


@contextmanager
def deployment(root: Path, settings: Mapping[str, str], *, page_port: int = 0) -> Iterator[Deployment]:
    """Everything but the workers and the daemon, ready; all of it ends with the block."""
    code, page = free_ports(2)
    with ExitStack() as stack:
        folders = {name: root / name for name in ("valkey", "seaweedfs")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        objects = stack.enter_context(seaweedfs(folders["seaweedfs"]))
        ports = (
            # Its files go with it: waiting for the disk would be most of what there is to wait for.
            stack.enter_context(postgres(root / "postgres.log", "-c", "fsync=off")),
            stack.enter_context(valkey(folders["valkey"])),
            code,
            page_port or page,
        )
        deployed = Deployment(root, {"RUNS_ASSETS_DATA": f"s3://{BUCKET}/data", **settings}, ports, objects)
        stack.callback(deployed.end)
        deployed.run("migrate")
        deployed.start("code")
        wait_until(lambda: listens(code), "the code server is ready", START_SECONDS)
        deployed.start("webserver")
        wait_until(lambda: listens(deployed.ports[3]), "the page is ready", START_SECONDS)
        yield deployed


def _without_settings() -> dict[str, str]:
    """This process's environment, with nothing in it that a container would not have."""
    return {name: value for name, value in without_settings(os.environ).items() if not name.startswith("AWS_")}
