"""Outages, by the product and by the plain recomputation, against cases worked out by hand."""

from datetime import date
from math import prod

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, at, daily, run
from runs_assets_tests.verdicts.worked import TODAY, part_of, tables_of, trend


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
        "kind": "down",
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


def test_a_pipeline_without_past_alerts_when_chance_would_do_it_once_in_ten() -> None:
    # A half each: 0.5 ** 4 is the first below 0.1. The history begins less than a week before its first run.
    tables = tables_of(cases.NEVER_SUCCEEDED, first_day=date(2026, 3, 4))
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
    others = [*daily("a", date(2026, 3, 4), date(2026, 3, 9)), *daily("b", date(2026, 3, 4), date(2026, 3, 9))]
    [outage] = tables_of([*cases.NEVER_SUCCEEDED, *others], first_day=date(2026, 3, 4))["outages"]
    assert outage["alert_after"] == 5


def test_failures_of_one_day_count_less_than_those_of_several() -> None:
    # a = b = 24.5: 0.5 * 25.5/50 * 26.5/51 = 0.1325, * 27.5/52 = 0.0701.
    [outage] = tables_of(daily("one day", TODAY, TODAY, "fffs"), first_day=date(2026, 3, 12))["outages"]
    assert (outage["failures"], outage["is_confirmed"], outage["alert_after"]) == (3, False, 4)
    assert (outage["kind"], outage["confirmed_at"]) == (None, None)


def test_an_outage_lasts_over_an_empty_day() -> None:
    tables = tables_of(cases.OUTAGE_WITH_AN_EMPTY_DAY)
    [outage] = tables["outages"]
    expected = {
        "failing_since": at(3, 12, 8, 1),
        "failures": 4,
        "ended_at": at(3, 15, 8, 1),
        "recovery_seconds": 3 * 86400.0,
        "is_confirmed": True,
        "kind": "down",
        "alert_after": 2,
        "confirmed_at": at(3, 12, 8, 16),
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


def test_a_pipeline_that_often_fails_alerts_later() -> None:
    # 25 failures of 100, alike on all days: m = 25.5 / 101, r = 0.02, a = 12.37, b = 36.63. The chance of 5 failures is
    # 0.00174, of 6 it is 0.00056: the first below 0.1 / 100.
    failing = [*daily("p", date(2026, 2, 21), date(2026, 3, 17), "fsss"), *daily("p", TODAY, TODAY, "fff")]
    [outage] = tables_of(failing)["outages"]
    assert (outage["baseline_decided"], outage["baseline_failed"], outage["alert_after"]) == (100, 25, 6)


def test_days_of_an_earlier_outage_are_no_baseline() -> None:
    well = [
        *daily("p", date(2026, 2, 18), date(2026, 3, 11), "s" * 10),
        *daily("p", date(2026, 3, 13), TODAY - DAY, "s" * 10),
    ]
    ill = [*daily("p", date(2026, 3, 12), date(2026, 3, 12), "ffffffssss"), *daily("p", TODAY, TODAY, "fff")]
    _first, second = tables_of([*well, *ill])["outages"]
    assert (second["baseline_decided"], second["baseline_failed"]) == (270, 0)


def test_an_outage_is_published_if_it_ended_in_the_window() -> None:
    assert len(tables_of(cases.OUTAGE_WITH_AN_EMPTY_DAY, window_days=4)["outages"]) == 1
    assert tables_of(cases.OUTAGE_WITH_AN_EMPTY_DAY, window_days=3)["outages"] == []


def test_the_28_days_before_the_window_are_baseline() -> None:
    [outage] = tables_of(cases.ALL_FAILED, window_days=1)["outages"]
    assert outage["baseline_decided"] == 280


def test_the_day_on_which_an_outage_ended_is_no_baseline_either() -> None:
    runs = [
        *daily("p", date(2026, 2, 12), date(2026, 3, 11), "ss"),
        *daily("p", date(2026, 3, 12), date(2026, 3, 12), "ffffff"),
        *daily("p", date(2026, 3, 13), date(2026, 3, 13), "ss"),
        *daily("p", date(2026, 3, 16), date(2026, 3, 16), "fff"),
    ]
    first, second = tables_of(runs)["outages"]
    assert (first["is_confirmed"], first["ended_at"], first["baseline_decided"]) == (True, at(3, 13, 8, 1), 56)
    # Of 02-16 to 03-15, the days 03-12 and 03-13 are left out, and on the last two nothing ran: 24 days of two runs.
    assert (second["baseline_decided"], second["baseline_failed"]) == (48, 0)


def test_pipelines_that_began_on_the_day_of_the_failures_make_no_alert_wait() -> None:
    """300 others would raise the three failures needed to four, if they had run in the 28 days before."""
    usual = [*daily("p", date(2026, 2, 18), date(2026, 3, 17), "sssss"), *daily("p", TODAY, TODAY, "ffff")]
    others = [run(f"q{n}", at(3, 18, 7)) for n in range(300)]
    before = [run(f"q{n}", at(3, 17, 7)) for n in range(300)]
    assert [row["alert_after"] for row in tables_of([*usual, *others])["outages"]] == [3]
    assert [row["alert_after"] for row in tables_of([*usual, *before])["outages"]] == [4]
