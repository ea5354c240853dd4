"""Runs of a weekly maintenance are in no rate and no streak of failures, but they ran."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.verdicts.tables import Knowledge
from runs_assets.watch_file import WatchFile
from runs_assets_tests.verdicts.agreement import differences
from runs_assets_tests.verdicts.by_the_product import by_the_product
from runs_assets_tests.verdicts.cases import READ_UNTIL, CaseRun, run
from runs_assets_tests.verdicts.plain import verdicts_of
from runs_assets_tests.verdicts.worked import history_of

FIRST_DAY, WINDOW_DAYS = date(2026, 1, 20), 30
SUNDAY = 6
ENTRY = {"weekly": "sun 02:00-06:00", "timezone": "Europe/Berlin", "reason": "maintenance", "pipeline": "a"}


def hourly(pipeline: str) -> Iterator[CaseRun]:
    """Failed on Sundays from 01:00 to 05:00 UTC but at 02:00; the last of these is after 06:00 in Berlin."""
    created = datetime(2026, 1, 20, tzinfo=UTC)
    while created < READ_UNTIL:
        is_bad = created.weekday() == SUNDAY and created.hour in {1, 3, 4, 5}
        yield run(pipeline, created, "failed" if is_bad else "succeeded")
        created += timedelta(hours=1)


RUNS = [*hourly("a"), *hourly("b")]


def knowledge(*, not_in_rates: bool) -> Knowledge:
    entry = {**ENTRY, "not_in_rates": not_in_rates}
    overlapping = {**entry, "weekly": "sun 03:00-05:00"}
    return Knowledge(watch=WatchFile.model_validate({"mutes": [entry, overlapping]}))


def test_they_are_judged_as_if_they_had_been_cancelled() -> None:
    history = history_of(RUNS, first_day=FIRST_DAY, window_days=WINDOW_DAYS)
    cancelled = [
        replace(one, outcome="cancelled")
        if one.pipeline == "a" and one.created.weekday() == SUNDAY and 1 <= one.created.hour < 5
        else one
        for one in RUNS
    ]
    expected = verdicts_of(history_of(cancelled, first_day=FIRST_DAY, window_days=WINDOW_DAYS))
    assert differences(by_the_product(history, knowledge(not_in_rates=True)), expected) == []
    assert differences(by_the_product(history, knowledge(not_in_rates=False)), expected) != []


@pytest.mark.parametrize(("pipeline", "completed", "failed"), [("a", 656, 4), ("b", 672, 16)])
def test_their_outcomes_count_nowhere_and_those_of_others_do(pipeline: str, completed: int, failed: int) -> None:
    """28 days of 24 runs are 672; four Sundays with 4 runs of the maintenance, 3 of them failed, and a failure after it.

    In 7 days 167 were created: the one at their very beginning is before them.
    """
    tables = by_the_product(
        history_of(RUNS, first_day=FIRST_DAY, window_days=WINDOW_DAYS), knowledge(not_in_rates=True)
    )
    [row] = [row for row in tables["pipeline_health"] if row["pipeline_id"] == pipeline]
    assert (row["decided_28d"], row["failed_28d"], row["runs_7d"]) == (completed, failed, 167)
    streaks = [row for row in tables["outages"] if row["pipeline_id"] == pipeline]
    assert {row["failures"] for row in streaks} == ({3} if pipeline == "b" else set())
