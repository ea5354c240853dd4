"""The README says what has just been measured."""

import pytest

from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.table import table, written


@pytest.mark.timeout(900)  # alone, it measures everything
def test_the_readme_has_the_table_that_the_matrix_gives(matrix: Matrix) -> None:
    assert written() == table(matrix.verdict), "run python -m runs_assets_tests.contract"
