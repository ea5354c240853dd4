"""Every fault again while three days are read in windows side by side: nothing else comes of it than of one window."""

import pytest

from runs_assets_tests.contract.cases import cells
from runs_assets_tests.contract.matrix import Matrix
from runs_assets_tests.contract.scenario import LIFE_TO_THE_END_OF_THE_LIST

SOURCE = "cloudcruise"
FAILS_IN_ONE_WINDOW = "tie_group_beyond_largest_page"
"""The others may have stored their days by then, which one window would not have reached."""


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, source in cells() if source == SOURCE and name != FAILS_IN_ONE_WINDOW])
def test_what_comes_of_a_fault_is_the_same_in_windows(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    in_one = matrix.play(SOURCE, name, readings=LIFE_TO_THE_END_OF_THE_LIST)
    monkeypatch.setenv("CLOUDCRUISE_PARALLEL", "3")
    assert matrix.play(SOURCE, name, readings=LIFE_TO_THE_END_OF_THE_LIST) == in_one, matrix.story
