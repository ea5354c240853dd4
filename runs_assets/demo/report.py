"""The failure rates of the demo's days as a table for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.days import DayRange
from runs_assets.insight.names import pipeline_names
from runs_assets.plain_text.wording import label, plain
from runs_assets.statistics.intervals import wilson_interval
from runs_assets.storage.layout import Layout
from runs_assets.storage.tables import load_table

SUMMED = [("runs", "sum"), ("failed", "sum"), ("succeeded", "sum"), ("last_failure_at", "max")]
COLUMNS = ["pipeline_id", *(name for name, _ in SUMMED)]
HEADERS = ("pipeline", "runs", "failed", "rate", "95 % interval", "last failed")
CAPTION = (
    "Rate: failed / (failed + succeeded); cancelled and dry runs are not in it.\n"
    "Interval: Wilson, over all the days. Times: UTC."
)


@dataclass(frozen=True)
class Line:
    """What the days amount to for one pipeline, or for a source as a whole."""

    title: str
    runs: int
    failed: int
    succeeded: int
    last_failure_at: datetime | None

    @property
    def failure_rate(self) -> float | None:
        """Failed / (failed + succeeded); None for 0/0."""
        decided = self.failed + self.succeeded
        return self.failed / decided if decided else None

    def cells(self) -> tuple[str, ...]:
        """As printed, in the order of `HEADERS`."""
        low, high = wilson_interval(np.array([self.failed]), np.array([self.failed + self.succeeded]))
        is_known = self.failure_rate is not None
        return (
            self.title,
            str(self.runs),
            str(self.failed),
            f"{self.failure_rate:.1%}" if is_known else "-",
            f"{low[0]:.1%} - {high[0]:.1%}" if is_known else "-",
            f"{self.last_failure_at:%m-%d %H:%M}" if self.last_failure_at else "never",
        )


def failure_table(layout: Layout, sources: Sequence[str], days: DayRange) -> Table:
    """A section per source: the source as a whole, then its pipelines, the worst first.

    Raises `StorageError` if a day's failure rates are missing or damaged.
    """
    table = Table(
        title=f"SANDBOX: failure rates of simulated runs, {days.first} to {days.last}",
        caption=CAPTION,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for header in HEADERS:
        table.add_column(header, justify="left" if header == "pipeline" else "right", no_wrap=True)
    for source in sources:
        whole, pipelines = _lines(layout, source, days)
        table.add_row(*whole.cells(), style="bold")
        for line in sorted(pipelines, key=lambda line: line.failure_rate or 0.0, reverse=True):
            table.add_row(Text(plain(line.title)), *line.cells()[1:])
        table.add_section()
    return table


def _lines(layout: Layout, source: str, days: DayRange) -> tuple[Line, list[Line]]:
    daily = [load_table(layout, FAILURE_RATES.name, source, day, COLUMNS)[0] for day in days.newest_first()]
    counts = pa.concat_tables(daily)
    (whole,) = counts.group_by([]).aggregate(SUMMED).to_pylist()
    by_pipeline = counts.group_by("pipeline_id").aggregate(SUMMED).to_pylist()
    names = pipeline_names(layout, source)
    pipelines = [_line(label(row["pipeline_id"], names.get(row["pipeline_id"] or "")), row) for row in by_pipeline]
    return _line(f"{source}, all", whole), pipelines


def _line(title: str, row: dict[str, Any]) -> Line:
    runs, failed, succeeded = (row[f"{name}_sum"] or 0 for name in ("runs", "failed", "succeeded"))
    return Line(title, runs, failed, succeeded, row["last_failure_at_max"])
