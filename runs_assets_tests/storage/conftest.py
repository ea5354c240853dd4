"""Object storage for the tests of this room, by a way on which it can be made to fail."""

from collections.abc import Iterator

import pytest

from runs_assets_tests.cluster.faulty import FaultyWay, faulty_way
from runs_assets_tests.cluster.servers import BUCKET, ObjectServer, moto


@pytest.fixture(scope="module")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def way(object_server: ObjectServer) -> Iterator[FaultyWay]:
    with faulty_way(object_server.port) as way:
        yield way


@pytest.fixture
def bucket_url(way: FaultyWay, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own, which is reached on the way."""
    for name, value in ObjectServer(way.port).environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{request.node.name}"
