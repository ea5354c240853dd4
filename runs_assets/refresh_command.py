"""`runs-assets refresh`: builds the verdict tables without Dagster, and prints which pipelines need attention."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from runs_assets.days import utc_now
from runs_assets.errors import StorageError
from runs_assets.plain_text.wording import plain
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.pipeline_health import PIPELINE_HEALTH
from runs_assets.verdicts.pipeline_states import PipelineState
from runs_assets.verdicts.refresh import Judge, ask_about_failures

HEADERS = ("state", "since (UTC)", "pipeline", "now", "usual", "why")
NUMBERS = {"now", "usual"}
UNREMARKABLE = {PipelineState.OK, PipelineState.NEW, PipelineState.TOO_FEW_RUNS}
IN_A_ROW = (PipelineState.DOWN, PipelineState.NEVER_SUCCEEDED, PipelineState.FAILING, PipelineState.FAILED_ONCE)
FAILING = {*IN_A_ROW, PipelineState.WORSE, PipelineState.FLAKY}
STYLES = dict.fromkeys((*IN_A_ROW[:3], PipelineState.STUCK, PipelineState.SILENT), "bold red")
STYLES |= dict.fromkeys((PipelineState.WORSE, PipelineState.HANGING, PipelineState.FAILED_ONCE), "yellow")
CAPTION = "now, usual: failure rate of the last 24 hours, and of the final days of the four weeks before."


def refresh_and_show(console: Console, *, offline: bool) -> None:
    """Build the verdict tables from the stored files, and print which pipelines need attention.

    Unless `offline`, the platforms are asked first for names and reasons. Raises `StorageError` if the files of a
    source cannot be read, after everything else is done; `NoDataFolderError` if there is no data folder;
    `SettingsError` and `BusyError` as `Judge.refresh`.
    """
    from runs_assets.accounts import SOURCES  # noqa: PLC0415  (not needed to print a command's help)

    judge = Judge.of(project_settings())
    Layout.stored(judge.layout.root)

    def report(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    for source in SOURCES if not offline else ():
        ask_about_failures(source, judge.layout, utc_now, report)
    refreshed = judge.refresh(SOURCES, report=report)
    health = refreshed.tables[PIPELINE_HEALTH.name]
    if health.num_rows:
        console.print(health_table(health))
    else:
        report(f"Nothing is stored in {judge.layout.root} that could be judged. Materialize some days first.")
    if refreshed.problem:
        raise StorageError(refreshed.problem)


def health_table(health: pa.Table, title: str | None = None) -> RichTable:
    """The pipelines of `pipeline_health` that need attention, a section per source, the worst first.

    The caption counts the others, and says up to when each source was read.
    """
    table = RichTable(title=title, box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    for header in HEADERS:
        table.add_column(header, justify="right" if header in NUMBERS else "left", no_wrap=header != "why")
    captions = []
    rows = health.to_pylist()
    for source in sorted({row["source"] for row in rows}):
        of_source = [row for row in rows if row["source"] == source]
        shown = sorted((row for row in of_source if PipelineState(row["state"]) not in UNREMARKABLE), key=_urgency)
        for row in shown:
            table.add_row(*_cells(row), style=STYLES.get(PipelineState(row["state"])))
        table.add_section()
        counts = f"{len(shown)} need attention, {len(of_source) - len(shown)} do not"
        captions.append(f"{source}: {counts}; read until {of_source[0]['source_read_until']:%Y-%m-%d %H:%M}.")
    table.caption = "\n".join([*captions, CAPTION])
    return table


def _urgency(row: Mapping[str, Any]) -> tuple[int, bool, Any]:
    return list(PipelineState).index(PipelineState(row["state"])), row["since"] is None, row["since"]


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
    """The evidence for the state, and the reason where it is about failures."""
    in_a_row = f"{row['failures']} failure{'s' * (row['failures'] != 1)} in a row"
    evidence = {
        **dict.fromkeys(IN_A_ROW, in_a_row),
        PipelineState.STUCK: "runs neither end nor start",
        PipelineState.SILENT: f"last run {row['last_run_at']:%m-%d %H:%M}",
        PipelineState.HANGING: f"{row['hanging_runs']} open for too long",
        PipelineState.FLAKY: f"outcome changes after {_percent(row['flip_rate'])} of its runs",
        PipelineState.PARTLY_FAILING: "failures have a site, workspace, version or reason in common",
        PipelineState.WORSE: f"{row['failed_24h']} of {row['decided_24h']} failed",
    }[PipelineState(row["state"])]
    if row["state"] in FAILING and row["reason"]:
        return f"{evidence}: {row['reason']} ({row['reason_side']})"
    return evidence


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0%}"
