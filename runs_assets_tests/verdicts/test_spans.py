"""Whether pipelines fail more often than usual up to now: over 24 hours, 3 and 7 days, and as a drift; worked by hand."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from math import comb, prod

import pytest

from runs_assets_tests.verdicts.cases import DAY, MINUTE, CaseRun, at, daily, run
from runs_assets_tests.verdicts.worked import TODAY, Row, history_of, judged, tables_of

SPANS = ("now", "3 days", "7 days", "drift")
FEW_DAYS_READ = "not judged: fewer than 7 days read whole"


def span_of(runs: Iterable[CaseRun], period: str, scope: str = "pipeline", pipeline: str | None = "p") -> Row:
    return row_of(tables_of(runs), period, scope, pipeline)


def row_of(tables: dict[str, list[Row]], period: str, scope: str = "pipeline", pipeline: str | None = "p") -> Row:
    key = (period, scope, pipeline)
    [row] = [row for row in tables["failure_trends"] if (row["period"], row["scope"], row["pipeline_id"]) == key]
    return row


def verdicts_of(tables: dict[str, list[Row]]) -> dict[str, str]:
    return {period: row_of(tables, period)["verdict"] for period in SPANS}


def at_least(failed: int, decided: int, a: float, b: float) -> float:
    """The chance by the beta-binomial distribution, by rising factorials."""
    below = (comb(decided, x) * _rising(a, x) * _rising(b, decided - x) for x in range(failed))
    return 1 - sum(below) / _rising(a + b, decided)


def _rising(start: float, count: int) -> float:
    return prod(start + n for n in range(count))


def test_it_takes_four_failures_and_a_newest_run_that_failed_is_left_out() -> None:
    """After 280 successes, 3 to 5 of 10 fail on the day on which the source is read."""
    usual = [*daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 10)]
    for outcomes, failed, counted, verdict in (
        ("fsfsfsssss", 3, (3, 10), "normal"),
        ("fsfsfsfsss", 4, (4, 10), "worse"),
        ("fsfsfssssf", 4, (3, 9), "normal"),
        ("fsfsfsfssf", 5, (4, 9), "worse"),
    ):
        row = span_of([*usual, *daily("p", TODAY, TODAY, outcomes)], "now")
        assert (row["decided"], row["failed"], row["in_outages"]) == (10, failed, 0)
        assert (row["baseline_days"], row["baseline_decided"], row["baseline_failed"]) == (28, 280, 0)
        assert row["p_value"] == pytest.approx(at_least(*counted, 0.5, 280.5), rel=1e-6)
        assert row["q_value"] < 0.0005
        assert row["verdict"] == verdict


def test_the_newest_run_is_the_one_that_ended_last() -> None:
    """The fourth failure was created before five successes and ended after them, or at the same time as the last."""
    usual = [*daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 10), *daily("p", TODAY, TODAY, "fsfsfsssss")]
    for minutes, verdict in ((119, "worse"), (120, "normal"), (121, "normal")):
        fourth = run("p", at(3, 18, 8, 16), "failed", minutes * MINUTE)
        assert span_of([*usual, fourth], "now")["verdict"] == verdict


def test_of_a_source_the_newest_run_of_all_its_pipelines_is_left_out() -> None:
    usual = [*daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 10), *daily("p", TODAY, TODAY, "fsfsfsfsss")]
    other = run("other", at(3, 18, 11), "failed")
    row = row_of(tables_of([*usual, other]), "now", "source", None)
    assert (row["decided"], row["failed"]) == (11, 5)
    assert row["p_value"] == pytest.approx(at_least(4, 10, 0.5, 280.5), rel=1e-6)


def test_a_lone_failure_leaves_nothing_to_be_surprised_at() -> None:
    usual = daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 10)
    row = span_of([*usual, run("p", at(3, 18), "failed")], "now")
    assert (row["decided"], row["failed"], row["p_value"], row["verdict"]) == (1, 1, 1.0, "normal")


@pytest.mark.long
def test_the_rise_is_at_least_ten_points() -> None:
    """None of 2,800 failed; then 9 of 99, and 10 of 100."""
    usual = [*daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 100)]
    for failed, verdict in ((9, "normal"), (10, "worse")):
        failures = [run("p", at(3, 18, 1) + n * 9 * MINUTE, "failed") for n in range(failed)]
        successes = [run("p", at(3, 18, 1) + (n * 5 + 1) * MINUTE) for n in range(90)]
        row = span_of([*usual, *failures, *successes], "now")
        assert (row["decided"], row["failed"], row["verdict"]) == (90 + failed, failed, verdict)


def test_chance_explains_at_most_one_in_two_thousand() -> None:
    """One success a day for 28 days, and then 4 failures of 9, or 5 of 13."""
    for counts, outcomes, verdict in (((4, 9), "fsfsfsfss", "normal"), ((5, 13), "fsfsfsfsfssss", "worse")):
        chance = at_least(*counts, 0.5, 28.5)
        assert (chance <= 0.0005) == (verdict == "worse")
        alone = span_of(a_bad_day(outcomes), "3 days")
        assert (alone["decided"], alone["failed"], alone["baseline_decided"]) == (*reversed(counts), 28)
        assert (alone["p_value"], alone["q_value"]) == (pytest.approx(chance), pytest.approx(chance))
        assert alone["verdict"] == verdict


def test_one_in_two_thousand_is_not_certain_enough_among_a_hundred_pipelines() -> None:
    others = [run for number in range(107) for run in daily(f"other {number}", date(2026, 2, 22), TODAY)]
    row = span_of([*a_bad_day("fsfsfsfsfssss"), *others], "3 days")
    assert row["p_value"] < 0.0005
    assert (row["q_value"], row["verdict"]) == (pytest.approx(108 * row["p_value"]), "normal")
    assert row["q_value"] > 0.05


def a_bad_day(outcomes: str) -> list[CaseRun]:
    """On 2026-03-16, after 28 days with a success each."""
    bad = TODAY - 2 * DAY
    return [*daily("p", date(2026, 2, 15), date(2026, 3, 14)), *daily("p", bad, bad, outcomes)]


def test_a_few_failures_a_day_show_in_the_longer_spans() -> None:
    """Two of 10 a day fail since 2026-03-16: 6 of 30 in three days, none of them in the spans' 28 days."""
    runs = [
        *daily("p", date(2026, 1, 13), date(2026, 3, 15), "s" * 10),
        *daily("p", date(2026, 3, 16), TODAY, "ssfssssfss"),
    ]
    tables = tables_of(runs)
    # The seven days begin after noon on 2026-03-11: 40 runs of four days, and 30 of three.
    counts = {period: (row_of(tables, period)["decided"], row_of(tables, period)["failed"]) for period in SPANS}
    assert counts == {"now": (10, 2), "3 days": (30, 6), "7 days": (70, 6), "drift": (70, 6)}
    assert row_of(tables, "3 days")["p_value"] == pytest.approx(at_least(6, 30, 0.5, 280.5), rel=1e-6)
    # 6 of 70 are less than 9 points.
    assert verdicts_of(tables) == {"now": "normal", "3 days": "worse", "7 days": "normal", "drift": "normal"}
    [health] = tables["pipeline_health"]
    # No day is worse by itself, so it is since the three days began.
    assert (health["state"], health["since"]) == ("worse", at(3, 15, 12))


