"""Trends, by the product and by the plain recomputation, and the cases as a whole, worked out by hand."""

from datetime import date, datetime, timedelta
from math import comb, prod

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, READ_UNTIL, at, daily, run
from runs_assets_tests.verdicts.worked import TODAY, part_of, tables_of, trend

FEW_RUNS = "not judged: fewer than 20 completed runs in the 28 days before"


def test_nothing_decided_has_no_rate() -> None:
    tables = tables_of(cases.NOTHING_DECIDED)
    row = trend(tables, "day", TODAY)
    assert (row["decided"], row["failed"], row["failure_rate"], row["failure_rate_low"]) == (0, 0, None, None)
    assert (row["baseline_days"], row["baseline_rate"], row["baseline_dispersion"]) == (0, None, 0.0)
    assert (row["p_value"], row["q_value"], row["verdict"]) == (None, None, FEW_RUNS)
    [health] = tables["pipeline_health"]
    assert (
        part_of(health, expected := {"state": "new", "since": at(3, 18, 11, 50), "last_success_at": None}) == expected
    )


def test_no_failures_of_many_runs_are_normal() -> None:
    tables = tables_of(cases.NONE_FAILED)
    row = trend(tables, "day", date(2026, 3, 17))
    assert (row["decided"], row["failed"], row["failure_rate"], row["failure_rate_low"]) == (10, 0, 0.0, 0.0)
    assert row["failure_rate_high"] == pytest.approx(3.841458821 / 13.841458821)
    assert (row["decided_7d"], row["decided_28d"]) == (70, 280)
    assert (row["baseline_days"], row["baseline_decided"], row["is_final"]) == (28, 280, False)
    assert (row["p_value"], row["q_value"], row["verdict"]) == (1.0, 1.0, "normal")
    [health] = tables["pipeline_health"]
    assert part_of(health, expected := {"state": "ok", "since": None, "failures": 0, "flip_rate": 0.0}) == expected
    assert tables["outages"] == tables["silences"] == []


def test_a_baseline_of_too_few_days_says_nothing() -> None:
    tables = tables_of(cases.NONE_FAILED)
    assert trend(tables, "day", date(2026, 2, 22))["verdict"] == "not judged: fewer than 7 days with completed runs"
    assert trend(tables, "day", date(2026, 2, 23))["verdict"] == "normal"


def test_days_before_the_window_are_not_judged() -> None:
    tables = tables_of(cases.NONE_FAILED, window_days=3)
    assert trend(tables, "day", date(2026, 3, 15))["verdict"] is None
    assert trend(tables, "day", date(2026, 3, 16))["verdict"] == "normal"


def test_dry_runs_are_left_out_but_for_a_row_without_runs() -> None:
    tables = tables_of(cases.ONLY_DRY_RUNS)
    assert tables["pipeline_health"] == tables["outages"] == []
    row = trend(tables, "day", date(2026, 3, 16))
    assert (row["decided"], row["failure_rate"], row["verdict"]) == (0, None, FEW_RUNS)
    assert {row["period"] for row in tables["failure_trends"]} == {"day"}


def test_cancelled_runs_decide_nothing() -> None:
    tables = tables_of(cases.ONLY_CANCELLED)
    [health] = tables["pipeline_health"]
    expected = {
        "state": "too few runs",
        "since": None,
        "failures": 0,
        "alert_after": None,
        "last_run_at": at(3, 18),
        "last_failure_at": None,
        "runs_7d": 7,
        "decided_24h": 0,
        "failure_rate_24h": None,
        "decided_28d": 0,
        "flip_rate": None,
        "first_run_at": at(2, 16),
    }
    assert part_of(health, expected) == expected
    assert tables["silences"] == []


def test_three_failures_of_ten_after_none_of_56_are_worse() -> None:
    tables = tables_of(cases.ZERO_BASELINE)
    row = trend(tables, "day", date(2026, 3, 17))
    assert (row["failed"], row["baseline_days"], row["baseline_decided"]) == (3, 28, 56)
    # P(X = x) = C(10, x) (0.5)_x (56.5)_(10-x) / (57)_10, rising factorials.
    below = sum(comb(10, x) * rising(0.5, x) * rising(56.5, 10 - x) for x in range(3)) / rising(57, 10)
    assert row["p_value"] == pytest.approx(1 - below, rel=1e-9)
    assert row["verdict"] == "worse"
    [health] = tables["pipeline_health"]
    assert tables["outages"] == []
    expected = {"state": "worse", "since": at(3, 17, 0), "decided_24h": 10, "failed_24h": 3, "normal_rate": 0.0}
    assert part_of(health, expected) == expected


def test_young_runs_of_a_day_that_is_not_over_do_not_count_yet() -> None:
    slow = [run("p", at(3, 17) + n * timedelta(minutes=1), lasting=timedelta(hours=1)) for n in range(20)]
    early = run("p", at(3, 18, 11, 0), "failed")
    late = run("p", at(3, 18, 11, 1), "failed")
    tables = tables_of([*slow, early, late])
    for period in ("day", "now"):
        row = trend(tables, period, TODAY)
        assert (row["decided"], row["failed"]) == (1, 1)


