"""How likely counts of failures are for a pipeline whose past is known, when failures come in clusters.

A pipeline's failures are not independent: some days are worse than others. So a count is compared with a beta-binomial
distribution, whose rate varies from day to day; its dispersion is the correlation of two runs of one day.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
MIN_DISPERSION, MAX_DISPERSION = 1e-9, 0.99
"""What is smaller is a rounding error, with which nothing could be computed."""
TERMS_AT_A_TIME = 1_000_000


@dataclass(frozen=True)
class SummedCounts:
    """Sums over the days with completed runs, elementwise over pipelines.

    `days` is how many there are, `completed` and `failed` the sums of their counts n and f; `completed_squared`
    is the sum of n², `failed_squared_share` that of f² / n.
    """

    days: Numbers
    completed: Numbers
    failed: Numbers
    completed_squared: Numbers
    failed_squared_share: Numbers

    def at(self, place: Any) -> "SummedCounts":
        """Those at an index, or where a mask holds, as NumPy understands it."""
        return SummedCounts(*(getattr(self, field.name)[place] for field in fields(self)))

    def dispersion(self) -> Numbers:
        """The correlation of the outcomes of two runs of one day, 0 (independent) to 0.99; 0 where it is not known.

        The analysis-of-variance estimator: M. S. Ridout, C. G. B. Demétrio, D. Firth, "Estimating intraclass
        correlation for binary data", Biometrics 55 (1999), 137-148.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            between = (self.failed_squared_share - self.failed**2 / self.completed) / (self.days - 1)
            within = (self.failed - self.failed_squared_share) / (self.completed - self.days)
            typical = (self.completed - self.completed_squared / self.completed) / (self.days - 1)
            total = between + (typical - 1) * within
            found = (between - within) / total
        is_known = (self.days >= 2) & (self.completed > self.days) & (total > 0)
        return np.minimum(np.where(is_known & (found >= MIN_DISPERSION), found, 0.0), MAX_DISPERSION)

    def mean(self) -> Numbers:
        """The failure rate, drawn a little towards one half: (failed + 0.5) / (completed + 1); never 0 and never 1."""
        return (self.failed + 0.5) / (self.completed + 1)


def beta_of(mean: Numbers, dispersion: Numbers) -> tuple[Numbers, Numbers]:
    """The two parameters of the beta distribution with this mean and dispersion (above 0)."""
    scale = (1 - dispersion) / dispersion
    return mean * scale, (1 - mean) * scale


def surprise(failed: Numbers, completed: Numbers, past: SummedCounts) -> Numbers:
    """The chance of at least `failed` failures in `completed` runs after this past.

    The larger one of two predictive tails: with Jeffreys' prior, for a rate that is the same every day but not known
    exactly, and with the dispersion of the past's days, where they show one.
    """
    steady = upper_tail(failed, completed, past.failed + 0.5, past.completed - past.failed + 0.5)
    dispersion = past.dispersion()
    varies = dispersion > 0
    a, b = beta_of(past.mean()[varies], dispersion[varies])
    varying = np.zeros_like(steady)
    varying[varies] = upper_tail(failed[varies], completed[varies], a, b)
    return np.maximum(steady, varying)


def upper_tail(failed: Numbers, completed: Numbers, a: Numbers, b: Numbers) -> Numbers:
    """P(X >= failed) of the beta-binomial distribution, elementwise.

    The tail's own terms are summed: 1 - (distribution function), as libraries have it, is noise below 1e-16.
    """
    terms = (completed - failed + 1).astype(np.int64)
    tails = np.zeros(len(terms))
    chunk = np.cumsum(terms) // TERMS_AT_A_TIME
    for part in np.split(np.arange(len(terms)), np.flatnonzero(np.diff(chunk)) + 1) if len(terms) else ():
        tails[part] = _summed_terms(failed[part], completed[part], a[part], b[part], terms[part])
    return np.minimum(tails, 1.0)


def _summed_terms(failed: Numbers, completed: Numbers, a: Numbers, b: Numbers, terms: NDArray[np.int64]) -> Numbers:
    from scipy.special import betaln  # noqa: PLC0415  (half a second)

    begins = np.cumsum(terms) - terms
    owner = np.repeat(np.arange(len(terms)), terms)
    x = failed[owner] + (np.arange(len(owner)) - begins[owner])
    n, a_, b_ = completed[owner], a[owner], b[owner]
    log_choose = -np.log1p(n) - betaln(n - x + 1, x + 1)
    log_terms = log_choose + betaln(x + a_, n - x + b_) - betaln(a, b)[owner]
    return np.add.reduceat(np.exp(log_terms), begins)
