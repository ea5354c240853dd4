"""Whether the newest version of a pipeline fails more, or less, often than the one before it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runs_assets.days import to_us
from runs_assets.statistics.intervals import newcombe_interval
from runs_assets.verdicts.history import History

if TYPE_CHECKING:
    import pandas as pd

MIN_RUNS = 20


@dataclass(frozen=True)
class VersionChange:
    """The newest version of a pipeline, and how its failure rate differs from that of the one before it.

    `difference` is the newer rate minus the older one, `low` and `high` its 95 % interval, `p_value` that of Fisher's
    exact test, two-sided. All but `version` are None where either has fewer than 20 decided runs.
    """

    version: str
    previous: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def version_changes(history: History) -> dict[int, VersionChange]:
    """Of each pipeline, by its number, whose decided runs of the window say their version."""
    decided = history.decided[["pipeline", "pipeline_version", "created_at", "failed"]]
    decided = decided[decided["pipeline_version"].notna() & (decided["created_at"] >= to_us(history.window.start))]
    counted = decided.groupby(["pipeline", "pipeline_version"], observed=True).agg(
        first=("created_at", "min"), runs=("failed", "size"), failed=("failed", "sum")
    )
    by_age = counted.reset_index().astype({"pipeline_version": str})
    by_age = by_age.sort_values(["pipeline", "first", "pipeline_version"])
    numbers: list[int] = by_age["pipeline"].unique().tolist()
    return {number: _change(by_age[by_age["pipeline"] == number]) for number in numbers}


def _change(versions: "pd.DataFrame") -> VersionChange:
    last = versions.tail(2).to_dict("records")
    newest = last[-1]
    if len(last) == 1:
        return VersionChange(newest["pipeline_version"])
    before = last[0]
    if min(newest["runs"], before["runs"]) < MIN_RUNS:
        return VersionChange(newest["pipeline_version"])
    counts = (newest["failed"], newest["runs"], before["failed"], before["runs"])
    difference = newest["failed"] / newest["runs"] - before["failed"] / before["runs"]
    low, high = newcombe_interval(*counts)
    return VersionChange(
        newest["pipeline_version"], before["pipeline_version"], difference, low, high, _fisher(*counts)
    )


def _fisher(failed: int, runs: int, failed_before: int, runs_before: int) -> float:
    from scipy.stats import fisher_exact  # noqa: PLC0415  (a second)

    table = [[failed, runs - failed], [failed_before, runs_before - failed_before]]
    return float(fisher_exact(table).pvalue)
