"""The benchmark's own arithmetic: rates, ratios by round, limits and the exit status."""

import math

import pytest

from runs_assets_tests.benchmark.__main__ import MODULE, README
from runs_assets_tests.benchmark.figures import Figure, by_round, exit_status, markdown, rate
from runs_assets_tests.readme import written_by


def figure(*values: float, at_least: float = -math.inf, at_most: float = math.inf) -> Figure:
    return Figure("speed", values, "{:.2f}", at_least, at_most)


def test_a_rate_is_what_the_large_day_has_more_by_the_time_it_takes_more() -> None:
    assert rate(small_seconds=7, large_seconds=12, more_rows=300_000) == 60_000


@pytest.mark.parametrize("large_seconds", [7.0, 6.9])
def test_a_large_day_that_takes_no_longer_has_no_rate(large_seconds: float) -> None:
    assert math.isnan(rate(small_seconds=7, large_seconds=large_seconds, more_rows=300_000))


def test_each_round_is_compared_with_itself() -> None:
    """Half as fast in every round, on a machine that was four times slower in the second."""
    assert by_round([40, 10, 50], [80, 20, 100]) == [0.5, 0.5, 0.5]


def test_the_median_counts_and_the_range_is_that_of_the_rounds() -> None:
    found = figure(0.40, 0.90, 0.55, at_least=0.50)
    assert found.cells() == ("speed", "0.55", "0.40 to 0.90", "at least 0.50", "pass")


@pytest.mark.parametrize(
    ("found", "is_met"),
    [
        (figure(0.5, at_least=0.5), True),
        (figure(0.49, at_least=0.5), False),
        (figure(1.15, at_most=1.15), True),
        (figure(1.16, at_most=1.15), False),
        (figure(0.9, 0.4, 0.45, at_least=0.5), False),
        (figure(math.nan, 0.9, 0.8, at_least=0.5), False),
        (figure(math.nan, 0.9, 0.8, at_most=1.15), False),
        (figure(at_least=0.5), False),
        (figure(123.0), True),
        (figure(), True),
    ],
)
def test_a_figure_keeps_to_its_limit_or_it_does_not(found: Figure, *, is_met: bool) -> None:
    assert found.is_met is is_met


def test_one_figure_beyond_its_limit_is_an_exit_status_of_1() -> None:
    good, bad = figure(0.6, at_least=0.5), figure(0.4, at_least=0.5)
    assert exit_status([good, figure(7)]) == 0
    assert exit_status([good, bad, good]) == 1


def test_the_table_marks_what_is_beyond_its_limit() -> None:
    skipped = Figure("dlt", (), "{:.2f}", why_not="dlt is not installed")
    assert markdown([figure(0.4, at_least=0.5), skipped]).splitlines()[2:] == [
        "| speed | 0.40 |  | at least 0.50 | **FAIL** |",
        "| dlt | dlt is not installed |  |  |  |",
    ]


def test_the_readme_has_a_place_for_the_table() -> None:
    assert written_by(MODULE, README)
