"""That the final tables, cut at a time, are those that were built at that time; and what is told of a few troubles."""

from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import numpy as np
import pytest

from runs_assets.alerts.lifecycle import Event
from runs_assets.days import DAY_US, SECOND_US, from_us, to_us
from runs_assets.verdicts.source_history import SourceHistory
from runs_assets.verdicts.streak_rules import StreakKind
from runs_assets.verdicts.tables import Knowledge, verdicts_of
from runs_assets_tests.verdicts.by_the_product import history_of
from runs_assets_tests.verdicts.cases import CASES, READ_UNTIL, daily
from runs_assets_tests.verdicts.simulated import simulate
from runs_assets_tests.verdicts.telling import (
    DOWN,
    FAILING,
    HOUR_US,
    NEVER,
    SILENT,
    Instants,
    Trouble,
    every_hour,
    looks_at,
    three_in_a_row,
    told,
    troubles_of,
)
from runs_assets_tests.verdicts.truncated import as_of
from runs_assets_tests.verdicts.worked import history_of as plain_history_of

SEEN = ("source", "state", "since", "failing_since", "confirmed_at", "expected_by", "last_run_at", "source_read_until")


def simulated(correlation: float) -> SourceHistory:
    return simulate(7, correlation, pipelines=30, most_a_day=30).history


def worked() -> SourceHistory:
    return history_of(plain_history_of(chain.from_iterable(CASES.values())))


HISTORIES = {"independent": lambda: simulated(0.0), "clustered": lambda: simulated(0.1), "worked": worked}


@pytest.fixture(params=HISTORIES)
def history(request: pytest.FixtureRequest) -> SourceHistory:
    return HISTORIES[request.param]()


def instants(history: SourceHistory, step: int) -> Instants:
    """From four weeks after the first day on."""
    start = to_us(history.days[0].seen_until) + 27 * DAY_US + SECOND_US // 2
    return np.arange(start, history.until_us, step)


def known_at(now: int, troubles: list[Trouble]) -> set[Trouble]:
    """What was certain at a time; what was not over then has no end, and what was failing may be down by now."""
    return {
        replace(
            trouble,
            state=SILENT if trouble.state == SILENT else DOWN,
            ended_at=trouble.ended_at if trouble.ended_at < now else NEVER,
        )
        for trouble in troubles
        if trouble.certain_at < now
    }


def since(start: int, troubles: set[Trouble]) -> set[Trouble]:
    return {trouble for trouble in troubles if trouble.ended_at >= start}


def test_what_is_certain_at_a_time_is_what_the_final_tables_say_of_it(history: SourceHistory) -> None:
    final, start = troubles_of(history), to_us(history.window.start)
    times = instants(history, 37 * HOUR_US).tolist()
    for now in times:
        then = known_at(now, troubles_of(as_of(history, now)))
        assert since(start, known_at(now, final)) == since(start, then), from_us(now)
    assert {DOWN, SILENT} <= {trouble.state for trouble in final} <= {DOWN, FAILING, SILENT}


def test_a_look_at_the_final_tables_sees_what_the_health_table_said_then(history: SourceHistory) -> None:
    times = instants(history, 131 * HOUR_US)
    seen = set()
    for look, now in zip(looks_at(history, troubles_of(history), times), times.tolist(), strict=True):
        then = verdicts_of(as_of(history, now), Knowledge())["pipeline_health"].to_pylist()
        assert by_pipeline(look.health) == by_pipeline(then), from_us(now)
        seen |= {row["state"] for row in look.health}
    assert {"ok", DOWN, SILENT} <= seen


def by_pipeline(rows: Any) -> dict[str | None, dict[str, Any]]:
    """What messages depend on; a streak that is not confirmed yet is nothing to them, and of any kind it is an outage."""
    shown = {}
    for row in rows:
        seen = {name: row[name] for name in SEEN}
        if row["state"] in set(StreakKind):
            seen["state"] = DOWN
        else:
            seen |= {"failing_since": None, "confirmed_at": None}
        if seen["state"] not in {DOWN, SILENT}:
            seen |= {"state": "neither", "since": None}
        shown[row["pipeline_id"]] = seen
    return shown


def test_a_trouble_is_told_at_the_first_look_at_which_it_is_certain_and_once_it_is_over() -> None:
    history = simulated(0.0)
    hours = every_hour(history).tolist()
    during = Trouble(3, DOWN, hours[40], hours[50] - 1, hours[52] - 1, failures=5)
    between = Trouble(4, SILENT, hours[40], hours[50] + 1, hours[51] - 1)
    long_ago = Trouble(5, DOWN, hours[0] - 3 * DAY_US, hours[0] - 2 * DAY_US, hours[9])
    messages = [
        (hours.index(message.at), message.pipeline, message.event, message.state)
        for message in told(history, [during, between, long_ago])
    ]
    assert messages == [(50, 3, Event.OPENED, DOWN), (52, 3, Event.RESOLVED, DOWN)]


def test_three_failures_in_a_row_are_an_outage_to_the_naive_rule() -> None:
    runs = list(daily("p", READ_UNTIL.date() - timedelta(days=2), READ_UNTIL.date(), "sffsfff"))
    found = three_in_a_row(history_of(plain_history_of(runs)))
    mornings = [to_us(one.created) for one in runs if one.outcome == "failed"][2::5]
    quarter = 900 * SECOND_US
    ends = [morning + 60 * SECOND_US for morning in mornings]
    assert [(one.since, one.certain_at) for one in found] == [(end, end + 2 * quarter) for end in ends]
    assert [one.ended_at for one in found] == [end - 4 * quarter + DAY_US for end in ends[:-1]] + [NEVER]
