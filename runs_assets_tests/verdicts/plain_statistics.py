"""The statistics of the verdicts by their definitions, one value at a time."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TypeVar

Z_95 = 1.959963984540054
NO_DISPERSION = 1e-9
Counts = tuple[int, int]
"""How many were decided, and how many of them failed."""
Key = TypeVar("Key")


def rate(failed: int, decided: int) -> float | None:
    """None for 0/0."""
    return failed / decided if decided else None


def wilson(failed: int, decided: int) -> tuple[float | None, float | None]:
    """The 95 % score interval; (None, None) for 0/0."""
    if not decided:
        return None, None
    share, square = failed / decided, Z_95**2
    centre = share + square / (2 * decided)
    spread = Z_95 * math.sqrt(share * (1 - share) / decided + square / (4 * decided**2))
    low, high = ((centre + sign * spread) / (1 + square / decided) for sign in (-1, 1))
    return (0.0 if failed == 0 else low), (1.0 if failed == decided else high)


def newcombe(newer: Counts, older: Counts) -> tuple[float, float]:
    """The 95 % hybrid score interval of the newer rate minus the older one."""
    (share_1, low_1, high_1), (share_2, low_2, high_2) = (_with_interval(counts) for counts in (newer, older))
    difference = share_1 - share_2
    return (
        difference - math.hypot(share_1 - low_1, high_2 - share_2),
        difference + math.hypot(high_1 - share_1, share_2 - low_2),
    )


def _with_interval(counts: Counts) -> tuple[float, float, float]:
    decided, failed = counts
    low, high = wilson(failed, decided)
    assert low is not None
    assert high is not None
    return failed / decided, low, high


def dispersion(days: Sequence[Counts]) -> float:
    """The intra-class correlation of days that are not empty, by the analysis of variance, within 0 and 0.99."""
    k, n, f = len(days), sum(n for n, _ in days), sum(f for _, f in days)
    if k < 2 or n == k:
        return 0.0
    squares = sum(Fraction(f_i * f_i, n_i) for n_i, f_i in days)
    between = (squares - Fraction(f * f, n)) / (k - 1)
    within = (f - squares) / (n - k)
    size = (n - Fraction(sum(n_i * n_i for n_i, _ in days), n)) / (k - 1)
    below = between + (size - 1) * within
    found = 0.0 if below <= 0 else float((between - within) / below)
    return min(0.99, found) if found >= NO_DISPERSION else 0.0


def shape(mean: float, correlation: float) -> tuple[float, float]:
    """The two parameters of the beta distribution with this mean and intra-class correlation."""
    return mean * (1 - correlation) / correlation, (1 - mean) * (1 - correlation) / correlation


def beta_binomial_tail(at_least: int, n: int, a: float, b: float) -> float:
    """The chance of `at_least` failures or more among n."""
    if at_least <= 0:
        return 1.0
    return min(1.0, math.fsum(_beta_binomial(x, n, a, b) for x in range(at_least, n + 1)))


def _beta_binomial(x: int, n: int, a: float, b: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    return math.exp(ways + _log_beta(x + a, n - x + b) - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def benjamini_hochberg(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Each p value's q: the smallest m * p / rank over the values that are no smaller."""
    in_order = sorted(p_values.values())
    scaled = [(p, p * len(in_order) / rank) for rank, p in enumerate(in_order, start=1)]
    return {key: min(1.0, *(q for other, q in scaled if other >= p)) for key, p in p_values.items()}


def fisher(newer: Counts, older: Counts) -> float:
    """The two-sided p value: the chance of the tables that are no more likely than this one."""
    (n_1, f_1), (n_2, f_2) = newer, older
    failed = f_1 + f_2
    ways = {
        x: math.comb(n_1, x) * math.comb(n_2, failed - x) for x in range(max(0, failed - n_2), min(n_1, failed) + 1)
    }
    most = ways[f_1] * (1 + Fraction(1, 10**7))
    return float(Fraction(sum(count for count in ways.values() if count <= most), sum(ways.values())))


def fisher_tail(these: Counts, others: Counts) -> float:
    """The one-sided p value: the chance of so many or more failures here, given those of both."""
    (n, f), (m, g) = these, others
    ways = sum(math.comb(n, x) * math.comb(m, f + g - x) for x in range(f, min(n, f + g) + 1))
    return float(Fraction(ways, math.comb(n + m, f + g)))


def mann_whitney(greater: Sequence[float], lesser: Sequence[float]) -> float:
    """The one-sided p value of `greater` being the greater, by the normal approximation."""
    n_a, n_b = len(greater), len(lesser)
    n = n_a + n_b
    rank_sum, ties, before = Fraction(0), 0, 0
    for _value, group in groupby(sorted([(x, 1) for x in greater] + [(x, 0) for x in lesser]), key=lambda x: x[0]):
        members = [is_greater for _, is_greater in group]
        rank_sum += sum(members) * Fraction(2 * before + len(members) + 1, 2)
        ties += len(members) ** 3 - len(members)
        before += len(members)
    above = rank_sum - Fraction(n_a * (n_a + 1), 2) - Fraction(n_a * n_b, 2) - Fraction(1, 2)
    variance = Fraction(n_a * n_b, 12) * (n + 1 - Fraction(ties, n * (n - 1)))
    return 0.5 * math.erfc(float(above) / math.sqrt(2 * variance)) if variance else 1.0


def quantile(values: Sequence[float], at: float) -> float | None:
    """By linear interpolation; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = at * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
