"""Significance tests. SciPy takes a second to import, so it is imported when a test is run."""

from typing import Any

from numpy.typing import NDArray

from runs_assets.statistics.beta_binomial import Numbers


def fisher_exact_p(failed: int, runs: int, failed_before: int, runs_before: int) -> float:
    """The two-sided p-value of R. A. Fisher's exact test, "Statistical Methods for Research Workers" (1934), §21.02."""
    from scipy.stats import fisher_exact  # noqa: PLC0415

    return float(fisher_exact([[failed, runs - failed], [failed_before, runs_before - failed_before]]).pvalue)


def fisher_greater_p(failed: Numbers, runs: Numbers, failed_others: Numbers, other_runs: Numbers) -> Numbers:
    """The same test one-sided, elementwise: of as many failures in both, so many or more in `runs`, by chance."""
    from scipy.stats import hypergeom  # noqa: PLC0415

    tails: Numbers = hypergeom.sf(failed - 1, runs + other_runs, failed + failed_others, runs)
    return tails


def mann_whitney_greater_p(values: NDArray[Any], others: NDArray[Any]) -> float:
    """The one-sided p-value for `values` being larger than `others`, by the normal approximation.

    H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947), 50-60.
    """
    from scipy.stats import mannwhitneyu  # noqa: PLC0415

    return float(mannwhitneyu(values, others, alternative="greater", method="asymptotic").pvalue)


def binomial_tail(successes: int, trials: int, probability: float) -> float:
    """P(X >= successes) of the binomial distribution."""
    from scipy.stats import binom  # noqa: PLC0415

    return float(binom.sf(successes - 1, trials, probability))


def alternation_z(changes: int, ones: int, others: int) -> float:
    """How many standard deviations more changes than by chance there are in a sequence of two values; 0 of one value.

    The normal approximation of the test of A. Wald, J. Wolfowitz, Annals of Mathematical Statistics 11 (1940), 147-162.
    """
    if not ones or not others:
        return 0.0
    size, product = ones + others, 2 * ones * others
    variance = product * (product - size) / (size**2 * (size - 1))
    return float((changes - product / size) / variance**0.5)


def benjamini_hochberg(p_values: Any) -> Numbers:
    """The p-values of a family of tests, adjusted for the false discovery rate.

    Y. Benjamini, Y. Hochberg, JRSS B 57 (1995), 289-300.
    """
    from scipy.stats import false_discovery_control  # noqa: PLC0415

    adjusted: Numbers = false_discovery_control(p_values, method="bh")
    return adjusted
