"""Whether a source as a whole fails or is silent, worked out by hand; all is read until 2026-03-18 12:00 UTC."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from math import comb
from random import Random
from typing import Any

import pytest

from runs_assets.verdicts.common_causes import with_common_cause
from runs_assets.verdicts.source_health import source_health
from runs_assets_tests.verdicts import plain_source
from runs_assets_tests.verdicts.by_the_product import history_of as stored
from runs_assets_tests.verdicts.cases import READ_UNTIL, CaseRun, Outcome, at, run
from runs_assets_tests.verdicts.worked import history_of, part_of

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
FIRST = datetime.combine(date(2026, 2, 10), time(), READ_UNTIL.tzinfo)


def every(step: timedelta, pipeline: str, first: datetime, failing_from: datetime = READ_UNTIL) -> Iterator[CaseRun]:
    """A run of a minute at each step until the source was last read; those created from an instant on fail."""
    while first < READ_UNTIL - MINUTE:
        yield run(pipeline, first, "failed" if first >= failing_from else "succeeded")
        first += step


def daily_fleet(pipelines: int, failing: int, minute: int = 40) -> list[CaseRun]:
    """Each runs daily at 11:40; the first ones fail today."""
    return [
        it
        for number in range(pipelines)
        for it in every(
            DAY,
            f"daily {number:02}",
            FIRST + 11 * HOUR + minute * MINUTE,
            at(3, 18) if number < failing else READ_UNTIL,
        )
    ]


def hourly_fleet(pipelines: int, stopped: int = 0, stop: datetime = READ_UNTIL) -> list[CaseRun]:
    """The n-th runs hourly at n minutes past half past; the first ones stop at an instant."""
    return [
        it
        for number in range(pipelines)
        for it in every(HOUR, f"hourly {number:02}", FIRST + (30 + number) * MINUTE)
        if number >= stopped or it.created < stop
    ]


def judged(runs: Iterable[CaseRun], unread: date | None = None) -> dict[str, Any]:
    history = history_of(runs, first_day=FIRST.date(), window_days=30)
    days = [replace(day, is_whole=False) if day.day == unread else day for day in history.days]
    history = replace(history, days=days)
    [row] = source_health(stored(history)).to_pylist()
    [expected] = plain_source.source_health(history)
    assert row | {"usual": None} == expected | {"usual": None}
    assert row["usual"] == pytest.approx(expected["usual"])
    return dict(row)


def test_a_total_failure_shows_in_the_shortest_span() -> None:
    found = judged(daily_fleet(6, failing=6))
    # 28 successes in the 28 days before 00:00, so each fails with 0.5 / 29 by chance.
    assert found["usual"] == pytest.approx(6 * 0.5 / 29)
    expected = {"state": "failing", "since": at(3, 18, 11, 41), "span_minutes": 30, "active": 6, "affected": 6}
    assert part_of(found, expected) == expected
    assert found["pipeline_ids"] == [f"daily {number:02}" for number in range(6)]


def test_as_many_as_chance_explains_are_no_matter_of_the_source() -> None:
    chance = 0.5 / 29
    tails = {k: sum(comb(40, x) * chance**x * (1 - chance) ** (40 - x) for x in range(k, 41)) for k in (6, 7)}
    assert tails[7] < 1e-5 < tails[6]
    assert judged(daily_fleet(40, failing=6))["state"] == "ok"
    assert judged(daily_fleet(40, failing=7))["state"] == "failing"


def test_four_pipelines_are_too_few() -> None:
    assert judged(daily_fleet(4, failing=4)) | {"source_read_until": None} == {
        "source": "source",
        "state": "ok",
        "since": None,
        "span_minutes": None,
        "active": 0,
        "affected": 0,
        "usual": None,
        "pipeline_ids": None,
        "common_dimension": None,
        "common_value": None,
        "source_read_until": None,
    }


@pytest.mark.long
def test_many_pipelines_with_a_failure_at_all_are_a_matter_of_the_source_though_their_last_run_succeeded() -> None:
    retried = [
        it
        for number in range(12)
        for it in (
            run(f"hourly {number:02}", at(3, 18, 11, 30 + number) + timedelta(seconds=10), "failed"),
            run(f"hourly {number:02}", at(3, 18, 11, 35 + number)),
        )
    ]
    found = judged([*hourly_fleet(40), *retried])
    # at 11:31 the first of the 29 pipelines that ran since 11:30 has failed
    expected = {
        "state": "failing",
        "since": at(3, 18, 11, 31) + timedelta(seconds=10),
        "span_minutes": 30,
        "active": 29,
        "affected": 12,
    }
    assert part_of(found, expected) == expected
    assert judged([*hourly_fleet(40), *retried[:8]])["state"] == "ok"  # four pipelines


def test_a_pipeline_that_often_fails_does_not_count() -> None:
    often = [
        run(f"often {number}", FIRST + day * DAY + 11 * HOUR, "failed" if day % 4 == 0 else "succeeded")
        for number in range(6)
        for day in range(37)
    ]  # 7 of 28 failed, and today's run too
    assert judged(often)["state"] == "ok"


def test_a_failure_that_others_have_survived_is_over() -> None:
    at_night = [
        it
        for number in range(10)
        for it in every(DAY, f"nightly {number}", FIRST + HOUR, READ_UNTIL - 12 * HOUR if number < 8 else READ_UNTIL)
    ]
    found = judged(at_night)
    assert (found["state"], found["span_minutes"], found["active"], found["affected"]) == ("failing", 720, 10, 8)
    # With 20 others the share is 8 of 30; in 30 minutes 5.3 of the 20 would fail if that went on, and none does.
    assert judged([*at_night, *hourly_fleet(20)])["state"] == "ok"


def test_no_run_at_all_for_longer_than_ever_is_a_silence() -> None:
    runs = [it for number in range(10) for it in every(HOUR, f"hourly {number}", FIRST + 6 * number * MINUTE)]
    until_1130 = [it for it in runs if it.created <= at(3, 18, 11, 30)]
    found = judged(until_1130)  # 30 minutes; the longest time before was 6
    expected = {"state": "silent", "since": at(3, 18, 11, 30), "span_minutes": None, "active": 10, "affected": 10}
    assert part_of(found, expected) == expected
    until_1145 = [it for it in runs if it.created <= at(3, 18, 11, 45)]
    assert judged([*until_1145, run("hourly 0", at(3, 18, 11, 45))])["state"] == "ok"  # 15 minutes, not more


def test_most_of_the_expected_pipelines_are_missing() -> None:
    found = judged(hourly_fleet(8, stopped=6, stop=at(3, 18, 9)))
    expected = {"state": "silent", "since": at(3, 18, 10, 30), "span_minutes": 30, "active": 7, "affected": 5}
    # The one at 10:30 sharp is not after the beginning of the span, so 7 of 8 were expected.
    assert part_of(found, expected) == expected
    assert found["pipeline_ids"] == [f"hourly {number:02}" for number in range(1, 6)]
    assert judged(hourly_fleet(8, stopped=5, stop=at(3, 18, 9)))["state"] == "ok"  # 4, too few
    assert judged(hourly_fleet(10, stopped=6, stop=at(3, 18, 9)))["state"] == "ok"  # 5 of 9
    assert judged(hourly_fleet(8, stopped=6, stop=at(3, 18, 10)))["state"] == "ok"  # they ran within an hour before


@pytest.mark.parametrize("unread", [date(2026, 3, 2), date(2026, 3, 17)])
def test_days_that_were_not_read_whole_prove_no_silence(unread: date) -> None:
    assert judged(hourly_fleet(8, stopped=8, stop=at(3, 18, 9)))["state"] == "silent"
    assert judged(hourly_fleet(8, stopped=8, stop=at(3, 18, 9)), unread)["state"] == "ok"


@pytest.mark.long
def test_the_product_agrees_with_the_recomputation_on_random_fleets() -> None:
    states = [judged(random_fleet(Random(seed)))["state"] for seed in range(16)]
    assert set(states) == {"ok", "failing", "silent"}


def random_fleet(chance: Random) -> list[CaseRun]:
    begins, kind = READ_UNTIL - chance.uniform(0.2, 10) * HOUR, chance.choice(["none", "fail", "part", "silent"])
    share = {"none": 0.0, "fail": 1.0, "part": 0.4, "silent": 1.0}[kind]
    runs: list[CaseRun] = []
    for number in range(chance.randint(8, 25)):
        step, rate = chance.choice([HOUR, 4 * HOUR, DAY]), chance.choice([0.0, 0.02, 0.1, 0.3])
        for one in every(step, f"p{number}", FIRST + chance.uniform(0, 1) * step):
            is_hit = one.created >= begins and chance.random() < share
            outcome: Outcome = "failed" if chance.random() < rate or is_hit else "succeeded"
            if not (is_hit and kind == "silent"):
                runs.append(replace(one, outcome=outcome))
    return runs


def of_workspaces(runs: Iterable[CaseRun], workspace_of: Callable[[int], str]) -> dict[str, Any]:
    """The number at the end of a pipeline's name says of which workspace it is."""
    history = history_of(runs, first_day=FIRST.date(), window_days=30)
    placed = [replace(one, workspace=workspace_of(int(str(one.pipeline)[-2:]))) for one in history.runs]
    history = replace(history, runs=placed)
    table = with_common_cause(source_health(stored(history)), stored(history))
    [row], [expected] = table.to_pylist(), plain_source.source_health(history)
    assert row | {"usual": None} == expected | {"usual": None}
    assert row["usual"] == pytest.approx(expected["usual"])
    return dict(row)


