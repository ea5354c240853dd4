"""The statistics of the plain recomputation against values worked out by hand."""

from math import isclose, sqrt

import pytest

from runs_assets_tests.verdicts.plain_statistics import (
    benjamini_hochberg,
    beta_binomial_tail,
    dispersion,
    fisher,
    mann_whitney,
    newcombe,
    quantile,
    wilson,
)


def test_dispersion_of_days_that_differ_no_more_or_wholly() -> None:
    assert dispersion([]) == dispersion([(10, 3)]) == dispersion([(1, 1), (1, 0)]) == 0
    assert dispersion([(10, 2), (10, 2)]) == 0
    assert dispersion([(10, 0), (10, 10)]) == 0.99
    # MSB = (0.4 + 3.6 - 3.2) / 1 = 0.8, MSW = (8 - 4) / 18 = 2/9, n0 = 10: (0.8 - 2/9) / (0.8 + 9 * 2/9).
    assert dispersion([(10, 2), (10, 6)]) == pytest.approx((0.8 - 2 / 9) / 2.8)


def test_the_tail_of_the_beta_binomial() -> None:
    # With a = b = 1 all of 0 to n are equally likely.
    assert beta_binomial_tail(0, 4, 1, 1) == 1
    assert [beta_binomial_tail(k, 4, 1, 1) for k in (1, 2, 4)] == pytest.approx([0.8, 0.6, 0.2])


def test_q_values_are_never_below_their_p_values_and_keep_their_order() -> None:
    # 0.01 * 4/1 = 0.04, 0.03 * 4/2 = 0.06, 0.035 * 4/3 = 0.0467 (which 0.03 takes too), 0.5 * 4/4.
    assert benjamini_hochberg({"a": 0.5, "b": 0.01, "c": 0.035, "d": 0.03}) == pytest.approx(
        {"b": 0.04, "d": 0.14 / 3, "c": 0.14 / 3, "a": 0.5}
    )
    assert benjamini_hochberg({}) == {}


def test_fisher_of_the_lady_tasting_tea() -> None:
    assert fisher((4, 3), (4, 1)) == pytest.approx(34 / 70)
    assert fisher((20, 0), (20, 0)) == 1


def test_newcombe_of_his_own_example() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II: 56/70 - 48/80, method 10.
    assert newcombe((70, 56), (80, 48)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe((10, 0), (10, 0)) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


def test_mann_whitney_with_ties_and_without() -> None:
    # U = 9 of 9, mean 4.5, variance 9 * 7 / 12: z = 4 / 2.2913, whose upper tail is 0.04043.
    assert mann_whitney([4, 5, 6], [1, 2, 3]) == pytest.approx(0.04043, abs=5e-6)
    # Ranks 1.5 1.5 3.5 3.5, two ties of 2: U = 4, variance 4/12 * (5 - 12/12) = 4/3, z = 1.5 / 1.1547 = 1.29904.
    assert mann_whitney([2, 2], [1, 1]) == pytest.approx(0.096965, abs=5e-6)
    assert mann_whitney([1, 1], [1, 1]) == 1


def test_quantiles_lie_between_their_neighbours() -> None:
    assert quantile([], 0.5) is None
    assert (quantile([3, 1, 2], 0.5), quantile([1, 2], 0.25), quantile([7], 0.95)) == (2, 1.25, 7)


def test_wilson_of_one_half() -> None:
    low, high = wilson(5, 10)
    assert low is not None
    assert high is not None
    half = 1.959963984540054 / sqrt(10 + 1.959963984540054**2) / 2
    assert isclose(low, 0.5 - half)
    assert isclose(high, 0.5 + half)
