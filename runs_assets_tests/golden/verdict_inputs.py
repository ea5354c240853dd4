"""A small history for the verdict tables: five pipelines of which each is in another trouble on the last day."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from runs_assets.accounts import SOURCES
from runs_assets.days import DayRange
from runs_assets.reasons.details_files import PipelineErrors
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.tables import TIMESTAMP
from runs_assets.verdicts.failure_reasons import KnownReasons, failure_reasons
from runs_assets_tests.verdicts.cases import CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History, Run
from runs_assets_tests.verdicts.worked import history_of

FIRST_DAY = date(2026, 2, 10)
RELEASED_AT = at(3, 12, 0)
CLOUDCRUISE, PRODUCTSUP = SOURCES

RUNS: list[CaseRun] = [
    *daily("down", FIRST_DAY, date(2026, 3, 16), "ss"),
    *daily("down", date(2026, 3, 17), date(2026, 3, 18), "sfff"),
    *daily("down", date(2026, 3, 1), date(2026, 3, 1), "fff", dry=True),
    *daily("worse", FIRST_DAY, date(2026, 2, 28), "ssssf"),
    *daily("worse", date(2026, 3, 1), date(2026, 3, 2), "fffff"),
    *daily("worse", date(2026, 3, 3), date(2026, 3, 11), "ssscs"),
    *daily("worse", date(2026, 3, 12), date(2026, 3, 17), "sssss"),
    *daily("worse", date(2026, 3, 18), date(2026, 3, 18), "sffsffsfff"),
    *daily("silent", FIRST_DAY, date(2026, 3, 14), "s"),
    *daily("partly failing", FIRST_DAY, date(2026, 3, 16), "s" * 15),
    *daily("partly failing", date(2026, 3, 17), date(2026, 3, 18), "fss" * 5),
    *daily(None, FIRST_DAY, date(2026, 3, 17), "s", weekdays=range(5)),
    run(None, at(3, 18, 8), "running"),
]
"""`down` has its second outage, `worse` had one, one of three sites of `partly failing` fails, `silent` stopped, and a run without a pipeline hangs."""


def verdict_history() -> History:
    """Read on 2026-03-18 at 12:00 UTC; the window is 30 days."""
    history = history_of(RUNS, first_day=FIRST_DAY, window_days=30)
    return replace(history, runs=[_with_version_and_site(place, run) for place, run in enumerate(history.runs)])


def _with_version_and_site(place: int, run: Run) -> Run:
    """From RELEASED_AT on, a new version that takes twice as long for `worse`."""
    is_new = run.created_at >= RELEASED_AT
    is_slower = is_new and run.pipeline == "worse" and run.finished_at is not None
    finished_at = run.created_at + timedelta(minutes=2, seconds=place % 7) if is_slower else run.finished_at
    return replace(run, finished_at=finished_at, version="1.1" if is_new else "1.0", site=f"site {place % 3}")


def reasons_rows() -> Iterator[dict[str, Any]]:
    """The rows of `failure_reasons` of one source with exit codes, and of one that counts errors."""
    days = DayRange(date(2026, 3, 17), date(2026, 3, 18))
    coded = [("a", 8, 240), ("b", 9, 240), ("c", 10, 1), ("d", 11, None)]
    named = [("e", 8, None), ("f", 9, None), ("g", 10, None), ("h", 11, None), ("i", 11, None)]
    groups = (
        ErrorGroup("E1", "User Error", None, 2, at(3, 18, 7), at(3, 18, 9), ("e", "recovered")),
        ErrorGroup("E2", "Site Change", None, 3, at(3, 18, 9), at(3, 18, 10)),
        ErrorGroup("E3", None, None, 2),
    )
    errors = {date(2026, 3, 18): {"p": PipelineErrors("p", 5, at(3, 18, 11), groups)}}
    for source, runs, known in ((PRODUCTSUP, coded, {}), (CLOUDCRUISE, named, errors)):
        names = {"p": "Pipeline"}
        reasons = KnownReasons(source.explanations, known, names)
        table = failure_reasons(source.name, _failed(runs), days, date(2026, 1, 1), reasons, names)
        yield from table.to_pylist()


def _failed(runs: Sequence[tuple[str, int, int | None]]) -> pa.Table:
    day, midnight = date(2026, 3, 18), datetime(2026, 3, 18, tzinfo=UTC)
    columns = {
        "run_id": pa.array([name for name, _, _ in runs]),
        "pipeline_id": pa.array(["p"] * len(runs)),
        "exit_code": pa.array([code for _, _, code in runs], pa.int32()),
        "ended_at": pa.array([midnight + timedelta(hours=hour) for _, hour, _ in runs], TIMESTAMP),
        "date": pa.array([day] * len(runs), pa.date32()),
    }
    return pa.table(columns)
