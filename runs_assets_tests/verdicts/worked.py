"""The verdicts of a small history, by the plain recomputation and by the product, which must agree; and rows of them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from runs_assets_tests.verdicts.agreement import differences
from runs_assets_tests.verdicts.by_the_product import by_the_product
from runs_assets_tests.verdicts.cases import DAY, FIRST_DAY, READ_UNTIL, CaseRun
from runs_assets_tests.verdicts.plain import verdicts_of
from runs_assets_tests.verdicts.plain_runs import History, Run, StoredDay, end_of

Row = dict[str, Any]
TODAY = READ_UNTIL.date()


def history_of(runs: Iterable[CaseRun], *, first_day: date = FIRST_DAY, window_days: int = 90) -> History:
    """The runs as a perfect reader would hold them at READ_UNTIL, all days stored; days are final 24 hours after."""
    found = [
        Run(
            run_id=f"{run.pipeline} {number}",
            pipeline=run.pipeline,
            status=run.outcome,
            is_terminal=run.outcome != "running",
            dry=run.dry,
            created_at=run.created,
            started_at=run.created,
            finished_at=run.ended,
            observed_at=READ_UNTIL,
        )
        for number, run in enumerate(runs)
    ]
    days = [first_day + n * DAY for n in range((TODAY - first_day).days + 1)]
    stored = [StoredDay(day, day < TODAY, end_of(day) + DAY <= READ_UNTIL, READ_UNTIL) for day in days]
    return History("source", found, stored, window_days)


def tables_of(runs: Iterable[CaseRun], **how: Any) -> dict[str, list[Row]]:
    return judged(history_of(runs, **how))


def judged(history: History) -> dict[str, list[Row]]:
    """The verdicts of both."""
    tables = verdicts_of(history)
    assert differences(by_the_product(history), tables) == []
    return tables


def health_of(runs: Iterable[CaseRun], **how: Any) -> Row:
    [row] = tables_of(runs, **how)["pipeline_health"]
    return row


def trend(tables: dict[str, list[Row]], period: str, day: date, scope: str = "pipeline") -> Row:
    key = (scope, period, day)
    [row] = [row for row in tables["failure_trends"] if (row["scope"], row["period"], row["date"]) == key]
    return row


def part_of(row: Row, expected: Row) -> Row:
    return {name: row[name] for name in expected}
