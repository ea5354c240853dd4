"""What the README says of false and late messages, on a smaller simulation."""

import pytest

from runs_assets_tests.readme import written_by
from runs_assets_tests.verdicts.quiet import MODULE, README, SCENARIOS, measure
from runs_assets_tests.verdicts.telling import FAILING


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_healthy_pipelines_are_left_alone_and_broken_ones_are_told_in_time_and_once(scenario: str) -> None:
    found = measure(3, SCENARIOS[scenario], pipelines=80, most_a_day=200)
    assert found.score.false_openings <= 2, found.score.false  # of 80 pipelines; the budget is 3 of 100
    assert all(message.state == FAILING for message in found.score.false)
    assert len(found.score.outages) >= 3
    assert len(found.score.silences) == 8
    assert found.score.is_flawless, found.score
    assert found.naive > 100


def test_the_readme_has_the_table() -> None:
    lines = written_by(MODULE, README).splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")][1:] == list(SCENARIOS)
