"""Every fault again while three days are read in windows side by side: nothing else comes of it than of one window."""

import pytest

from runs_assets_tests.contract.cases import CASES, cells
from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.scenario import LIFE_TO_THE_END_OF_THE_LIST

SOURCE = "cloudcruise"


@pytest.fixture(autouse=True)
def _three_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_PARALLEL", "3")


@pytest.mark.parametrize("name", [name for name, source in cells() if source == SOURCE])
def test_what_comes_of_a_fault_in_windows(matrix: Matrix, name: str) -> None:
    assert matrix.play(SOURCE, name, readings=LIFE_TO_THE_END_OF_THE_LIST) == CASES[name].expected(SOURCE), matrix.story
