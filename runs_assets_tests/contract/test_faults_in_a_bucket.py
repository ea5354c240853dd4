"""Every fault on every source once more, with the data in object storage."""

from collections.abc import Iterator

import pytest

from runs_assets_tests.cluster.servers import BUCKET, moto
from runs_assets_tests.contract.cases import CASES, cells
from runs_assets_tests.contract.matrix import Matrix

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def in_a_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """A matrix whose lives all have a prefix of their own."""
    with (
        moto(tmp_path_factory.mktemp("moto")) as server,
        pytest.MonkeyPatch.context() as patch,
        Matrix.opened() as matrix,
    ):
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield matrix


@pytest.mark.parametrize(("name", "source"), cells())
def test_what_comes_of_a_fault(in_a_bucket: Matrix, name: str, source: str) -> None:
    in_a_bucket.data = f"s3://{BUCKET}/{name}/{source}"
    assert in_a_bucket.play(source, name) == CASES[name].expected(source), in_a_bucket.story