def test_the_first_worse_day_of_a_worse_span_is_since_when() -> None:
    """Six of 10 fail on 2026-03-16, and two of 10 a day after it, which are too few to be worse by themselves."""
    usual = [*daily("p", date(2026, 1, 13), date(2026, 3, 15), "s" * 10)]
    bad, less = (
        daily("p", date(2026, 3, 16), date(2026, 3, 16), "ffffffssss"),
        daily("p", TODAY - DAY, TODAY, "ssfssssfss"),
    )
    tables = tables_of([*usual, *bad, *less])
    assert (verdicts_of(tables)["now"], verdicts_of(tables)["3 days"]) == ("normal", "worse")
    [health] = tables["pipeline_health"]
    assert (health["state"], health["since"]) == ("worse", at(3, 16, 0))


def test_what_became_usual_in_the_last_four_weeks_is_a_drift() -> None:
    """Two of 10 a day fail since 2026-02-12; the 28 days that ended 35 days ago, on 2026-02-10, had no failure."""
    runs = [
        *daily("p", date(2026, 1, 13), date(2026, 2, 11), "s" * 10),
        *daily("p", date(2026, 2, 12), TODAY, "ssfssssfss"),
    ]
    tables = tables_of(runs)
    week, drift = row_of(tables, "7 days"), row_of(tables, "drift")
    assert (week["baseline_decided"], week["baseline_failed"], week["verdict"]) == (280, 54, "normal")
    assert (drift["baseline_days"], drift["baseline_decided"], drift["baseline_failed"]) == (28, 280, 0)
    assert (drift["decided"], drift["failed"], drift["date"]) == (70, 14, TODAY)
    assert drift["p_value"] == pytest.approx(at_least(14, 70, 0.5, 280.5), rel=1e-3)
    assert drift["verdict"] == "worse"


