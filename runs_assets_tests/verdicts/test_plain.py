"""The plain recomputation against values worked out by hand."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from math import comb, isclose, prod, sqrt
from typing import Any

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, FIRST_DAY, READ_UNTIL, CaseRun, at, daily, run
from runs_assets_tests.verdicts.plain import verdicts_of
from runs_assets_tests.verdicts.plain_outages import MOST
from runs_assets_tests.verdicts.plain_runs import History, Run, StoredDay, end_of
from runs_assets_tests.verdicts.plain_statistics import (
    benjamini_hochberg,
    beta_binomial_tail,
    dispersion,
    fisher,
    mann_whitney,
    newcombe,
    quantile,
    wilson,
)

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
    return verdicts_of(history_of(runs, **how))


def health_of(runs: Iterable[CaseRun], **how: Any) -> Row:
    [row] = tables_of(runs, **how)["pipeline_health"]
    return row


def trend(tables: dict[str, list[Row]], period: str, day: date, scope: str = "pipeline") -> Row:
    key = (scope, period, day)
    [row] = [row for row in tables["failure_trends"] if (row["scope"], row["period"], row["date"]) == key]
    return row


def part_of(row: Row, expected: Row) -> Row:
    return {name: row[name] for name in expected}


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


def test_failures_only_alert_at_the_third() -> None:
    tables = tables_of(cases.ALL_FAILED)
    [outage] = tables["outages"]
    expected = {
        "failing_since": at(3, 18, 8, 1),
        "last_failure_at": at(3, 18, 9, 16),
        "failures": 6,
        "sites_affected": None,
        "last_success_at": at(3, 17, 10, 16),
        "ended_at": None,
        "recovery_seconds": None,
        "is_confirmed": True,
        "alert_after": 3,
        "confirmed_at": at(3, 18, 8, 31),
        "first_run_id": "all failed 300",
        "latest_run_id": "all failed 305",
        "baseline_decided": 280,
        "baseline_failed": 0,
    }
    assert part_of(outage, expected) == expected
    row = trend(tables, "day", TODAY)
    assert (row["failure_rate"], row["failure_rate_high"]) == (1.0, 1.0)
    # 03-17 is not final yet, so 27 days of 10 are the baseline: (0.5)_6 / (271)_6, rising factorials.
    assert row["p_value"] == pytest.approx(162.421875 / prod(range(271, 277)))
    assert (row["q_value"], row["verdict"]) == (row["p_value"], "worse")
    health = part_of(tables["pipeline_health"][0], expected := {"state": "down", "failures": 6, "alert_after": 3})
    assert health == expected


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


def test_a_pipeline_without_past_alerts_when_chance_would_do_it_once_in_ten() -> None:
    # A half each: 0.5 ** 4 is the first below 0.1.
    tables = tables_of(cases.NEVER_SUCCEEDED)
    [outage] = tables["outages"]
    expected = {
        "failures": 9,
        "last_success_at": None,
        "alert_after": 4,
        "confirmed_at": at(3, 13, 8, 1),
        "baseline_decided": 0,
    }
    assert part_of(outage, expected) == expected
    [health] = tables["pipeline_health"]
    assert (health["state"], health["since"], health["last_success_at"]) == ("down", at(3, 10, 8, 1), None)


def test_other_pipelines_make_an_alert_wait_for_more_failures() -> None:
    # With two pipelines, 0.5 ** 5 is the first below 0.1 / 2.
    others = [*daily("a", date(2026, 3, 1), date(2026, 3, 9)), *daily("b", date(2026, 3, 1), date(2026, 3, 9))]
    [outage] = tables_of([*cases.NEVER_SUCCEEDED, *others])["outages"]
    assert outage["alert_after"] == 5


def test_failures_of_one_day_count_less_than_those_of_several() -> None:
    # a = b = 24.5: 0.5 * 25.5/50 * 26.5/51 = 0.1325, * 27.5/52 = 0.0701.
    [outage] = tables_of(daily("one day", TODAY, TODAY, "fffs"))["outages"]
    assert (outage["failures"], outage["is_confirmed"], outage["alert_after"]) == (3, False, 4)
    assert outage["confirmed_at"] is None


def test_an_outage_lasts_over_an_empty_day() -> None:
    tables = tables_of(cases.OUTAGE_WITH_AN_EMPTY_DAY)
    [outage] = tables["outages"]
    expected = {
        "failing_since": at(3, 12, 8, 1),
        "failures": 4,
        "ended_at": at(3, 15, 8, 1),
        "recovery_seconds": 3 * 86400.0,
        "is_confirmed": True,
        "alert_after": 3,
        "confirmed_at": at(3, 14, 8, 1),
        "baseline_decided": 56,
        "baseline_failed": 0,
    }
    assert part_of(outage, expected) == expected
    # Of the 28 days before 03-17, it touches four.
    row = trend(tables, "day", date(2026, 3, 17))
    assert (row["baseline_days"], row["baseline_decided"], row["baseline_failed"]) == (24, 48, 0)
    assert trend(tables, "day", date(2026, 3, 17), "source")["baseline_failed"] == 4
    [health] = tables["pipeline_health"]
    expected_health = {"state": "ok", "since": at(3, 15, 8, 1), "recoveries": 1, "median_recovery_seconds": 3 * 86400.0}
    assert part_of(health, expected_health) == expected_health


def test_runs_count_in_the_order_in_which_they_end() -> None:
    [outage] = tables_of(cases.OVERLAPPING_THE_END)["outages"]
    expected = {
        "failing_since": at(3, 10, 9, 1),
        "failures": 3,
        "last_success_at": at(3, 10, 8, 15),
        "ended_at": at(3, 10, 10, 1),
        "baseline_decided": 56,
    }
    assert part_of(outage, expected) == expected


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


def test_a_pipeline_that_stopped_is_silent_from_the_end_of_the_first_day_without_runs() -> None:
    tables = tables_of(cases.STOPPED)
    no_runs, no_success = tables["silences"]
    expected = {
        "kind": "no_runs",
        "basis": "weekday",
        "since": at(3, 6, 8, 15),
        "expected_by": at(3, 8, 0),
        "ended_at": None,
        "usual_interval_seconds": None,
        "state": "open",
    }
    assert part_of(no_runs, expected) == expected
    # The usual interval, 08:16 to 08:01 of the next day, twice.
    expected = {
        "kind": "no_success",
        "basis": "interval",
        "since": at(3, 6, 8, 16),
        "expected_by": at(3, 8, 7, 46),
        "usual_interval_seconds": 23.75 * 3600,
        "state": "open",
    }
    assert part_of(no_success, expected) == expected
    [health] = tables["pipeline_health"]
    expected = {"state": "silent", "since": at(3, 6, 8, 15), "expected_by": at(3, 8, 0), "runs_7d": 0}
    assert part_of(health, expected) == expected


def test_after_28_days_a_silence_is_given_up() -> None:
    tables = tables_of(cases.STOPPED_LONG_AGO)
    assert [row["state"] for row in tables["silences"]] == ["given up"] * 2
    assert tables["pipeline_health"][0]["state"] == "too few runs"
    assert tables_of(cases.STOPPED_LONG_AGO, window_days=30)["pipeline_health"] == []


def test_a_weekday_without_its_run_is_a_silence_and_a_weekend_is_none() -> None:
    tables = tables_of(cases.DAY_MISSED)
    [silence] = tables["silences"]
    expected = {
        "kind": "no_runs",
        "since": at(3, 10, 8, 15),
        "expected_by": at(3, 12, 0),
        "ended_at": at(3, 12),
        "state": "ended",
    }
    assert part_of(silence, expected) == expected
    [health] = tables["pipeline_health"]
    assert part_of(health, expected := {"state": "ok", "since": at(3, 12)}) == expected


def test_a_day_that_is_not_known_whole_makes_no_silence() -> None:
    history = history_of(cases.DAY_MISSED)
    known = [stored for stored in history.days if stored.day != date(2026, 2, 20)]
    assert verdicts_of(History("source", history.runs, known))["silences"] == []


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


def test_a_stretch_that_would_hardly_ever_alert_says_so() -> None:
    # Days of failures alternate with days of successes: once the first run of a day has failed, the others do, too.
    days = [date(2026, 2, 18) + n * DAY for n in range(28)]
    before = [run for n, day in enumerate(days) for run in daily("p", day, day, ("ff", "s")[n % 2])]
    [outage] = tables_of([*before, *daily("p", TODAY, TODAY, "fff")])["outages"]
    assert (outage["baseline_decided"], outage["is_confirmed"], outage["alert_after"]) == (42, False, MOST)


def test_dispersion_of_days_that_differ_no_more_or_wholly() -> None:
    assert dispersion([]) == dispersion([(10, 3)]) == dispersion([(1, 1), (1, 0)]) == 0
    assert dispersion([(10, 2), (10, 2)]) == 0
    assert dispersion([(10, 0), (10, 10)]) == 0.99
    # MSB = (0.4 + 3.6 - 3.2) / 1 = 0.8, MSW = (8 - 4) / 18 = 2/9, n0 = 10: (0.8 - 2/9) / (0.8 + 9 * 2/9).
    assert dispersion([(10, 2), (10, 6)]) == pytest.approx((0.8 - 2 / 9) / 2.8)


def test_the_tail_of_the_beta_binomial() -> None:
    # With a = b = 1 all of 0 to n are equally likely.
    assert beta_binomial_tail(0, 4, 1, 1) == 1
    assert [beta_binomial_tail(k, 4, 1, 1) for k in (1, 2, 4)] == pytest.approx([0.8, 0.6, 0.2])


def test_q_values_are_never_below_their_p_values_and_keep_their_order() -> None:
    # 0.01 * 4/1 = 0.04, 0.03 * 4/2 = 0.06, 0.035 * 4/3 = 0.0467 (which 0.03 takes too), 0.5 * 4/4.
    assert benjamini_hochberg({"a": 0.5, "b": 0.01, "c": 0.035, "d": 0.03}) == pytest.approx(
        {"b": 0.04, "d": 0.14 / 3, "c": 0.14 / 3, "a": 0.5}
    )
    assert benjamini_hochberg({}) == {}


def test_fisher_of_the_lady_tasting_tea() -> None:
    assert fisher((4, 3), (4, 1)) == pytest.approx(34 / 70)
    assert fisher((20, 0), (20, 0)) == 1


def test_newcombe_of_his_own_example() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II: 56/70 - 48/80, method 10.
    assert newcombe((70, 56), (80, 48)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe((10, 0), (10, 0)) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


def test_mann_whitney_with_ties_and_without() -> None:
    # U = 9 of 9, mean 4.5, variance 9 * 7 / 12: z = 4 / 2.2913, whose upper tail is 0.04043.
    assert mann_whitney([4, 5, 6], [1, 2, 3]) == pytest.approx(0.04043, abs=5e-6)
    # Ranks 1.5 1.5 3.5 3.5, two ties of 2: U = 4, variance 4/12 * (5 - 12/12) = 4/3, z = 1.5 / 1.1547 = 1.29904.
    assert mann_whitney([2, 2], [1, 1]) == pytest.approx(0.096965, abs=5e-6)
    assert mann_whitney([1, 1], [1, 1]) == 1


def test_quantiles_lie_between_their_neighbours() -> None:
    assert quantile([], 0.5) is None
    assert (quantile([3, 1, 2], 0.5), quantile([1, 2], 0.25), quantile([7], 0.95)) == (2, 1.25, 7)


def test_wilson_of_one_half() -> None:
    low, high = wilson(5, 10)
    assert low is not None
    assert high is not None
    half = 1.959963984540054 / sqrt(10 + 1.959963984540054**2) / 2
    assert isclose(low, 0.5 - half)
    assert isclose(high, 0.5 + half)


def rising(start: float, count: int) -> float:
    return prod(start + n for n in range(count))


def with_version(run: Run, version: str) -> Run:
    return Run(**(vars(run) | {"version": version}))


def test_every_run_of_the_cases_is_over_before_they_are_read() -> None:
    runs = [run for case in cases.CASES.values() for run in case]
    ends: list[datetime] = [run.ended for run in runs if run.ended]
    assert max(ends) <= READ_UNTIL
    assert {run.pipeline for run in runs} == set(cases.CASES)
