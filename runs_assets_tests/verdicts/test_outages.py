"""Outages and silences, by the product and by the plain recomputation, against cases worked out by hand."""

from datetime import date
from math import prod

import pytest

from runs_assets_tests.verdicts import cases
from runs_assets_tests.verdicts.cases import DAY, at, daily, run
from runs_assets_tests.verdicts.plain_runs import History
from runs_assets_tests.verdicts.worked import TODAY, history_of, judged, part_of, tables_of, trend


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


def test_a_pipeline_that_stopped_is_silent_from_the_end_of_the_first_day_without_runs() -> None:
    tables = tables_of(cases.STOPPED)
    found = {(row["kind"], row["basis"]): row for row in tables["silences"]}
    assert len(found) == len(tables["silences"]) == 3
    no_runs, no_success = found["no_runs", "weekday"], found["no_success", "interval"]
    # 56 runs in 28 days, 23 h 45 min apart at most: three times that after 03-06 08:15.
    assert found["no_runs", "interval"]["expected_by"] == at(3, 9, 7, 30)
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
    assert [row["state"] for row in tables["silences"]] == ["given up"] * 3
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
    assert judged(History("source", history.runs, known))["silences"] == []


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


def test_success_may_stay_away_for_twice_as_long_as_usual() -> None:
    # Once a day; one day is left out: 48 hours are not more than twice 24.
    runs = [*daily("p", date(2026, 2, 2), date(2026, 3, 10)), *daily("p", date(2026, 3, 12), TODAY)]
    assert [row["kind"] for row in tables_of(runs)["silences"]] == ["no_runs"]


def test_only_the_last_28_days_are_usual() -> None:
    runs = [*daily("p", date(2026, 1, 20), date(2026, 1, 25)), *daily("p", date(2026, 1, 30), date(2026, 3, 6))]
    _no_runs, no_success = tables_of(runs)["silences"]
    assert (no_success["usual_interval_seconds"], no_success["expected_by"]) == (86400.0, at(3, 8, 8, 1))


def test_a_weekday_is_missed_after_four_with_runs() -> None:
    # 03-11 is a Wednesday; four weeks before there was no run yet. On Thursday there was.
    [silence] = tables_of(daily("p", date(2026, 2, 12), date(2026, 3, 10)))["silences"][:1]
    assert (silence["kind"], silence["expected_by"]) == ("no_runs", at(3, 13, 0))


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


def test_a_silence_of_several_days_is_one() -> None:
    runs = [*daily("p", date(2026, 2, 2), date(2026, 3, 10), "ss"), *daily("p", date(2026, 3, 14), TODAY, "ss")]
    found = [row for row in tables_of(runs)["silences"] if row["basis"] == "weekday"]
    assert [(row["since"], row["expected_by"], row["ended_at"]) for row in found] == [
        (at(3, 10, 8, 15), at(3, 12, 0), at(3, 14, 8))
    ]


def test_a_failure_ends_the_wait_for_a_success() -> None:
    """The last runs ended on 03-12 at 08:16, both failed; the longest time between two successes was 23 h 45 min."""
    usual = [
        *daily("p", date(2026, 2, 2), date(2026, 3, 11), "ss"),
        *daily("p", date(2026, 3, 12), date(2026, 3, 12), "ff"),
    ]
    late = tables_of([*usual, *daily("p", date(2026, 3, 15), TODAY, "ss")])["silences"]
    [silence] = [row for row in late if row["kind"] == "no_success"]
    expected = {"since": at(3, 12, 8, 16), "expected_by": at(3, 14, 7, 46), "ended_at": at(3, 15, 8, 1)}
    assert part_of(silence, expected) == expected
    assert tables_of([*usual, *daily("p", date(2026, 3, 13), TODAY, "ss")])["silences"] == []


def test_many_runs_are_missed_after_three_times_the_longest_time_between_them_though_they_are_not_regular() -> None:
    """On odd days three runs and on even ones one, so at most 24 hours apart; 27 + 28 in the 28 days before 03-10."""
    days = [date(2026, 2, 1) + n * DAY for n in range(38)]
    runs = [run for day in days for run in daily("p", day, day, "sss" if day.toordinal() % 2 else "s")]
    [silence] = tables_of([*runs, *daily("p", date(2026, 3, 15), TODAY, "ss")])["silences"]
    expected = {"kind": "no_runs", "basis": "interval", "usual_interval_seconds": 24 * 3600.0}
    assert part_of(silence, expected) == expected
    assert silence["expected_by"] == silence["since"] + 3 * DAY
    # In the 18 days before 03-10 there are only 36.
    few = [run for run in runs if run.created >= at(2, 21, 0)]
    assert tables_of([*few, *daily("p", date(2026, 3, 15), TODAY, "ss")])["silences"] == []