def test_every_run_of_the_cases_is_over_before_they_are_read() -> None:
    runs = [run for case in cases.CASES.values() for run in case]
    ends: list[datetime] = [run.ended for run in runs if run.ended]
    assert max(ends) <= READ_UNTIL
    assert {run.pipeline for run in runs} == set(cases.CASES)


def test_a_baseline_of_less_than_20_runs_says_nothing() -> None:
    tables = tables_of(daily("p", date(2026, 3, 1), date(2026, 3, 11), "ss"))
    verdicts = [trend(tables, "day", date(2026, 3, day))["verdict"] for day in (10, 11)]
    assert verdicts == [FEW_RUNS, "normal"]


def test_a_day_on_which_nothing_was_decided_is_not_judged() -> None:
    runs = [*daily("p", date(2026, 2, 16), date(2026, 3, 16), "ss"), *daily("p", TODAY - DAY, TODAY - DAY, "c")]
    assert trend(tables_of(runs), "day", TODAY - DAY)["verdict"] == "not judged: no completed run to judge"


def test_two_failures_are_never_worse() -> None:
    runs = [*daily("p", date(2026, 2, 16), date(2026, 3, 17), "s" * 10), *daily("p", TODAY, TODAY, "ff")]
    row = trend(tables_of(runs), "day", TODAY)
    # 28 days of 10: 0.5 * 1.5 / (281 * 282).
    assert (row["p_value"], row["verdict"]) == (pytest.approx(0.75 / (281 * 282)), "normal")


def test_what_chance_explains_is_not_worse() -> None:
    runs = [*daily("p", date(2026, 3, 9), date(2026, 3, 15), "sssf"), *daily("p", date(2026, 3, 16), TODAY, "sfsfsfss")]
    row = trend(tables_of(runs), "day", date(2026, 3, 16))
    assert (row["failure_rate"], row["baseline_rate"], row["verdict"]) == (0.375, 0.25, "normal")
    assert row["q_value"] > 0.05


def test_days_that_differ_much_make_a_bad_day_less_surprising() -> None:
    days = [date(2026, 2, 17) + n * DAY for n in range(28)]
    before = [run for n, day in enumerate(days) for run in daily("p", day, day, ("ssssssssss", "fssfssfssf")[n % 2])]
    row = trend(tables_of([*before, *daily("p", TODAY, TODAY, "ffsffsffss")]), "day", TODAY)
    # Of the days 02-18 to 03-16, 14 have 4 failures and 13 none: F = 56, N = 270, and the size of all is 10.
    between, within = (22.4 - 56**2 / 270) / 26, (56 - 22.4) / 243
    r = (between - within) / (between + 9 * within)
    assert row["baseline_dispersion"] == pytest.approx(r)
    a, b = 56.5 / 271 * (1 - r) / r, 214.5 / 271 * (1 - r) / r
    below = sum(comb(10, x) * rising(a, x) * rising(b, 10 - x) for x in range(6)) / rising(a + b, 10)
    assert row["p_value"] == pytest.approx(1 - below)


def test_the_last_24_hours_are_compared_with_the_28_days_before_they_began() -> None:
    assert trend(tables_of(cases.ZERO_BASELINE), "now", TODAY)["baseline_decided"] == 56
    just_out = tables_of([run("p", READ_UNTIL - DAY)])["failure_trends"]
    assert {row["period"] for row in just_out} == {"day", "3 days", "7 days", "drift"}


def test_runs_without_a_pipeline_are_a_pipeline() -> None:
    tables = tables_of([*cases.WITHOUT_PIPELINE, *cases.BRAND_NEW])
    counts = {
        (row["scope"], row["pipeline_id"]): (row["decided"], row["failed"])
        for row in tables["failure_trends"]
        if row["date"] == TODAY and row["period"] == "now"
    }
    assert counts == {("pipeline", None): (4, 1), ("pipeline", "brand new"): (5, 0), ("source", None): (9, 1)}
    health = next(row for row in tables["pipeline_health"] if row["pipeline_id"] is None)
    # Each day changes its mind at its last run, and the next one changes it back.
    expected = {"state": "flaky", "normal_rate": 0.25, "decided_28d": 112, "flip_rate": 55 / 111}
    assert part_of(health, expected) == expected


def rising(start: float, count: int) -> float:
    return prod(start + n for n in range(count))


@pytest.mark.long
def test_a_small_rise_is_not_worse_however_certain() -> None:
    """One of 100 usually, then 10 and 11 of 100: the rise is 9 points, and then 10."""
    usual = [*daily("p", date(2026, 2, 1), date(2026, 3, 14), "f" + "s" * 99)]
    for failed, verdict in ((10, "normal"), (11, "worse")):
        last = daily("p", date(2026, 3, 15), date(2026, 3, 15), "fs" * failed + "s" * (100 - 2 * failed))
        row = trend(tables_of([*usual, *last]), "day", date(2026, 3, 15))
        assert row["q_value"] < 1e-3
        assert (row["failure_rate"], row["verdict"]) == (failed / 100, verdict)
