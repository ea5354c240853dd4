"""Servers of object storage on loopback: moto and SeaweedFS speak S3, each a process of its own; one speaks Google's."""

import http.client
import json
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from runs_assets_tests.cluster import google as google_api
from runs_assets_tests.cluster.processes import Process, running, wait_until
from runs_assets_tests.ports import free_ports

BUCKET = "runs"
KEY, SECRET = "loopback", "no-secret-at-all"


@dataclass(frozen=True)
class ObjectServer:
    """A server with one empty bucket."""

    port: int
    process: Process | None = None
    url: str = f"s3://{BUCKET}"

    @property
    def environment(self) -> dict[str, str]:
        """What obstore needs to know of it."""
        if self.url.startswith("gs:"):
            no_key = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
            own = {"gcs_base_url": f"http://127.0.0.1:{self.port}", "disable_oauth": True}
            return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({**no_key, **own})}
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def moto(folder: Path) -> Iterator[ObjectServer]:
    """S3 in the memory of a process."""
    [port] = free_ports(1)
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "log") as process:
        yield _with_bucket(port, process)


@contextmanager
def seaweedfs(folder: Path) -> Iterator[ObjectServer]:
    """A master, a volume, a filer and an S3 server in one process, which keeps its files in a folder."""
    master, volume, filer, s3, *grpc = free_ports(8)
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
        *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0", *ports),
    ]
    with running(command, folder / "log") as process:
        yield _with_bucket(s3, process)


@contextmanager
def google(_folder: Path) -> Iterator[ObjectServer]:
    """Google's API in the memory of this process."""
    with google_api.serving() as port:
        yield ObjectServer(port, url=f"gs://{BUCKET}")


SERVERS = {"moto": moto, "seaweedfs": seaweedfs, "google": google}


def _with_bucket(port: int, process: Process) -> ObjectServer:
    """The server, when it has answered that there is a bucket."""
    wait_until(lambda: process.has_ended() or _has_made_bucket(port), "the server has a bucket")
    assert not process.has_ended(), process.log.read_text()[-2000:]
    return ObjectServer(port, process)


def _has_made_bucket(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("PUT", f"/{BUCKET}")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