def test_a_drift_is_not_judged_before_the_source_was_read_long_enough() -> None:
    tables = tables_of(daily("p", date(2026, 2, 1), TODAY, "s" * 10), first_day=date(2026, 2, 5))
    assert row_of(tables, "drift")["baseline_days"] == 6
    assert verdicts_of(tables) == dict.fromkeys(SPANS, "normal") | {"drift": FEW_DAYS_READ}


def test_failures_of_an_outage_count_until_it_is_over() -> None:
    """After nine weeks of successes, hourly runs fail from 2026-03-17 00:00 on, for 30 hours or still."""
    usual = [run("p", at(1, 13, 0) + n * timedelta(hours=1)) for n in range(63 * 24)]
    later = [at(3, 17, 0) + n * timedelta(hours=1) for n in range(36)]
    going_on = tables_of([*usual, *(run("p", created, "failed") for created in later)])
    assert verdicts_of(going_on)["7 days"] == "worse"
    assert (row_of(going_on, "now")["decided"], row_of(going_on, "now")["in_outages"]) == (23, 0)
    outage = [run("p", created, "failed" if place < 30 else "succeeded") for place, created in enumerate(later)]
    over = tables_of([*usual, *outage])
    # 7 days: 131 runs of the days before, and 36, of which 30 failed; 5 of the last 23 are successes.
    counts = [
        (row["decided"], row["failed"], row["in_outages"]) for row in (row_of(over, "7 days"), row_of(over, "now"))
    ]
    assert counts == [(167, 30, 30), (23, 17, 17)]
    assert verdicts_of(over) == dict.fromkeys(SPANS, "normal")
    assert row_of(over, "now", "source", None)["in_outages"] == 0
    assert row_of(over, "now", "source", None)["verdict"] == "worse"


def test_days_with_runs_that_never_end_say_what_is_usual() -> None:
    runs = [run for day in range(1, 19) for run in daily("p", date(2026, 3, day), date(2026, 3, day), "s" * 10)]
    history = history_of([*runs, *(run("p", at(3, day, 7), "running") for day in range(1, 19))])
    tables = judged(replace(history, days=[replace(day, is_final=False) for day in history.days]))
    # Of the 28 days before 2026-03-17, 16 have runs; before 2026-03-15 14, before 2026-03-11 10.
    days = {period: row_of(tables, period)["baseline_days"] for period in SPANS}
    assert days == {"now": 16, "3 days": 14, "7 days": 10, "drift": 0}
    assert verdicts_of(tables)["7 days"] == "normal"


def test_days_that_were_not_read_whole_say_nothing() -> None:
    history = history_of(daily("p", date(2026, 2, 1), TODAY, "s" * 10))
    for whole, verdict in ((6, FEW_DAYS_READ), (7, "normal")):
        first, last = date(2026, 3, 17) - whole * DAY, date(2026, 3, 16)
        days = [replace(day, is_whole=first <= day.day <= last) for day in history.days]
        tables = judged(replace(history, days=days))
        assert (row_of(tables, "now")["baseline_days"], row_of(tables, "now")["verdict"]) == (whole, verdict)
        assert row_of(tables, "now", "source", None)["verdict"] == verdict


def test_why_a_span_is_not_judged() -> None:
    weekly = daily("p", date(2026, 2, 2), TODAY, "s" * 10, weekdays=[2])
    assert span_of(weekly, "now")["verdict"] == "not judged: fewer than 7 days with completed runs"
    rare = daily("p", date(2026, 2, 2), TODAY, "s", weekdays=[0, 1, 2, 3])
    assert span_of(rare, "now")["verdict"] == "not judged: fewer than 20 completed runs in the 28 days before"
    usual = daily("p", date(2026, 2, 17), date(2026, 3, 16), "s" * 10)
    busy = [*usual, run("p", at(3, 18), "running")]
    assert span_of(busy, "now")["verdict"] == "not judged: no completed run to judge"
