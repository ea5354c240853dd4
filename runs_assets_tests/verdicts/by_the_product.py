"""The product's verdicts of a history that is in no files."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from runs_assets.days import DAY_US, DayRange, to_us
from runs_assets.verdicts.source_history import SourceHistory, read_days
from runs_assets.verdicts.stored_rates import DayCoverage
from runs_assets.verdicts.tables import Knowledge, verdicts_of
from runs_assets_tests.verdicts import plain_runs
from runs_assets_tests.verdicts.history_tables import KEPT, OPEN, table_of
from runs_assets_tests.verdicts.plain import KEYS, Tables
from runs_assets_tests.verdicts.plain_runs import Run, day_of

RATES = ["pipeline", "day", "runs", "completed", "failed"]


def by_the_product(history: plain_runs.History, knowledge: Knowledge | None = None) -> Tables:
    """The rows of every table that is recomputed."""
    tables = verdicts_of(history_of(history), knowledge or Knowledge())
    return {name: tables[name].to_pylist() for name in KEYS}


def history_of(plain: plain_runs.History) -> SourceHistory:
    """The same history as the product holds it."""
    newest = max(stored.day for stored in plain.days)
    window = DayRange(newest - timedelta(days=plain.window_days - 1), newest)
    stored = {stored.day for stored in plain.days}
    runs = [run for run in plain.runs if day_of(run.created_at) in stored]
    read = [run for run in runs if not run.dry and day_of(run.created_at) in read_days(window)]
    pipelines = sorted({run.pipeline for run in runs}, key=lambda pipeline: (pipeline is None, pipeline))
    numbers = {pipeline: number for number, pipeline in enumerate(pipelines)}
    return SourceHistory(
        source=plain.source,
        window=window,
        days=tuple(DayCoverage(day.day, day.is_whole, day.is_final, day.seen_until) for day in plain.days),
        pipelines=tuple(pipelines),
        rates=_rates(runs, numbers),
        runs=_table((_run(run, numbers[run.pipeline]) for run in read), KEPT),
        open_runs=_table((_run(run, numbers[run.pipeline]) for run in read if not run.is_terminal), OPEN),
    )


def _table(rows: Iterable[dict[str, Any]], columns: list[str]) -> pa.Table:
    return table_of(pd.DataFrame(list(rows), columns=columns))


def _rates(runs: Iterable[Run], numbers: dict[str | None, int]) -> pa.Table:
    """A row for each pipeline and day with runs, dry ones too, of which none of the counts tells."""
    rows = [
        (
            numbers[run.pipeline],
            to_us(run.created_at) // DAY_US,
            not run.dry,
            run.is_decided,
            run.failed and not run.dry,
        )
        for run in runs
    ]
    frame = pd.DataFrame(rows, columns=RATES)
    frame["completed"] &= frame["runs"]
    return table_of(frame.groupby(["pipeline", "day"], as_index=False).sum())


def _run(run: Run, number: int) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "pipeline": number,
        "pipeline_version": run.version,
        "status": run.status,
        "created_us": to_us(run.created_at),
        "started_us": to_us(run.started_at) if run.started_at else -1,
        "ended_us": to_us(run.ended_at),
        "observed_us": to_us(run.observed_at),
        "duration_seconds": run.seconds,
        "site_id": run.site,
        "workspace_id": run.workspace,
        "exit_code": run.exit_code,
    }