def test_a_workspace_across_pipelines_is_an_incident_of_its_own() -> None:
    # 5 of 60 pipelines are too few for the source (8 %, and not 8): all that are of workspace 600.
    found = of_workspaces(daily_fleet(60, failing=5), lambda number: "600" if number < 6 else "601")
    expected = {"state": "failing", "common_dimension": "workspace", "common_value": "600", "active": 6, "affected": 5}
    assert part_of(found, expected) == expected
    assert found["pipeline_ids"] == [f"daily {number:02}" for number in range(5)]
    assert of_workspaces(daily_fleet(60, failing=4), lambda number: "600" if number < 5 else "601")["state"] == "ok"
    # 5 of 9 are less than 60 % of the workspace.
    assert of_workspaces(daily_fleet(60, failing=5), lambda number: "600" if number < 9 else "601")["state"] == "ok"


def test_eight_pipelines_of_one_workspace_are_not_told_as_the_source() -> None:
    found = of_workspaces(daily_fleet(20, failing=8), lambda number: str(600 + number // 8))
    expected = {"common_value": "600", "active": 8, "affected": 8, "state": "failing", "since": at(3, 18, 11, 41)}
    assert part_of(found, expected) == expected


def test_a_source_that_fails_as_a_whole_has_no_workspace_in_common() -> None:
    found = of_workspaces(daily_fleet(24, failing=24), lambda number: str(600 + number // 8))
    expected = {"state": "failing", "common_dimension": None, "common_value": None, "active": 24, "affected": 24}
    assert part_of(found, expected) == expected
