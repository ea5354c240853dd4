"""The health of the pipelines as a table for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from runs_assets.plain_text.wording import plain
from runs_assets.verdicts.states import State

HEADERS = ("state", "since (UTC)", "pipeline", "now", "usual", "why")
NUMBERS = {"now", "usual"}
UNREMARKABLE = {State.OK, State.NEW, State.TOO_FEW_RUNS}
FAILING = {State.DOWN, State.DEGRADED, State.FLAKY}
STYLES = {State.DOWN: "bold red", State.SILENT: "bold red", State.DEGRADED: "yellow", State.HANGING: "yellow"}
CAPTION = (
    "now, usual: failed of the runs that ended, in the last 24 hours and on the final days of the four weeks before."
)


def health_table(health: pa.Table, title: str | None = None) -> Table:
    """The pipelines of `pipeline_health` with which something is the matter, a section per source, the worst first.

    Its caption says how many others there are, and up to when each source was read.
    """
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    for header in HEADERS:
        table.add_column(header, justify="right" if header in NUMBERS else "left", no_wrap=header != "why")
    captions = []
    rows = health.to_pylist()
    for source in sorted({row["source"] for row in rows}):
        of_source = [row for row in rows if row["source"] == source]
        for row in sorted(filter(_is_remarkable, of_source), key=_urgency):
            table.add_row(*_cells(row), style=STYLES.get(State(row["state"])))
        table.add_section()
        captions.append(_others(source, of_source))
    table.caption = "\n".join([*captions, CAPTION])
    return table


def _others(source: str, rows: Sequence[Mapping[str, Any]]) -> str:
    fine = sum(not _is_remarkable(row) for row in rows)
    read_until: datetime = rows[0]["source_read_until"]
    return f"{source}: {len(rows) - fine} need a look, {fine} do not; read until {read_until:%Y-%m-%d %H:%M}."


def _is_remarkable(row: Mapping[str, Any]) -> bool:
    return State(row["state"]) not in UNREMARKABLE


def _urgency(row: Mapping[str, Any]) -> tuple[int, bool, Any]:
    return list(State).index(State(row["state"])), row["since"] is None, row["since"]


def _cells(row: Mapping[str, Any]) -> tuple[str | Text, ...]:
    return (
        row["state"],
        f"{row['since']:%m-%d %H:%M}" if row["since"] else "",
        Text(plain(row["pipeline_name"] or row["pipeline_id"] or "(no pipeline)")),
        _percent(row["failure_rate_24h"]),
        _percent(row["normal_rate"]),
        Text(plain(_why(row))),
    )


def _why(row: Mapping[str, Any]) -> str:
    """What the state rests on, and the reason where it is about failures."""
    said = {
        State.DOWN: f"{row['failures']} failures in a row",
        State.SILENT: f"last run {row['last_run_at']:%m-%d %H:%M}",
        State.HANGING: f"{row['hanging_runs']} open for too long",
        State.FLAKY: f"outcome changes after {_percent(row['flip_rate'])} of its runs",
        State.DEGRADED: f"{row['failed_24h']} of {row['decided_24h']} failed",
    }[State(row["state"])]
    return f"{said}: {row['reason']} ({row['reason_side']})" if row["state"] in FAILING and row["reason"] else said


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0%}"
