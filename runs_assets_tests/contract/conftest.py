"""The matrix, measured once for all tests that look at it, as far as they do."""

from collections.abc import Iterator

import pytest

from runs_assets_tests.contract.matrix import Matrix


@pytest.fixture(scope="session")
def matrix() -> Iterator[Matrix]:
    with Matrix.opened() as found:
        yield found
