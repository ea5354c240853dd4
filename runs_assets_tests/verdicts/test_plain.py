"""Trends and health of the plain recomputation against cases worked out by hand."""

from datetime import date, datetime, timedelta
from math import comb, prod

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, READ_UNTIL, at, daily, run
from runs_assets_tests.verdicts.plain import verdicts_of
from runs_assets_tests.verdicts.plain_runs import History, Run
from runs_assets_tests.verdicts.worked import TODAY, health_of, history_of, part_of, tables_of, trend


def test_nothing_decided_has_no_rate() -> None:
    tables = tables_of(cases.NOTHING_DECIDED)
    row = trend(tables, "day", TODAY)
    assert (row["decided"], row["failed"], row["failure_rate"], row["failure_rate_low"]) == (0, 0, None, None)
    assert (row["baseline_days"], row["baseline_rate"], row["baseline_dispersion"]) == (0, None, 0.0)
    assert (row["p_value"], row["q_value"], row["verdict"]) == (None, None, "too few runs")
    [health] = tables["pipeline_health"]
    assert (
        part_of(health, expected := {"state": "new", "since": at(3, 18, 11, 50), "last_success_at": None}) == expected
    )


def test_a_source_that_is_read_for_a_few_days_cannot_tell_what_is_new() -> None:
    assert health_of(cases.NOTHING_DECIDED, first_day=date(2026, 3, 12))["state"] == "too few runs"
    assert health_of(cases.NOTHING_DECIDED, first_day=date(2026, 3, 11))["state"] == "new"


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
    assert trend(tables, "day", date(2026, 2, 22))["verdict"] == "too few runs"
    assert trend(tables, "day", date(2026, 2, 23))["verdict"] == "normal"


def test_days_before_the_window_are_not_judged() -> None:
    tables = tables_of(cases.NONE_FAILED, window_days=3)
    assert trend(tables, "day", date(2026, 3, 15))["verdict"] is None
    assert trend(tables, "day", date(2026, 3, 16))["verdict"] == "normal"


def test_dry_runs_are_left_out_but_for_a_row_without_runs() -> None:
    tables = tables_of(cases.ONLY_DRY_RUNS)
    assert tables["pipeline_health"] == tables["outages"] == []
    row = trend(tables, "day", date(2026, 3, 16))
    assert (row["decided"], row["failure_rate"], row["verdict"]) == (0, None, "too few runs")
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
    expected = {"state": "degraded", "since": at(3, 17, 0), "decided_24h": 10, "failed_24h": 3, "normal_rate": 0.0}
    assert part_of(health, expected) == expected


def test_a_pipeline_is_new_for_a_week() -> None:
    health = health_of(cases.BRAND_NEW)
    assert part_of(health, expected := {"state": "new", "since": at(3, 16), "decided_28d": 15}) == expected
    assert health_of(daily("older", date(2026, 3, 11), TODAY, "sssss"))["state"] == "ok"
    assert health_of([run("younger", at(3, 11, 12, 1)), run("younger", at(3, 17))])["state"] == "new"


def test_a_run_hangs_when_it_is_open_for_three_times_as_long_as_others() -> None:
    usual = [run("p", at(3, 16) + n * DAY / 20, lasting=timedelta(minutes=n)) for n in range(1, 21)]
    # 1 to 20 minutes: the 95 % quantile is 19.05, three times that 57.15.
    in_time, late = run("p", READ_UNTIL - timedelta(minutes=57), "running"), run("p", at(3, 18, 11, 2), "running")
    tables = tables_of([*usual, in_time, late])
    [hanging] = tables["hanging_runs"]
    expected = {"run_id": "p 21", "status": "running", "open_since": at(3, 18, 11, 2), "successes": 20}
    assert part_of(hanging, expected) == expected
    assert (hanging["open_seconds"], hanging["limit_seconds"]) == (3480, pytest.approx(57.15 * 60))
    [health] = tables["pipeline_health"]
    assert (health["state"], health["since"], health["hanging_runs"]) == ("hanging", at(3, 18, 11, 2), 1)


def test_young_runs_of_a_day_that_is_not_over_do_not_count_yet() -> None:
    slow = [run("p", at(3, 17) + n * timedelta(minutes=1), lasting=timedelta(hours=1)) for n in range(20)]
    early = run("p", at(3, 18, 11, 0), "failed")
    late = run("p", at(3, 18, 11, 1), "failed")
    tables = tables_of([*slow, early, late])
    for period in ("day", "now"):
        row = trend(tables, period, TODAY)
        assert (row["decided"], row["failed"]) == (1, 1)


def test_a_pipeline_that_changes_its_mind_is_flaky() -> None:
    health = health_of(daily("p", date(2026, 3, 1), date(2026, 3, 10), "sfss"))
    # Each of ten days changes twice; 40 runs follow one another 39 times.
    assert (health["state"], health["since"], health["flip_rate"]) == ("flaky", at(3, 1, 8, 16), pytest.approx(20 / 39))


def test_a_pipeline_is_slower_when_its_runs_take_half_as_long_again() -> None:
    before = [run("p", at(3, 1) + n * DAY / 3, lasting=timedelta(minutes=10)) for n in range(20)]
    for minutes, runs, ratio, is_slower in ((15, 20, 1.5, True), (14, 20, 1.4, False), (15, 19, None, False)):
        after = [run("p", at(3, 12) + n * DAY / 4, lasting=timedelta(minutes=minutes)) for n in range(runs)]
        health = health_of([*before, *after])
        assert (health["duration_p50_7d_seconds"], health["duration_p50_28d_seconds"]) == (minutes * 60, 600)
        assert (health["slower_ratio"], health["is_slower"]) == (ratio, is_slower)


def test_the_newest_version_is_compared_with_the_one_before() -> None:
    history = history_of(
        [
            *daily("p", date(2026, 3, 1), date(2026, 3, 1), "s" * 20),
            *daily("p", date(2026, 3, 2), date(2026, 3, 2), "fssss" * 4),
        ]
    )
    versioned = [with_version(run, "1" if run.created_at < at(3, 2) else "2") for run in history.runs]
    [health] = verdicts_of(History("source", versioned, history.days))["pipeline_health"]
    assert (health["version"], health["previous_version"], health["version_difference"]) == ("2", "1", 0.2)
    assert health["version_p_value"] == pytest.approx(2 * comb(20, 4) / comb(40, 4))
    [health] = verdicts_of(History("source", versioned[1:], history.days))["pipeline_health"]
    assert (health["version"], health["previous_version"], health["version_p_value"]) == ("2", None, None)


def test_every_run_of_the_cases_is_over_before_they_are_read() -> None:
    runs = [run for case in cases.CASES.values() for run in case]
    ends: list[datetime] = [run.ended for run in runs if run.ended]
    assert max(ends) <= READ_UNTIL
    assert {run.pipeline for run in runs} == set(cases.CASES)


def with_version(run: Run, version: str) -> Run:
    return Run(**(vars(run) | {"version": version}))


def rising(start: float, count: int) -> float:
    return prod(start + n for n in range(count))
