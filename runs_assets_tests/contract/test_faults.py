"""Every fault on every source: nothing is lost, duplicated or stale, or the reading fails and leaves the files alone."""

import pytest

from runs_assets.sandbox.faults import FAULTS
from runs_assets_tests.contract.cases import CASES, NOT_APPLICABLE, SOURCES, cells
from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.table import MODULE, README, table
from runs_assets_tests.readme import written_by


@pytest.mark.parametrize(("name", "source"), cells())
def test_what_comes_of_a_fault(matrix: Matrix, name: str, source: str) -> None:
    assert matrix.verdict(name, source) == CASES[name].expected(source), matrix.story


def test_every_fault_of_the_sandbox_is_expected_to_come_to_something() -> None:
    assert CASES.keys() == FAULTS.keys()
    for name, case in CASES.items():
        applicable = {source for source in SOURCES if case.expected(source) != NOT_APPLICABLE}
        assert applicable == FAULTS[name].platforms, name


@pytest.mark.timeout(900)  # alone, it measures everything
def test_the_readme_has_the_table_that_the_matrix_gives(matrix: Matrix) -> None:
    assert written_by(MODULE, README) == table(matrix.verdict), "run python -m runs_assets_tests.contract"
