"""Two servers that speak S3, each a process of its own on loopback: moto, in memory, and SeaweedFS, a real one."""

import http.client
import json
import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

BUCKET = "runs"
KEY, SECRET = "loopback", "no-secret-at-all"
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class ObjectServer:
    """A server with one empty bucket."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What obstore needs to know of it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def moto(_folder: Path) -> Iterator[ObjectServer]:
    """S3 in the memory of a process."""
    [port] = _free_ports(1)
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, os.devnull):
        yield _with_bucket(port)


@contextmanager
def seaweedfs(folder: Path) -> Iterator[ObjectServer]:
    """A master, a volume, a filer and an S3 server in one process, which keeps its files in a folder."""
    master, volume, filer, s3, *grpc = _free_ports(8)
    identities = [
        {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]},
        {"name": "anonymous", "actions": ["Admin"]},  # makes the bucket
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    names = ("master", "volume", "filer", "s3")
    ports = [f"-{name}.port={port}" for name, port in zip(names, (master, volume, filer, s3), strict=True)]
    ports += [f"-{name}.port.grpc={port}" for name, port in zip(names, grpc, strict=True)]
    command = [
        *(str(Path(sysconfig.get_path("scripts"), "weed")), f"-logdir={folder}", "server", f"-dir={folder}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-filer", "-s3", f"-s3.config={config}"),
        *("-volume.max=20", "-master.volumeSizeLimitMB=64", *ports),
    ]
    with _running(command, folder / "log"):
        yield _with_bucket(s3)


SERVERS = {"moto": moto, "seaweedfs": seaweedfs}


def _free_ports(count: int) -> Sequence[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


@contextmanager
def _running(command: Sequence[str], log: Path | str) -> Iterator[None]:
    with Path(log).open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _with_bucket(port: int) -> ObjectServer:
    """The server, when it has answered that there is a bucket."""
    until = time.monotonic() + DEADLINE_SECONDS
    while not _has_made_bucket(port):
        assert time.monotonic() < until, "the server does not answer"
        time.sleep(0.2)
    return ObjectServer(port)


def _has_made_bucket(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("PUT", f"/{BUCKET}")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
